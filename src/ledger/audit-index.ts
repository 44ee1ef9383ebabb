import type { ChangeAttributes } from '../types/change.ts';
import type { Leaf, Payload, TxResult } from '../types/transaction.ts';

/**
 * The audit indexes: what is found by them is proven by the leaf itself, so they are local and no part of the state. The store
 * keeps leaves of one key newest first, and the keys of `time` in order: these are 16 digits of block time in milliseconds.
 */
export const AUDIT_INDEXES = [
  'object',
  'namespace',
  'actor',
  'operation',
  'decision',
  'proposal',
  'kind',
  'time',
  'observation',
] as const;
export type AuditIndex = (typeof AUDIT_INDEXES)[number];

export type AuditEntry = readonly [index: AuditIndex, key: string, leaf: number];

type ObjectName = Pick<ChangeAttributes, 'cluster' | 'group' | 'resource' | 'namespace' | 'name'>;

/** Keys as queries give them. A leaf found under one is still compared with the query, since names may hold a slash. */
export const auditKey = {
  /** `<cluster>/<group>/<resource>/<namespace>/<name>`; empty parts stay empty. */
  object: ({ cluster, group, resource, namespace, name }: ObjectName): string =>
    [cluster, group, resource, namespace, name].join('/'),
  namespace: (cluster: string, namespace: string): string => `${cluster}/${namespace}`,
  /** Block time in milliseconds. */
  time: (timeMs: number): string => String(timeMs).padStart(16, '0'),
} as const;

/** Where one recorded transaction is found. Pure: the same leaf always gives the same entries. */
export function auditEntries(leaf: number, payload: Payload, result: TxResult, timeMs: number): readonly AuditEntry[] {
  const entries: AuditEntry[] = [
    ['kind', payload.kind, leaf],
    ['time', auditKey.time(timeMs), leaf],
    ['decision', result.decision, leaf],
    ...actorsOf(payload).map((actor): AuditEntry => ['actor', actor, leaf]),
  ];
  const proposal = result.proposal ?? ('proposal' in payload ? payload.proposal : null);
  if (proposal !== null) entries.push(['proposal', String(proposal), leaf]);
  const changes = changesOf(payload);
  const each = (index: AuditIndex, keyOf: (attributes: ChangeAttributes) => string): void => {
    for (const key of new Set(changes.map(keyOf))) if (key !== '') entries.push([index, key, leaf]);
  };
  each('object', auditKey.object);
  each('operation', ({ operation }) => operation);
  each('namespace', ({ cluster, namespace }) => (namespace === '' ? '' : auditKey.namespace(cluster, namespace)));
  if (payload.kind === 'observation') {
    // Under the leaf of the decision that it is about.
    for (const decision of new Set(payload.results.map((observed) => observed.decision)))
      entries.push(['observation', String(decision), leaf]);
  }
  return entries;
}

/** The changes of the cluster that a transaction is about, in order. */
export function changesOf(payload: Payload): readonly ChangeAttributes[] {
  if (payload.kind === 'mutation') return [payload.attestation.attributes];
  if (payload.kind !== 'spooled-record') return [];
  return payload.entries.flatMap((entry) => ('gap' in entry ? [] : [entry.attributes]));
}

function actorsOf(payload: Payload): readonly string[] {
  const users = changesOf(payload).map(({ user }) => user);
  return users.length === 0 ? [actorOf(payload)] : [...new Set(users)];
}

/** A Kubernetes user, `<organisation>/<member>`, or the name of a node. */
export function actorOf(payload: Payload): string {
  if (payload.kind === 'mutation') return payload.attestation.attributes.user;
  return 'node' in payload ? payload.node : `${payload.org}/${payload.member}`;
}

/**
 * The record of the same object or namespace before this one; null if this is the first. `key` is that of the index: of a record about many objects it says which
 * predecessor counts. The first entry about it names the leaf before, later ones this very leaf.
 */
export function previousLeaf(
  payload: Payload,
  prev: Leaf['prev'],
  by: 'object' | 'namespace',
  key: string,
): number | null {
  if (payload.kind !== 'spooled-record') return prev[by];
  const at = payload.entries.findIndex((entry) => !('gap' in entry) && keyOf(entry.attributes, by) === key);
  return prev.entries?.[at]?.[by] ?? null;
}

function keyOf(attributes: ChangeAttributes, by: 'object' | 'namespace'): string {
  return by === 'object' ? auditKey.object(attributes) : auditKey.namespace(attributes.cluster, attributes.namespace);
}
