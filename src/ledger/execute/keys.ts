import type { ChangeAttributes } from '../../types/change.ts';
import type { Hash } from '../../types/brand.ts';
import type { Sha256 } from '../../ports/crypto.ts';
import { stateKey } from '../state-key.ts';

/** Keys of the state tree. Those of objects and users may be long or hold any character: `stateKey` bounds them. */
export const KEY = {
  meta: 'meta',
  params: 'params',
  configPolicy: 'config-policy',
  validators: 'validators',
  orgs: 'list/orgs',
  policies: 'list/policies',
  clusters: 'list/clusters',
  liveProposals: 'proposals/live',
  /** Hashes of the bodies that were erased last, so that a node that was away deletes them at its start. */
  erased: 'tombstones/latest',
  /** Proposals that have ended and are still in the state, in the order in which they go. */
  ended: 'proposals/ended',
  due: 'due/list',
  /** Who signed twice: see `evidence.ts`. */
  evidence: 'evidence',
  /** Number of the newest validator set. */
  set: 'set',
  joiners: 'list/joiners',
} as const;

export const setKey = (n: number): string => `set/${n}`;
export const joinerKey = (org: string): string => `joiner/${org}`;
/** Height at which a validator was last seen to take part. */
export const liveKey = (validator: string): string => `live/${validator}`;
export const appHashKey = (slot: number): string => `app-hash/${slot}`;
export const bindingsKey = (cluster: string): string => `list/bindings/${cluster}`;
export const orgKey = (org: string): string => `org/${org}`;
export const clusterKey = (cluster: string): string => `cluster/${cluster}`;
export const clusterKeyIdKey = (cluster: string): string => `cluster-key/${cluster}`;
export const policyKey = (name: string): string => `policy/${name}`;
export const proposalKey = (id: number): string => `proposal/${id}`;
/** Digests of a proposal's changes, in order; written once. */
export const endedKey = (sequence: number): string => `proposals/ended/${sequence}`;
export const proposalDigestsKey = (id: number): string => `proposal/${id}/digests`;
export const changeUseKey = (id: number, index: number): string => `proposal/${id}/use/${index}`;
/** A body that was erased by vote. */
export const tombstoneKey = (body: Hash): string => `tombstone/${body}`;
export const digestKey = (cluster: string, digest: Hash): string => `digest/${cluster}/${digest}`;
export const pairKeyOf = (hash: Hash): string => `pair/${hash}`;
export const naturalKeyKey = (hash: Hash): string => `nk/${hash}`;
export const expiryQueueKey = (horizonMs: number): string => `expiry/${horizonMs}`;
export const expiryEntryKey = (horizonMs: number, sequence: number): string => `expiry/${horizonMs}/${sequence}`;
/** Which reservation an admission belongs to, while the reservation lasts. */
export const decisionKey = (leaf: number): string => `decision/${leaf}`;
export const findingKey = (cluster: string, id: number): string => `finding/${cluster}/${id}`;
/** Ids of open findings, ascending. */
export const openFindingsKey = (cluster: string): string => `findings/open/${cluster}`;
export const guardKey = (cluster: string): string => `guard/${cluster}`;
/** The last summary of a node's repeated refusals. */
export const refusalsKey = (cluster: string, node: string): string => `refusals/${cluster}/${node}`;
export const observerKey = (cluster: string, node: string): string => `observer/${cluster}/${node}`;

export function bindingKey(sha256: Sha256, cluster: string, user: string): string {
  return stateKey(sha256, 'binding', cluster, user);
}

export function objectKey(sha256: Sha256, change: ChangeAttributes): string {
  return stateKey(sha256, 'object', ...objectParts(change));
}

export function namespaceKey(sha256: Sha256, change: ChangeAttributes): string {
  return stateKey(sha256, 'namespace', change.cluster, change.namespace);
}

/** Reservations that are held for changes of one object. */
export function reservationKey(sha256: Sha256, change: ChangeAttributes): string {
  return stateKey(sha256, 'reserved', ...objectParts(change));
}

/** Open proposals of one requester, and of one organisation (`-` for none). */
export function requesterKey(sha256: Sha256, cluster: string, requester: string): string {
  return stateKey(sha256, 'open', 'requester', cluster, requester);
}
export const orgOpenKey = (org: string | null): string => `open/org/${org ?? '-'}`;

/** How far a spool of a node is anchored, and what all of its spools held. */
export const spoolKey = (node: string, spool: string): string => `spool/${node}/${spool}`;
export const spoolsKey = (node: string): string => `spools/${node}`;

/** The latest finding of a kind and subject. */
export function findingOfKey(sha256: Sha256, cluster: string, kind: string, subject: string): string {
  return stateKey(sha256, 'finding-of', cluster, kind, subject);
}

function objectParts({ cluster, group, resource, namespace, name }: ChangeAttributes): readonly string[] {
  return [cluster, group, resource, namespace, name];
}
