import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { findingKey, openFindingsKey } from '../../src/ledger/execute/keys.ts';
import type { Finding } from '../../src/types/finding.ts';
import { putConfigMapIntoEtcd } from './etcd.ts';
import { EVERY_APP, EVERY_WORKLOAD } from './every-workload.ts';
import { writeHonestly } from './honest-writers.ts';
import { createNamespace } from './objects.ts';
import { withPlayground } from './with-playground.ts';

const CLUSTER = 'main';
/** Observers have compared what was written so long ago, also what they first had to wait for. */
const COMPARED_MS = 5_000;
const WRITE_MS = 20_000;
const HANGING = 3;

/** Everything is governed, so everything is followed and compared; nothing but this namespace needs votes. */
const everything = {
  clusters: ['*'],
  match: [{ operations: ['CREATE', 'UPDATE', 'DELETE'], resources: [{ group: '*', resource: '*' }], namespaces: ['vault'] }],
  require: { approvals: 2, requiredOrgs: [], veto: [], excludeAuthor: 'org' },
  binding: 'diff',
  deadlines: { voting: '24h', execution: '1h' },
}; // prettier-ignore

const world = withPlayground({ controlPlane: 'full' }, ({ committee }) => committee.enforce('everything', everything));

/** All that were ever opened, by their ids, which are given in order. */
async function allFindings(): Promise<readonly string[]> {
  const read = async <T>(key: string): Promise<T | undefined> => {
    const bytes = (await world.committee.reader.state([key])).values.get(key);
    return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString('utf8')) as T);
  };
  const last = (await read<{ last: number }>(openFindingsKey(CLUSTER)))?.last ?? 0;
  const found: string[] = [];
  for (let id = 1; id <= last; id += 1) {
    const finding = await read<Finding>(findingKey(CLUSTER, id));
    for (const { group, resource, name, reason } of finding?.objects ?? [])
      found.push(`${finding?.kind} ${group}/${resource} ${name} ${reason}`);
    if (finding?.objects.length === 0) found.push(`${finding.kind} ${finding.subject} ${finding.detail}`);
  }
  return found;
}

const work: readonly (readonly string[])[] = [
  ['create', 'deployment', 'web', '--image=x', '--replicas=3'],
  ['expose', 'deployment', 'web', '--port=80', '--type=NodePort'],
  ['create', 'secret', 'generic', 'key', '--from-literal=a=bbbbbb'],
  ['create', 'job', 'sum', '--image=x'],
  ['run', 'alone', '--image=x'],
  ['create', 'cronjob', 'often', '--image=x', '--schedule=* * * * *'],
  ['autoscale', 'deployment', 'web', '--max=5'],
  ['set', 'image', 'deployment/web', '*=y'],
  ['scale', 'deployment/web', '--replicas=2'],
  ['label', 'secret', 'key', 'x=y'],
  ['delete', 'job', 'sum', '--wait=false'],
  ['delete', 'pod', 'alone', '--wait=false'],
];

/** Processes that do nothing but compete for the processors. */
async function underLoad<T>(processes: number, work: () => Promise<T>): Promise<T> {
  const loads = Array.from({ length: processes }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  try {
    return await work();
  } finally {
    for (const load of loads) load.kill('SIGKILL');
  }
} // prettier-ignore

test('P4 in a whole control plane nothing that people and controllers do is found', { timeout: 300_000 }, async () => {
  const { playground } = world;
  const alice = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await playground.kubectl('alice', args);
    expect(code === 0 ? '' : stderr).toBe('');
  };
  await alice('create', 'namespace', 'dev');
  await expect.poll(async () => (await playground.kubectl('alice', ['-n', 'dev', 'get', 'serviceaccount', 'default'])).code, { timeout: 20_000 }).toBe(0);
  const every = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: EVERY_WORKLOAD });
  const applied = await playground.kubectl('alice', ['-n', 'dev', 'create', '-f', '-'], { stdin: every });
  expect(applied.code === 0 ? '' : applied.stderr).toBe('');
  for (const args of work) await alice('-n', 'dev', ...args);
  const apps = async (): Promise<string[]> => {
    const pods = await playground.kubectl('admin', ['-n', 'dev', 'get', 'pods', '-o=jsonpath={.items[*].metadata.labels.app}']);
    return [...new Set(pods.stdout.split(' '))];
  };
  await expect.poll(apps, { timeout: 90_000 }).toEqual(expect.arrayContaining([...EVERY_APP]));
  await sleep(COMPARED_MS);
  expect(await allFindings()).toEqual([]);
  await alice('delete', 'namespace', 'dev', '--wait=false');
  await expect.poll(async () => (await playground.kubectl('alice', ['get', 'namespace', 'dev'])).code, { timeout: 120_000, interval: 500 }).toBe(1);
  await sleep(COMPARED_MS);
  expect(await allFindings()).toEqual([]);
}); // prettier-ignore

test('P4 nor of twelve people at once, on a machine that is too slow and with an observer that hangs; one forged object among it is found', { timeout: 200_000 }, async () => {
  const { playground } = world;
  await createNamespace(playground, 'busy');
  const written = await underLoad(6, async () => {
    const writing = writeHonestly({ playground, user: 'alice', namespace: 'busy', writers: 12, durationMs: WRITE_MS });
    // One observer hangs for a while: others wait for what it attested, and it wakes up behind everything.
    await sleep(WRITE_MS / 5);
    playground.pause(HANGING);
    await sleep(WRITE_MS / 2);
    playground.resume(HANGING);
    const before = await writing;
    await sleep(COMPARED_MS);
    return before;
  });
  expect(written['2xx']).toBeGreaterThan(20);
  expect(await allFindings()).toEqual([]);
  await putConfigMapIntoEtcd(playground.cluster, { metadata: { name: 'forged', namespace: 'default', uid: randomUUID() } });
  // Whatever was seen before it is judged before it.
  await expect.poll(allFindings, { timeout: 30_000, interval: 200 }).toEqual(['unattributed /configmaps forged no-record']);
  await sleep(COMPARED_MS);
  expect(await allFindings()).toEqual(['unattributed /configmaps forged no-record']);
}); // prettier-ignore

/** Creates an object under somebody else's name. */
async function forge(as: string, object: object): Promise<void> {
  const { code, stderr } = await world.playground.kubectl(
    'mallory',
    ['create', `--as=system:serviceaccount:kube-system:${as}`, '-f', '-'],
    { stdin: JSON.stringify(object) },
  );
  expect(code === 0 ? '' : stderr).toBe('');
}

test('P4 what is written under a controller\'s name is found: a Pod that names an approved ReplicaSet and runs something else, and a ReplicaSet of a Deployment that never was', { timeout: 200_000 }, async () => {
  const { playground } = world;
  const ns = 'forged';
  const get = async (...args: readonly string[]): Promise<string> => (await playground.kubectl('admin', ['-n', ns, 'get', ...args])).stdout;
  await createNamespace(playground, ns);
  const made = await playground.kubectl('alice', ['-n', ns, 'create', 'deployment', 'web', '--image=good', '--replicas=2']);
  expect(made.code === 0 ? '' : made.stderr).toBe('');
  await expect.poll(() => get('deployment', 'web', '-o=jsonpath={.status.availableReplicas}'), { timeout: 90_000 }).toBe('2');
  const [name, uid] = (await get('replicasets', '-o=jsonpath={.items[0].metadata.name} {.items[0].metadata.uid}')).split(' ');
  const owned = (kind: string, owner: { name: string | undefined; uid: string | undefined }): object => ({
    namespace: ns,
    labels: { app: 'web' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind, controller: true, ...owner }],
  });
  const containers = [{ name: 'good', image: 'evil' }];
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod', ...owned('ReplicaSet', { name, uid }) }, spec: { containers } };
  await forge('replicaset-controller', pod);
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers } };
  const spec = { replicas: 0, selector: { matchLabels: { app: 'web' } }, template };
  const metadata = { name: 'set', ...owned('Deployment', { name: 'never', uid: randomUUID() }) };
  await forge('deployment-controller', { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata, spec });
  // The controllers let go of both, or remove them, at once: that they were there is found all the same, and nothing of what is honest.
  const ofObjects = async (): Promise<string[]> => (await allFindings()).filter((line) => line.startsWith('unattributed ')).toSorted();
  const found = ['unattributed /configmaps forged no-record', 'unattributed /pods pod unjustified', 'unattributed apps/replicasets set unjustified'];
  await expect.poll(ofObjects, { timeout: 90_000, interval: 200 }).toEqual(found);
  const changed = await playground.kubectl('alice', ['-n', ns, 'set', 'image', 'deployment/web', '*=better']);
  expect(changed.code).toBe(0);
  await expect.poll(() => get('pods', '-l=pod-template-hash', '-o=jsonpath={.items[*].spec.containers[*].image}'), { timeout: 90_000 }).toBe('better better');
  await sleep(COMPARED_MS);
  expect(await ofObjects()).toEqual(found);
}); // prettier-ignore
