import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { changeDigests } from '../../src/codec/change-digest.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import type { RecordedChange, SpooledRecordPayload } from '../../src/types/transaction.ts';
import type { Playground } from '../playground/playground.ts';
import { getApi } from '../playground/node-process.ts';
import { FAKE_NODES } from '../playground/full-control-plane.ts';
import type { Committee } from './committee.ts';
import { call, createConfigMap, createNamespace, proposalOf } from './objects.ts';
import { readerOf } from './log-of.ts';

/** A Deployment that was voted for, whose pods the control plane replaces again and again: what goes on while the chain is down. */

export const NS = 'prod-shop';
const APP = 'web';
const REPLICAS = 3;
const DEPLOYMENTS = `/apis/apps/v1/namespaces/${NS}/deployments`;
const TAINT = 'maintenance';
/** Two of four: no quorum is left, and each hook still has a node. */
export const QUORUM = [1, 2];
const EVENTUALLY_MS = 120_000;

/** Two approvals for all of a Deployment's objects, whoever touches them. */
export const POLICY = {
  clusters: ['*'],
  match: [
    {
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      resources: [
        { group: 'apps', resource: 'deployments' },
        { group: 'apps', resource: 'replicasets' },
        { group: '', resource: 'pods' },
      ],
      namespaces: ['prod-*'],
    },
  ],
  require: { approvals: 2, requiredOrgs: [], veto: [], excludeAuthor: 'org' },
  binding: 'diff',
  deadlines: { voting: '24h', execution: '1h' },
} as const;

export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = EVENTUALLY_MS): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(200);
  }
}

/** Voted for, made, available; resolves with the proposal. Each pod stays for `staySeconds` on a node that is tainted. */
export async function deploy(playground: Playground, committee: Committee, staySeconds: number): Promise<number> {
  await committee.enforce('workloads', POLICY);
  await createNamespace(playground, NS);
  const labels = { app: APP };
  const tolerations = [{ key: TAINT, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: staySeconds }];
  const spec = { containers: [{ name: APP, image: APP, ports: [{ containerPort: 80 }] }], tolerations };
  const body = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: APP },
    spec: { replicas: REPLICAS, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: APP },
    spec: { selector: labels, ports: [{ port: 80 }] },
  };
  await call(playground, 'alice', `/api/v1/namespaces/${NS}/services`, { method: 'POST', body: service });
  const proposal = proposalOf(await call(playground, 'alice', DEPLOYMENTS, { method: 'POST', body }));
  await committee.approve(proposal, ['bob', 'carol']);
  await until('the Deployment is admitted', async () => {
    const { status } = await call(playground, 'alice', DEPLOYMENTS, { method: 'POST', body });
    return status === 201 || status === 409;
  });
  await untilAvailable(playground);
  return proposal;
}

/** From now on its pods are evicted from every node, and made anew. */
export async function taint(playground: Playground): Promise<void> {
  for (const node of FAKE_NODES)
    await playground.kubectl('alice', ['taint', 'nodes', node, `${TAINT}=yes:NoExecute`, '--overwrite']);
}

interface Pod {
  readonly metadata: { readonly uid: string; readonly name: string; readonly deletionTimestamp?: string };
  readonly status?: { readonly phase?: string };
}

export async function pods(playground: Playground): Promise<readonly Pod[]> {
  const { object } = await call(playground, 'admin', `/api/v1/namespaces/${NS}/pods?labelSelector=app%3D${APP}`);
  return (object['items'] ?? []) as readonly Pod[];
}

export async function untilAvailable(playground: Playground): Promise<void> {
  await until('the pods are available', async () => {
    const running = (await pods(playground)).filter(
      ({ status, metadata }) => status?.phase === 'Running' && metadata.deletionTimestamp === undefined,
    );
    return running.length >= REPLICAS;
  });
}

/** Every pod that is there now was evicted, others run in their place, and the Service leads to those. */
export async function untilReplaced(playground: Playground): Promise<void> {
  const before = new Set((await pods(playground)).map(({ metadata }) => metadata.uid));
  await until('all pods are replaced, and the Service leads to the new ones', async () => {
    const now = await pods(playground);
    if (now.some(({ metadata }) => before.has(metadata.uid))) return false;
    if (now.filter(({ status }) => status?.phase === 'Running').length < REPLICAS) return false;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${NS}/endpointslices`;
    const { object } = await call(playground, 'admin', path);
    const targets = ((object['items'] ?? []) as { endpoints?: { targetRef?: { uid?: string } }[] }[]).flatMap(
      ({ endpoints }) => (endpoints ?? []).flatMap(({ targetRef }) => targetRef?.uid ?? []),
    );
    return targets.length > 0 && targets.every((uid) => !before.has(uid));
  });
}

export async function nodesAreReady(playground: Playground): Promise<boolean> {
  const { object } = await call(playground, 'admin', '/api/v1/nodes');
  const items = (object['items'] ?? []) as { status?: { conditions?: { type: string; status: string }[] } }[];
  const isReady = ({ status }: (typeof items)[number]): boolean =>
    (status?.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'True');
  return items.length === FAKE_NODES.length && items.every(isReady);
}

/** The newest renewal of any lease. */
export async function leaseRenewal(playground: Playground): Promise<string> {
  const { object } = await call(playground, 'admin', '/apis/coordination.k8s.io/v1/leases');
  const items = (object['items'] ?? []) as { spec?: { renewTime?: string } }[];
  return items.map(({ spec }) => spec?.renewTime ?? '').sort().at(-1) ?? ''; // prettier-ignore
}

/** What a person is told, and after how many milliseconds. */
export async function refusedPerson(playground: Playground, name: string): Promise<{ status: number; ms: number }> {
  const startedMs = performance.now();
  const { status } = await createConfigMap(playground, 'alice', NS, name);
  return { status, ms: performance.now() - startedMs };
}

interface Said {
  readonly height: number;
  readonly cluster: { readonly spool: { readonly oldestMs: number | null } | null } | null;
}

/**
 * Nothing that was acknowledged before this call is outside of the log any more, and the node that is read has all of it. What the control plane goes on to write is always
 * in some spool. @throws Error when no spool has anchored anything for two minutes.
 */
export async function untilAnchored({ state, layout }: Playground): Promise<void> {
  const calledMs = Date.now();
  const say = () =>
    Promise.all(
      state.nodes.map(async (node) => JSON.parse((await getApi(layout, node, '/v1/status', 5_000)).text) as Said),
    );
  let height = Number.POSITIVE_INFINITY;
  let left: readonly number[] = [];
  for (let isAnchored = false; !isAnchored;) {
    const before = left;
    await until('a spool has anchored something', async () => {
      const said = await say();
      left = said.map(({ cluster }) => Math.min(cluster?.spool?.oldestMs ?? calledMs, calledMs));
      height = Math.max(...said.map((one) => one.height));
      isAnchored = left.every((oldestMs) => oldestMs === calledMs);
      return isAnchored || left.some((oldestMs, i) => oldestMs > (before[i] ?? 0));
    });
  }
  await until('the node that is read is there', async () => ((await say())[0]?.height ?? 0) >= height);
}

export interface Comparison {
  readonly records: number;
  readonly acknowledged: number;
  readonly spooled: number;
  readonly lost: number;
  /** Empty if log and audit log agree. */
  readonly problems: readonly string[];
}

interface AuditEvent {
  readonly user: { readonly username: string };
  readonly impersonatedUser?: { readonly username: string };
  readonly objectRef?: { readonly resource?: string; readonly namespace?: string };
  readonly responseStatus?: { readonly code?: number };
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * The records of the control plane beside what the API server's audit log says of the same writes: whatever the record hook acknowledged is in the log, each spool
 * without a gap and in its order, and no pod was made twice.
 */
export async function compareWithAuditLog(playground: Playground): Promise<Comparison> {
  // First: what is written from now on need not be on the log when that is read.
  const events = auditEvents(playground);
  await untilAnchored(playground);
  const payloads = await spooledRecords(playground);
  const problems: string[] = [];
  const next = new Map<string, number>();
  for (const { spool, first, entries, node } of payloads) {
    const expected = next.get(spool) ?? 0;
    if (first !== expected) problems.push(`spool of ${node}: ${first} follows ${expected}`);
    next.set(spool, first + entries.length);
  }
  const all = payloads.flatMap(({ entries }) => entries);
  const records = all.filter((entry): entry is RecordedChange => !('gap' in entry));
  const made = records.filter(({ attributes: a }) => a.operation === 'CREATE' && a.resource === 'pods' && a.subresource === '');
  const uids = made.map(({ attributes }) => attributes.uid);
  if (new Set(uids).size !== uids.length) problems.push('a pod was made twice');
  const inLog = countBy(records.map(keyOfRecord));
  for (const [key, count] of countBy(events.map(keyOfEvent)))
    if ((inLog.get(key) ?? 0) < count) problems.push(`${count} in the audit log, ${inLog.get(key) ?? 0} in ours: ${key}`);
  const spooled = events.filter(({ annotations }) => annotations?.[`${ENTRY}/spooled`] !== undefined).length;
  const lost = all.reduce((sum, entry) => sum + ('gap' in entry ? (entry.count ?? 0) : 0), 0);
  return { records: records.length, acknowledged: events.length, spooled, lost, problems };
} // prettier-ignore

const ENTRY = 'record.kubectl-chain.dev';

/** Writes that the API server carried out and the record hook acknowledged. */
function auditEvents({ cluster }: Playground): readonly AuditEvent[] {
  return readFileSync(cluster.auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(
      ({ annotations, responseStatus }) =>
        annotations?.[`${ENTRY}/digest`] !== undefined && (responseStatus?.code ?? 500) < 300,
    );
}

/** Oldest first, verified. */
async function spooledRecords(playground: Playground): Promise<readonly SpooledRecordPayload[]> {
  const reader = readerOf(playground, 0);
  try {
    const found: SpooledRecordPayload[] = [];
    for (let before: number | null = null; ;) {
      const page = await reader.records({
        kind: 'spooled-record',
        limit: '200',
        ...(before === null ? {} : { before: String(before) }),
      });
      for (const { transaction } of page.records)
        if (transaction.payload.kind === 'spooled-record') found.push(transaction.payload);
      if (page.next === null) return found.reverse();
      before = page.next;
    }
  } finally {
    reader.close();
  }
}

function keyOfRecord({ attributes, commitment }: RecordedChange): string {
  const { user, resource, namespace } = attributes;
  return `${user} ${resource} ${namespace} ${changeDigests(nativeBackend.sha256, attributes, commitment).diff}`;
}

function keyOfEvent({ user, impersonatedUser, objectRef, annotations }: AuditEvent): string {
  const { resource = '', namespace = '' } = objectRef ?? {};
  return `${(impersonatedUser ?? user).username} ${resource} ${namespace} ${annotations?.[`${ENTRY}/digest`]}`;
}

function countBy(keys: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
