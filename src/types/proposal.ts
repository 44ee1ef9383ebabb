import type { ClusterId, Hash, LeafIndex, OrgId } from './brand.ts';
import type { BallotChoice, ConfigChange } from './transaction.ts';
import type { BindingMode, ChangeAttributes, PerBinding } from './change.ts';

export type ProposalState =
  'OPEN' | 'APPROVED' | 'REJECTED' | 'WITHDRAWN' | 'EXPIRED' | 'SUPERSEDED' | 'UNAVAILABLE' | 'EXECUTED' | 'FAILED';
export type ChangeState = 'OPEN' | 'READY' | 'RESERVED' | 'EXECUTED' | 'UNCERTAIN' | 'LAPSED' | 'REVOKED' | 'STALE';

/** One policy that must be met; a proposal matched by several must meet each. */
export interface Requirement {
  /** Policy name; `configuration` for the chain's own configuration. */
  readonly policy: string;
  readonly policyDigest: Hash;
  readonly approvals: number;
  readonly requiredOrgs: readonly OrgId[];
  readonly veto: readonly OrgId[];
  readonly excludeAuthor: 'org' | 'person' | 'none';
  /** Organisations that the proposal would remove: they do not count. */
  readonly excludedOrgs?: readonly OrgId[];
  readonly binding: BindingMode;
}

export interface Vote {
  readonly org: OrgId;
  readonly member: string;
  readonly choice: BallotChoice;
  readonly sequence: number;
  readonly reason: string;
  readonly atMs: number;
  readonly leaf: LeafIndex;
}

/**
 * What became of one approval, under `proposal/<id>/use/<index>`: there is a document from its first reservation on, and none again while it is free. So
 * the admission of one change of many writes no list of them.
 */
export interface ChangeUse {
  readonly state: Extract<ChangeState, 'RESERVED' | 'EXECUTED' | 'UNCERTAIN'>;
  /** While RESERVED: block time at which the lease ends; else null. */
  readonly leaseMs: number | null;
  /** Leaf of the admission that used it. */
  readonly decision: LeafIndex;
  /** uid the reservation is bound to. */
  readonly reservedUid: string;
  /** State key of the reservations of its object. */
  readonly reservation: string;
  /** False once another admitted change of the object came: the reservation then serves no further review. */
  readonly reusable: boolean;
  /** Organisations whose observers said persisted / not persisted for this reservation. */
  readonly persistedBy: readonly OrgId[];
  readonly notPersistedBy: readonly OrgId[];
}

/** As it stands in the state tree under `proposal/<id>`. Times are block times in milliseconds. */
export interface Proposal {
  readonly v: 1;
  readonly id: number;
  /** Counts the proposals for the same first digest, from 1. */
  readonly instance: number;
  readonly kind: 'change' | 'configuration';
  readonly origin: 'refusal' | 'propose';
  readonly state: ProposalState;
  readonly cluster: ClusterId | '';
  readonly openedMs: number;
  readonly openedHeight: number;
  readonly openedLeaf: LeafIndex;
  readonly nonce: string;
  readonly reason: string;
  /** Who asked: the Kubernetes user of the refused request, or the proposing member. */
  readonly requester: { readonly user: string; readonly org: OrgId | null; readonly member: string | null };
  /** Claims in force. */
  readonly claims: readonly { readonly org: OrgId; readonly member: string; readonly sequence: number }[];
  /** Claims that were taken back, so that an older claim cannot come again. */
  readonly withdrawnClaims: readonly { readonly org: OrgId; readonly member: string; readonly sequence: number }[];
  readonly requirements: readonly Requirement[];
  /** Organisations fixed at opening. */
  readonly electors: readonly OrgId[];
  /** Hash of the body that lists the changes (ledger/details.ts); empty for a configuration. */
  readonly details: Hash | '';
  /** The first change in words. */
  readonly title: string;
  /** Their digests are under `proposal/<id>/digests`, written once. */
  readonly changeCount: number;
  /** State of every change that has no `ChangeUse`. */
  readonly unused: Exclude<ChangeState, ChangeUse['state']>;
  /** Indexes of the changes that are RESERVED, ascending; how many are in the two states that an approval ends in. */
  readonly reserved: readonly number[];
  readonly executed: number;
  readonly uncertain: number;
  readonly config: readonly ConfigChange[];
  /** Organisations whose nodes hold the bodies; voting starts when enough of them do. */
  readonly bodyHeldBy: readonly OrgId[];
  readonly votingMs: number;
  readonly executionMs: number;
  /** Null until voting starts (change) or set at opening (configuration). */
  readonly deadlineVotingMs: number | null;
  readonly deadlineExecutionMs: number | null;
  readonly termsHash: Hash;
  readonly votes: readonly Vote[];
  /** Why it ended, a registry code; empty while it goes on. */
  readonly endCode: string;
}

/** One change of a proposal as its body lists it: all that a policy reads, and what its own body must hash to. */
export interface DetailedChange extends Omit<ChangeAttributes, 'cluster' | 'user' | 'groups'> {
  readonly commitment: PerBinding;
  readonly bodyHash: Hash;
  /** Which of the two digests is approved: the stricter mode of the policies that match this change. */
  readonly binding: BindingMode;
}

/** The body of a proposal, kept off the chain under its hash. It holds metadata only, as the records of its changes will, so anybody may read it. */
export interface ProposalDetails {
  readonly v: 1;
  readonly alg: 'sha256';
  readonly cluster: ClusterId;
  readonly keyId: Hash;
  readonly user: string;
  readonly groups: readonly string[];
  readonly changes: readonly DetailedChange[];
}
