import { describe, expect, test } from 'vitest';
import type { Playground } from '../playground/playground.ts';
import {
  compareWithAuditLog,
  deploy,
  leaseRenewal,
  nodesAreReady,
  NS,
  pods,
  QUORUM,
  refusedPerson,
  taint,
  until,
  untilAnchored,
  untilAvailable,
  untilReplaced,
} from './outage.ts';
import { call, createConfigMap, proposalOf } from './objects.ts';
import { withPlayground } from './with-playground.ts';

const TIMEOUT_MS = 400_000;
const STAY_SECONDS = 6;
const ALL = [0, 1, 2, 3];
let proposal = 0;

const world = withPlayground({ controlPlane: 'full' }, async ({ playground, committee }) => {
  proposal = await deploy(playground, committee, STAY_SECONDS);
});

interface Line {
  readonly index: number;
  readonly entry: number;
  readonly name: string;
}

describe('one vote for a Deployment', () => {
  test('is enough for the ReplicaSet and the pods made of it; their records lead back to it', async () => {
    const { playground, committee } = world;
    await untilAnchored(playground);
    const audit = await playground.chain(null, [
      'audit', 'pods', '-n', NS, '--decision=recorded', '--operation=create', '-o=json',
    ]); // prettier-ignore
    expect(audit.stdout, audit.stderr).not.toBe('');
    const { items } = JSON.parse(audit.stdout) as { items: Line[] };
    expect(items.length).toBe(3);
    for (const { index, entry, name } of items) {
      const { stdout } = await playground.chain('alice', ['show', `${index}.${entry}`]);
      expect(stdout).toContain(`pods ${NS} ${name}`);
      expect(stdout).toMatch(/ReplicaSet prod-shop\/web-\S+: record \d+\.\d+, CREATE by system:\S+:deployment-controller, RECORDED/);
      expect(stdout).toMatch(new RegExp(`Deployment ${NS}/web: record \\d+, CREATE by alice \\(\\S+\\), ADMITTED, proposal/${proposal}\n`));
    }
    // Nothing else was asked for.
    expect((await committee.reader.state([`proposal/${proposal + 1}`])).values.get(`proposal/${proposal + 1}`)).toBeUndefined();
  }, TIMEOUT_MS); // prettier-ignore

  test(
    'is none for a person who touches these',
    async () => {
      const { playground } = world;
      const [pod] = await pods(playground);
      const path = `/api/v1/namespaces/${NS}/pods/${pod?.metadata.name}`;
      const body = { metadata: { labels: { by: 'hand' } } };
      const patch = { method: 'PATCH', contentType: 'application/merge-patch+json', body };
      const labelled = await call(playground, 'alice', path, patch);
      expect([labelled.status, proposalOf(labelled)]).toEqual([403, proposal + 1]);
      const removed = await call(playground, 'alice', path, { method: 'DELETE' });
      expect([removed.status, proposalOf(removed)]).toEqual([403, proposal + 2]);
      const { object } = await call(playground, 'admin', `/apis/apps/v1/namespaces/${NS}/replicasets`);
      const [set] = object['items'] as { metadata: { name: string } }[];
      const sets = `/apis/apps/v1/namespaces/${NS}/replicasets/${set?.metadata.name}`;
      expect((await call(playground, 'alice', sets, patch)).status).toBe(403);
    },
    TIMEOUT_MS,
  );
});

describe('P6 the chain is down', () => {
  test('without a quorum: nodes stay ready, leases are renewed, pods are replaced, people are refused; then all of it is on the log, once', async () => {
    const { playground } = world;
    await taint(playground);
    for (const node of QUORUM) playground.pause(node);
    try {
      const [renewed, refusal] = await Promise.all([leaseRenewal(playground), refusedPerson(playground, 'refused')]);
      expect(refusal.status).toBeGreaterThanOrEqual(400);
      // The API server itself gives up after 10 s; a busy machine gets some more.
      expect(refusal.ms).toBeLessThan(20_000);
      await untilReplaced(playground);
      await untilReplaced(playground);
      expect(await nodesAreReady(playground)).toBe(true);
      await until('a lease is renewed', async () => (await leaseRenewal(playground)) > renewed);
    } finally {
      for (const node of QUORUM) playground.resume(node);
    }
    await untilAnchored(playground);
    const { problems, spooled, records, acknowledged, lost } = await compareWithAuditLog(playground);
    expect(problems).toEqual([]);
    expect(spooled).toBeGreaterThan(10);
    expect(records).toBeGreaterThanOrEqual(acknowledged);
    expect(lost).toBe(0);
    await playground.waitUntilHooked();
    expect((await createConfigMap(playground, 'alice', NS, 'after')).status).toBe(201);
  }, TIMEOUT_MS); // prettier-ignore

  test('what the control plane deleted meanwhile is no drift', async () => {
    const { playground } = world;
    const audit = await playground.chain(null, [
      'audit', 'pods', '-n', NS, '--decision=recorded', '--operation=delete', '-o=json',
    ]); // prettier-ignore
    const { items } = JSON.parse(audit.stdout) as { items: Line[] };
    const verified = async (name: string): Promise<string> => {
      const { code, stdout } = await playground.kubectl('alice', ['chain', 'verify', `pods/${name}`, '-n', NS]);
      return `${code} ${stdout.split('\n')[1] ?? ''}`;
    };
    expect(await verified(items[0]?.name ?? '')).toMatch(/^0 \S+ +MATCH +\d+ +deleted by \S+, as recorded$/);
    // Pods come and go all the time: this one may just have been replaced.
    const [pod] = await pods(playground);
    expect(await verified(pod?.metadata.name ?? '')).toMatch(/^(2 \S+ +BODY_UNAVAILABLE +\d+ +made by |0 \S+ +MATCH +\d+ +(being )?deleted by )/);
  }, TIMEOUT_MS); // prettier-ignore
});

const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const;

async function killEverything({ cluster, kill }: Playground): Promise<void> {
  for (const name of PROGRAMS.toReversed()) await cluster.kill(name);
  for (const node of ALL) await kill(node);
}

async function startControlPlane({ cluster }: Playground): Promise<void> {
  await Promise.all([cluster.start('etcd'), cluster.start('kube-apiserver')]);
  for (const name of PROGRAMS.slice(2)) await cluster.start(name);
}

async function startChain({ startNode, waitUntilReady }: Playground): Promise<void> {
  for (const node of ALL) await startNode(node, { isReady: false });
  await Promise.all(ALL.map((node) => waitUntilReady(node)));
}

describe('P6 cold start of the whole cluster, with the chain in front of it', () => {
  test.each<readonly [string, (playground: Playground) => Promise<void>]>([
    [
      'the nodes of the chain last: the control plane does its work without them',
      async (playground) => {
        await startControlPlane(playground);
        await until('the nodes are ready', () => nodesAreReady(playground));
        await untilReplaced(playground);
        expect((await refusedPerson(playground, 'early')).status).toBeGreaterThanOrEqual(400);
        await startChain(playground);
      },
    ],
    [
      'the nodes of the chain first, with no API server to observe',
      async (playground) => {
        await startChain(playground);
        await startControlPlane(playground);
      },
    ],
  ])('%s', async (_order, start) => {
    const { playground } = world;
    await killEverything(playground);
    await start(playground);
    await playground.waitUntilHooked();
    await until('the nodes are ready', () => nodesAreReady(playground));
    await untilAvailable(playground);
    const name = `after-${Math.random().toString(36).slice(2)}`;
    await until('a person is admitted again', async () => {
      const { status } = await createConfigMap(playground, 'alice', NS, name);
      return status === 201 || status === 409;
    });
    await untilAnchored(playground);
    expect((await compareWithAuditLog(playground)).problems).toEqual([]);
  }, TIMEOUT_MS); // prettier-ignore
});
