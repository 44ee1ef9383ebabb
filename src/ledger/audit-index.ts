import type { ChangeAttributes } from '../types/change.ts';
import type { Payload, TxResult } from '../types/transaction.ts';

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
    ['actor', actorOf(payload), leaf],
    ['decision', result.decision, leaf],
  ];
  const proposal = result.proposal ?? ('proposal' in payload ? payload.proposal : null);
  if (proposal !== null) entries.push(['proposal', String(proposal), leaf]);
  if (payload.kind === 'mutation') {
    const { attributes } = payload.attestation;
    entries.push(['object', auditKey.object(attributes), leaf], ['operation', attributes.operation, leaf]);
    if (attributes.namespace !== '')
      entries.push(['namespace', auditKey.namespace(attributes.cluster, attributes.namespace), leaf]);
  }
  if (payload.kind === 'observation') {
    // Under the leaf of the decision that it is about.
    for (const decision of new Set(payload.results.map((observed) => observed.decision)))
      entries.push(['observation', String(decision), leaf]);
  }
  return entries;
}

/** A Kubernetes user, `<organisation>/<member>`, or the name of a node. */
export function actorOf(payload: Payload): string {
  if (payload.kind === 'mutation') return payload.attestation.attributes.user;
  return 'node' in payload ? payload.node : `${payload.org}/${payload.member}`;
}
