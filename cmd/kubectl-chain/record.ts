import type { VerifiedRecord } from '../../src/client/answer.ts';
import type { ChainReader } from '../../src/client/reader.ts';
import { recordOf } from '../../src/client/answer.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { actorOf } from '../../src/ledger/audit-index.ts';
import { bindingKey } from '../../src/ledger/execute/keys.ts';
import type { Binding } from '../../src/types/chain.ts';
import type { PerBinding } from '../../src/types/change.ts';
import type { Payload, TxResult } from '../../src/types/transaction.ts';
import { documentOf } from './document.ts';
import { ageOf } from './output/age.ts';
import type { View } from './output/print.ts';

/** A record as scripts read it; fields are only ever added. Strings are empty where there is nothing. */
export interface RecordJson {
  readonly index: number;
  readonly height: number;
  /** Block time, RFC 3339. */
  readonly time: string;
  /** Kind of the transaction: `mutation`, `ballot`, ... */
  readonly type: Payload['kind'];
  readonly cluster: string;
  readonly actor: string;
  /** Organisation that answers for the actor today, by its binding; of anything but a change, the signer's. */
  readonly org: string;
  readonly operation: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly decision: TxResult['decision'];
  readonly code: string;
  readonly proposal: number | null;
  readonly digest: string;
  readonly digests: PerBinding | null;
  readonly binding: string;
  readonly paths: readonly string[];
  readonly bodyHash: string;
  readonly reason: string;
  readonly witnesses: readonly { readonly org: string; readonly index: number }[];
  /** What observers saw; null while none said anything. */
  readonly persisted: boolean | null;
  readonly persistedBy: readonly string[];
  readonly notPersistedBy: readonly string[];
  readonly transaction: string;
  readonly proof: {
    readonly height: number;
    readonly logSize: number;
    readonly logRoot: string;
    readonly path: readonly string[];
  };
}

/** What nodes do for themselves; shown only with --raw. */
const housekeeping: ReadonlySet<Payload['kind']> = new Set([
  'observation',
  'body-held',
  'cluster-key',
  'guard-seen',
  'tick',
]);

/** One line a decided change: records of first witnesses go into their decision, and what nodes do for themselves is left out. */
export function folded(records: readonly VerifiedRecord[]): readonly VerifiedRecord[] {
  const witnesses = new Set<number>(records.flatMap(({ leaf }) => leaf.result.witnesses));
  return records.filter(
    ({ index, transaction }) => !witnesses.has(index) && !housekeeping.has(transaction.payload.kind),
  );
}

/** Looks up what a record only refers to: its block's time, its other witnesses, whom its actor is bound to. All of it verified. */
export async function describeRecords(
  reader: ChainReader,
  records: readonly VerifiedRecord[],
  known: readonly VerifiedRecord[] = records,
): Promise<readonly RecordJson[]> {
  const present = new Map(known.map((record) => [record.index, record]));
  const missing = records.flatMap(({ leaf }) => leaf.result.witnesses).filter((index) => !present.has(index));
  const bindings = new Set(
    records.flatMap(({ transaction: { payload } }) =>
      payload.kind === 'mutation' ? [bindingKeyOf(payload.attestation.attributes)] : [],
    ),
  );
  const [times, witnesses, state] = await Promise.all([
    reader.times(records),
    reader.leaves([...new Set(missing)]),
    bindings.size === 0 ? undefined : reader.state([...bindings]),
  ]);
  for (const leaf of witnesses) present.set(leaf.index, recordOf(leaf));
  const values = state?.values ?? new Map<string, Uint8Array | undefined>();
  return records.map((record) => describe(record, times.get(record.leaf.height) ?? 0, present, values));
}

function bindingKeyOf({ cluster, user }: { readonly cluster: string; readonly user: string }): string {
  return bindingKey(nativeBackend.sha256, cluster, user);
}

function describe(
  record: VerifiedRecord,
  timeMs: number,
  present: ReadonlyMap<number, VerifiedRecord>,
  bindings: ReadonlyMap<string, Uint8Array | undefined>,
): RecordJson {
  const { index, leaf, transaction, proof, tree } = record;
  const { payload } = transaction;
  const { result } = leaf;
  return {
    index,
    height: leaf.height,
    time: new Date(timeMs).toISOString(),
    type: payload.kind,
    actor: actorOf(payload),
    ...subjectOf(payload, result, bindings),
    decision: result.decision,
    code: result.code,
    proposal: result.proposal ?? ('proposal' in payload ? payload.proposal : null),
    binding: result.binding ?? '',
    witnesses: witnessesOf(record, present),
    ...persistedOf(record),
    transaction: transaction.hash,
    proof: { height: tree.height, logSize: tree.size, logRoot: tree.root, path: proof },
  };
}

type Subject = Pick<
  RecordJson,
  | 'cluster'
  | 'org'
  | 'operation'
  | 'group'
  | 'version'
  | 'resource'
  | 'subresource'
  | 'namespace'
  | 'name'
  | 'uid'
  | 'digest'
  | 'digests'
  | 'paths'
  | 'bodyHash'
  | 'reason'
>;

const nothing: Subject = {
  cluster: '', org: '', operation: '', group: '', version: '', resource: '', subresource: '', namespace: '', name: '', uid: '', digest: '', digests: null,
  paths: [], bodyHash: '', reason: '',
}; // prettier-ignore

function subjectOf(payload: Payload, result: TxResult, bindings: ReadonlyMap<string, Uint8Array | undefined>): Subject {
  switch (payload.kind) {
    case 'mutation': {
      const { attributes, digest, bodyHash } = payload.attestation;
      const { cluster, operation, group, version, resource, subresource, namespace, name, uid, paths } = attributes;
      const org = documentOf<Binding>(bindings, bindingKeyOf(attributes))?.org ?? '';
      return {
        cluster, org, operation, group, version, resource, subresource, namespace, name, uid, paths, bodyHash,
        digest: digest[result.binding ?? 'diff'], digests: digest, reason: '',
      }; // prettier-ignore
    }
    case 'proposal': {
      const { org, reason, cluster } = payload;
      return {
        ...nothing,
        cluster,
        org,
        operation: 'PROPOSE',
        resource: 'proposals',
        name: String(result.proposal ?? ''),
        reason,
      };
    }
    case 'ballot':
      return { ...ofProposal(payload, payload.choice.toUpperCase()), reason: payload.reason };
    case 'claim':
      return ofProposal(payload, payload.claim ? 'CLAIM' : 'UNCLAIM');
    case 'withdrawal':
      return ofProposal(payload, 'WITHDRAW');
    case 'observation':
      return { ...nothing, cluster: payload.cluster, org: payload.node, operation: 'OBSERVE' };
    case 'body-held':
      return {
        ...nothing,
        org: payload.node,
        operation: 'HOLD',
        resource: 'proposals',
        name: String(payload.proposal),
      };
    case 'cluster-key':
      return { ...nothing, cluster: payload.cluster, org: payload.node, operation: 'CLUSTER-KEY' };
    case 'tick':
      return { ...nothing, org: payload.node, operation: 'TICK' };
    case 'finding':
      return {
        ...nothing,
        cluster: payload.cluster,
        org: payload.node,
        operation: payload.holds ? 'FIND' : 'REPAIRED',
        resource: payload.finding,
        name: payload.subject,
        reason: payload.detail,
      };
    case 'guard-seen':
      return { ...nothing, cluster: payload.cluster, org: payload.node, operation: 'GUARD-SEEN', resource: 'webhook' };
    case 'refusals': {
      const times = payload.proposals.reduce((sum, { count }) => sum + count, payload.others);
      const names = payload.proposals.map(({ proposal, count }) => `${proposal} (${count})`).join(', ');
      return {
        ...nothing,
        cluster: payload.cluster,
        org: payload.node,
        operation: 'REFUSE-AGAIN',
        resource: 'proposals',
        reason: `${times} times refused again: ${names}`.slice(0, 1_000),
      };
    }
    case 'key-rotation':
      return { ...nothing, org: payload.node, operation: 'ROTATE', resource: 'keys', name: payload.purpose };
    case 'member-key':
      return { ...nothing, org: payload.org, operation: 'ROTATE', resource: 'members', name: payload.member };
    case 'validator-join':
      return { ...nothing, org: payload.node, operation: 'JOIN', resource: 'validators', name: payload.node };
    case 'handover':
      return {
        ...nothing,
        org: payload.node,
        operation: 'HANDOVER',
        resource: 'validators',
        name: String(payload.set),
      };
    case 'evidence':
      return { ...nothing, org: payload.node, operation: 'EVIDENCE', resource: 'validators', name: payload.validator };
  }
}

function ofProposal(
  { org, proposal }: { readonly org: string; readonly proposal: number },
  operation: string,
): Subject {
  return { ...nothing, org, operation, resource: 'proposals', name: String(proposal) };
}

/** The node that signed the decision's own record, and those of the others that it names. */
function witnessesOf(
  { index, leaf, transaction }: VerifiedRecord,
  present: ReadonlyMap<number, VerifiedRecord>,
): RecordJson['witnesses'] {
  if (transaction.payload.kind !== 'mutation') return [];
  const others = leaf.result.witnesses.flatMap((witness) => {
    const payload = present.get(witness)?.transaction.payload;
    return payload?.kind === 'mutation' ? [{ org: payload.node as string, index: witness as number }] : [];
  });
  return [...others, { org: transaction.payload.node, index }];
}

function persistedOf({
  index,
  observations,
}: VerifiedRecord): Pick<RecordJson, 'persisted' | 'persistedBy' | 'notPersistedBy'> {
  const said = new Map<string, boolean>();
  for (const { transaction } of observations.toSorted((a, b) => a.index - b.index)) {
    const { payload } = transaction;
    if (payload.kind !== 'observation') continue;
    for (const { decision, persisted } of payload.results) {
      if (decision === index) said.set(payload.node, persisted || said.get(payload.node) === true);
    }
  }
  const by = (persisted: boolean): string[] =>
    [...said]
      .filter(([, seen]) => seen === persisted)
      .map(([node]) => node)
      .sort();
  const [persistedBy, notPersistedBy] = [by(true), by(false)];
  return { persisted: said.size === 0 ? null : persistedBy.length > 0, persistedBy, notPersistedBy };
}

function persistedCell({ type, decision, persisted, persistedBy, notPersistedBy }: RecordJson): string {
  if (type !== 'mutation' || decision !== 'ADMITTED') return '';
  if (persisted === null) return '<unknown>';
  return persisted ? `yes (${persistedBy.length})` : `no (${notPersistedBy.length})`;
}

export const recordView: View<RecordJson> = {
  kind: 'Record',
  name: ({ index }) => `record/${index}`,
  columns: [
    { header: 'INDEX', cell: ({ index }) => String(index) },
    { header: 'AGE', cell: ({ time }, nowMs) => ageOf(time, nowMs) },
    { header: 'ACTOR', cell: ({ actor }) => actor },
    { header: 'ORG', cell: ({ org }) => org },
    { header: 'OPERATION', cell: ({ operation }) => operation },
    { header: 'RESOURCE', cell: resourceCell },
    { header: 'NAMESPACE', cell: ({ namespace }) => namespace },
    { header: 'NAME', cell: ({ name }) => name },
    { header: 'DECISION', cell: ({ decision }) => decision },
    { header: 'PROPOSAL', cell: ({ proposal }) => (proposal === null ? '' : String(proposal)) },
    { header: 'WITNESSES', cell: ({ witnesses }) => witnesses.map(({ org }) => org).join(',') },
    { header: 'PERSISTED', cell: persistedCell },
    { header: 'CODE', cell: ({ code }) => code, isWide: true },
    { header: 'CLUSTER', cell: ({ cluster }) => cluster, isWide: true },
    { header: 'HEIGHT', cell: ({ height }) => String(height), isWide: true },
    { header: 'DIGEST', cell: ({ digest }) => digest.slice(0, 16), isWide: true },
  ],
};

export function resourceCell({
  resource,
  group,
  subresource,
}: Pick<RecordJson, 'resource' | 'group' | 'subresource'>): string {
  if (resource === '') return '';
  return `${resource}${group === '' ? '' : `.${group}`}${subresource === '' ? '' : `/${subresource}`}`;
}
