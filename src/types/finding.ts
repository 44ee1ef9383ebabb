import type { ClusterId, Hash, LeafIndex, OrgId } from './brand.ts';

/**
 * What went around the log. `webhook`: the entry of a hook is missing or not as it must be; `canary`: a hook let its canary pass, or does not answer;
 * `unattributed`: an object without an admitted record, or with other content than its record; `failed-open`: the API server let a change pass that a
 * hook did not answer; `impersonation`: somebody wrote under the name of a control-plane actor; `guard`: the admission policy that protects the
 * webhook configuration is missing or altered.
 */
export type FindingKind = 'webhook' | 'canary' | 'unattributed' | 'failed-open' | 'impersonation' | 'guard';

/** `SEEN`: fewer than min(f+1, observers) organisations have signed it. `SEEN` and `CONFIRMED` are open. */
export type FindingState = 'SEEN' | 'CONFIRMED' | 'RATIFIED' | 'REPAIRED';

export type FoundReason =
  'no-record' | 'other-content' | 'content-withheld' | 'unjustified' | 'deleted' | 'failed-open' | 'impersonated';

/** One object that a finding is about. */
export interface FoundObject {
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly reason: FoundReason;
}

/** What an observer compared when it signed. */
export interface FindingCoverage {
  /** Time of the observer's clock since when it follows the cluster without a gap, milliseconds. */
  readonly sinceMs: number;
  readonly compared: number;
}

/** The latest word of one organisation's observer on a finding. */
export interface FindingReport {
  readonly org: OrgId;
  readonly leaf: LeafIndex;
  readonly sequence: number;
  /** False: it looked, and the cluster is as it must be. */
  readonly holds: boolean;
  readonly value: string;
  readonly objectCount: number;
  readonly throughVersion: string;
  readonly coverage: FindingCoverage | null;
}

/** As it stands in the state tree under `finding/<cluster>/<id>`. Times are block times in milliseconds. */
export interface Finding {
  readonly v: 1;
  /** From 1, for each cluster. */
  readonly id: number;
  readonly cluster: ClusterId;
  readonly kind: FindingKind;
  /** Name of the hook, `objects`, or the user whose name was taken. */
  readonly subject: string;
  /** Counts the findings of one kind and subject, from 1. */
  readonly episode: number;
  readonly state: FindingState;
  readonly openedMs: number;
  readonly openedLeaf: LeafIndex;
  readonly confirmedMs: number | null;
  readonly closedMs: number | null;
  /** Words of the first observer; others may have seen more. */
  readonly detail: string;
  readonly reports: readonly FindingReport[];
  /** The first ones that were named, at most 50, each with the organisations that named it; `objectCount` of the reports says how many there are. */
  readonly objects: readonly (FoundObject & { readonly by: readonly OrgId[] })[];
  /** The proposal that ratified it; null otherwise. */
  readonly proposal: number | null;
}

/** What min(f+1, observers) organisations agree on: the part of a finding that a ratification is about. */
export interface FindingFacts {
  readonly id: number;
  readonly cluster: ClusterId;
  readonly kind: FindingKind;
  readonly subject: string;
  readonly episode: number;
  /** Hash of what is in the cluster in place of what must be; empty if nothing is, or if that many do not agree. */
  readonly value: string;
  readonly objectCount: number;
  /** Everything up to this resourceVersion was compared; empty if that many did not compare. */
  readonly throughVersion: string;
  readonly objects: readonly FoundObject[];
}

/** Where the API server reaches a hook, and whose certificates it takes there: the part of an entry that only an installation can know. */
export interface HookClient {
  readonly url: string;
  /** PEM in standard base64, as it stands in the webhook configuration. */
  readonly caBundle: string;
}

/** An entry as an observer found it: all of it, and its address and authority alone. */
export interface SeenHook {
  readonly name: string;
  readonly hash: Hash;
  readonly client: Hash;
}

export interface ExpectedHook {
  readonly name: string;
  readonly hash: Hash;
  /** Hashes of addresses and authorities that a vote announced, in the order in which they come. */
  readonly announced: readonly Hash[];
}

/** As it stands under `guard/<cluster>`: what observers compare the cluster with. */
export interface Guard {
  readonly v: 1;
  readonly cluster: ClusterId;
  /** What is expected of each hook's entry, sorted by name. */
  readonly hooks: readonly ExpectedHook[];
  /** Objects that have not changed since this resourceVersion are accepted as they are. */
  readonly throughVersion: string;
  readonly sinceMs: number;
  /** Sightings of hooks that are not expected yet, one an organisation. */
  readonly seen: readonly {
    readonly org: OrgId;
    readonly hooks: readonly SeenHook[];
    readonly throughVersion: string;
  }[];
}
