import type { VerifiedRecord } from '../../src/client/answer.ts';
import type { ChainReader } from '../../src/client/reader.ts';
import { recordOf } from '../../src/client/answer.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { changeDigests } from '../../src/codec/change-digest.ts';
import { actorOf, changesOf } from '../../src/ledger/audit-index.ts';
import { observersNeeded } from '../../src/ledger/execute/finding-facts.ts';
import { bindingKey, clusterKey, KEY } from '../../src/ledger/execute/keys.ts';
import type { Binding, ClusterRecord, Validator } from '../../src/types/chain.ts';
import type { PerBinding } from '../../src/types/change.ts';
import type { Owner, Payload, SpooledRecordPayload, SpoolEntry, TxResult } from '../../src/types/transaction.ts';
import { documentOf } from './document.ts';
import { ageOf } from './output/age.ts';
import type { View } from './output/print.ts';

/** A record as scripts read it; fields are only ever added. Strings are empty where there is nothing. */
export interface RecordJson {
  readonly index: number;
  /** Place in a record that holds many, from 0; null in any other. */
  readonly entry: number | null;
  readonly height: number;
  /** Block time, RFC 3339. */
  readonly time: string;
  /** When the node was asked, by its own clock; empty where the record does not say. */
  readonly received: string;
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
  /** ownerReferences of what the control plane wrote. */
  readonly owners: readonly Owner[];
  readonly reason: string;
  readonly witnesses: readonly { readonly org: string; readonly index: number }[];
  /**
   * What observers saw: false once as many said so that one of them is honest; null while it is not known. Of what no policy held back they say only what was not
   * stored.
   */
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

/** One line a change: a record of many gives as many, the newest first. Looks up what a record only refers to: its block's time, its other witnesses, whom its actor is bound to. All of it verified. */
export async function describeRecords(
  reader: ChainReader,
  records: readonly VerifiedRecord[],
  known: readonly VerifiedRecord[] = records,
): Promise<readonly RecordJson[]> {
  const present = new Map(known.map((record) => [record.index, record]));
  const missing = records.flatMap(({ leaf }) => leaf.result.witnesses).filter((index) => !present.has(index));
  const changes = records.flatMap(({ transaction }) => changesOf(transaction.payload));
  const observing = changes.map(({ cluster }) => clusterKey(cluster));
  const asked = new Set([
    ...changes.map(bindingKeyOf),
    ...observing,
    ...(changes.length === 0 ? [] : [KEY.validators]),
  ]);
  // One after the other: at once, each would make a connection of its own, which costs more round trips and time than it saves.
  const times = await reader.times(records);
  const witnesses = await reader.leaves([...new Set(missing)]);
  const state = asked.size === 0 ? undefined : await reader.state([...asked]);
  for (const leaf of witnesses) present.set(leaf.index, recordOf(leaf));
  const values = state?.values ?? new Map<string, Uint8Array | undefined>();
  return records.flatMap((record) => describe(record, times.get(record.leaf.height) ?? 0, present, values));
}

type State = ReadonlyMap<string, Uint8Array | undefined>;
type Observed = Pick<RecordJson, 'persisted' | 'persistedBy' | 'notPersistedBy'>;
const notObserved: Observed = { persisted: null, persistedBy: [], notPersistedBy: [] };

function bindingKeyOf({ cluster, user }: { readonly cluster: string; readonly user: string }): string {
  return bindingKey(nativeBackend.sha256, cluster, user);
}

function describe(
  record: VerifiedRecord,
  timeMs: number,
  present: ReadonlyMap<number, VerifiedRecord>,
  state: State,
): readonly RecordJson[] {
  const { payload } = record.transaction;
  if (payload.kind !== 'spooled-record') {
    const own = { entry: null, received: '', actor: actorOf(payload), ...persistedOf(record, state) };
    return [describeOne(record, timeMs, present, { ...own, ...subjectOf(payload, record.leaf.result, state) })];
  }
  return payload.entries
    .map((entry, at): RecordJson => {
      const actor = 'gap' in entry ? payload.node : entry.attributes.user;
      const received = new Date('gap' in entry ? entry.atMs : entry.receivedMs).toISOString();
      const subject = spooledSubject(payload, entry, state);
      return describeOne(record, timeMs, present, { entry: at, received, actor, ...notObserved, ...subject });
    })
    .toReversed();
}

function describeOne(
  record: VerifiedRecord,
  timeMs: number,
  present: ReadonlyMap<number, VerifiedRecord>,
  subject: Subject & Observed & Pick<RecordJson, 'entry' | 'received' | 'actor'>,
): RecordJson {
  const { index, leaf, transaction, proof, tree } = record;
  const { payload } = transaction;
  const { result } = leaf;
  return {
    index,
    height: leaf.height,
    time: new Date(timeMs).toISOString(),
    type: payload.kind,
    ...subject,
    decision: result.decision,
    code: result.code,
    proposal: result.proposal ?? ('proposal' in payload ? payload.proposal : null),
    binding: result.binding ?? '',
    witnesses: witnessesOf(record, present),
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
  | 'owners'
>;

const nothing: Subject = {
  cluster: '', org: '', operation: '', group: '', version: '', resource: '', subresource: '', namespace: '', name: '', uid: '', digest: '', digests: null,
  paths: [], bodyHash: '', reason: '', owners: [],
}; // prettier-ignore

function subjectOf(payload: Exclude<Payload, SpooledRecordPayload>, result: TxResult, state: State): Subject {
  switch (payload.kind) {
    case 'mutation': {
      const { attributes, digest, bodyHash } = payload.attestation;
      const { cluster, operation, group, version, resource, subresource, namespace, name, uid, paths } = attributes;
      const org = documentOf<Binding>(state, bindingKeyOf(attributes))?.org ?? '';
      return {
        cluster, org, operation, group, version, resource, subresource, namespace, name, uid, paths, bodyHash,
        digest: digest[result.binding ?? 'diff'], digests: digest, reason: '', owners: [],
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

function spooledSubject({ cluster, node }: SpooledRecordPayload, entry: SpoolEntry, state: State): Subject {
  if ('gap' in entry) {
    const lost = entry.count === null ? 'an unknown number of' : String(entry.count);
    const reason =
      entry.gap === 'open' ? 'the spool takes nothing' : `${lost} writes of the control plane are not recorded`;
    return { ...nothing, cluster, org: node, operation: `GAP-${entry.gap.toUpperCase()}`, resource: 'spools', reason };
  }
  const { attributes, commitment, owners } = entry;
  const { operation, group, version, resource, subresource, namespace, name, uid, paths } = attributes;
  const org = documentOf<Binding>(state, bindingKeyOf(attributes))?.org ?? '';
  const digests = changeDigests(nativeBackend.sha256, attributes, commitment);
  return {
    cluster, org, operation, group, version, resource, subresource, namespace, name, uid, paths, bodyHash: '', digest: digests.diff, digests,
    reason: '', owners,
  }; // prettier-ignore
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
  if (transaction.payload.kind === 'spooled-record') return [{ org: transaction.payload.node, index }];
  if (transaction.payload.kind !== 'mutation') return [];
  const others = leaf.result.witnesses.flatMap((witness) => {
    const payload = present.get(witness)?.transaction.payload;
    return payload?.kind === 'mutation' ? [{ org: payload.node as string, index: witness as number }] : [];
  });
  return [...others, { org: transaction.payload.node, index }];
}

function persistedOf({ index, observations, transaction: { payload: about } }: VerifiedRecord, state: State): Observed {
  if (about.kind !== 'mutation') return notObserved;
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
  const enough = (nodes: readonly string[]): boolean => isEnough(nodes, about.attestation.attributes.cluster, state);
  const isMissed = enough(notPersistedBy) && !enough(persistedBy);
  return { persisted: isMissed ? false : persistedBy.length > 0 ? true : null, persistedBy, notPersistedBy };
}

/** Whether so many of the cluster's observers say it that at least one of them is honest. */
function isEnough(nodes: readonly string[], cluster: string, state: State): boolean {
  if (nodes.length === 0) return false;
  const validators = documentOf<readonly Validator[]>(state, KEY.validators) ?? [];
  const record = documentOf<ClusterRecord>(state, clusterKey(cluster));
  if (record === undefined) return false;
  const orgs = validators.filter(({ id }) => nodes.includes(id)).map(({ org }) => org);
  return record.observers.filter((org) => orgs.includes(org)).length >= observersNeeded(validators.length, record);
}

function persistedCell({ type, decision, persisted, persistedBy, notPersistedBy }: RecordJson): string {
  if (type !== 'mutation' || decision !== 'ADMITTED') return '';
  if (persisted === null) return '<unknown>';
  return persisted ? `yes (${persistedBy.length})` : `no (${notPersistedBy.length})`;
}

/** `17`, or `17.3` in a record of many. */
export function placeOf({ index, entry }: Pick<RecordJson, 'index' | 'entry'>): string {
  return entry === null ? String(index) : `${index}.${entry}`;
}

export const recordView: View<RecordJson> = {
  kind: 'Record',
  name: (record) => `record/${placeOf(record)}`,
  columns: [
    { header: 'INDEX', cell: placeOf },
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
