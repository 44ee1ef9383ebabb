import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { findingKey, openFindingsKey } from '../../src/ledger/execute/keys.ts';
import type { Finding } from '../../src/types/finding.ts';
import { putConfigMapIntoEtcd } from './etcd.ts';
import { withPlayground } from './with-playground.ts';

const CLUSTER = 'main';
/** Observers have compared what was written so long ago, also what they first had to wait for. */
const COMPARED_MS = 5_000;

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

test('P4 in a whole control plane nothing that people and controllers do is found, and one forged object among it is', { timeout: 150_000 }, async () => {
  const { playground } = world;
  const alice = async (...args: readonly string[]): Promise<void> => {
    expect(await playground.kubectl('alice', args)).toMatchObject({ code: 0 });
  };
  await alice('create', 'namespace', 'dev');
  await expect.poll(async () => (await playground.kubectl('alice', ['-n', 'dev', 'get', 'serviceaccount', 'default'])).code, { timeout: 20_000 }).toBe(0);
  for (const args of work) await alice('-n', 'dev', ...args);
  await sleep(COMPARED_MS);
  await alice('delete', 'namespace', 'dev', '--wait=false');
  await expect.poll(async () => (await playground.kubectl('alice', ['get', 'namespace', 'dev'])).code, { timeout: 60_000, interval: 500 }).toBe(1);
  await sleep(COMPARED_MS);
  expect(await allFindings()).toEqual([]);
  await putConfigMapIntoEtcd(playground.cluster, { metadata: { name: 'forged', namespace: 'default', uid: randomUUID() } });
  await expect.poll(allFindings, { timeout: COMPARED_MS, interval: 200 }).toEqual(['unattributed /configmaps forged no-record']);
}); // prettier-ignore
