import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { describe, expect, test } from 'vitest';
import { getApi } from '../playground/node-process.ts';
import { fsckAll } from './fsck.ts';
import { createdOn, readerOf } from './log-of.ts';
import { createConfigMap, createNamespace, deleteConfigMap, getConfigMap, proposalOf } from './objects.ts';
import { twoApprovals } from './policies.ts';
import { withPlayground } from './with-playground.ts';

const NS = 'dev';
const TIMEOUT_MS = 180_000;
const WRITERS = 4;
const ALL = [0, 1, 2, 3];

const world = withPlayground({}, async ({ playground, committee }) => {
  for (const name of [NS, 'prod-shop']) await createNamespace(playground, name);
  await committee.enforce('production', twoApprovals('prod-*'));
});

/** Creates ConfigMaps without a pause; `stop` resolves with the names that the API server reported as created. */
function startWriting(prefix: string): { stop: () => Promise<string[]>; done: () => number } {
  const created: string[] = [];
  let stopped = false;
  const write = async (writer: number) => {
    for (let i = 0; !stopped; i += 1) {
      const name = `${prefix}-${writer}-${i}`;
      const { status } = await createConfigMap(world.playground, 'alice', NS, name);
      if (status === 201) created.push(name);
      // What is refused at once must not become a busy loop.
      else await sleep(50);
    }
  };
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  return {
    done: () => created.length,
    stop: async () => {
      stopped = true;
      await writing;
      return created;
    },
  };
}

async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(50);
  }
}

async function restart(nodes: readonly number[]): Promise<void> {
  const { playground } = world;
  for (const node of nodes) await playground.startNode(node, { isReady: false });
  await Promise.all(nodes.map((node) => playground.waitUntilReady(node)));
  await playground.waitUntilHooked();
}

async function headsOf(): Promise<{ height: number; logSize: number; logRoot: string; stateRoot: string }[]> {
  const { playground } = world;
  return Promise.all(
    playground.state.nodes.map(async (node) => {
      const { status, text } = await getApi(playground.layout, node, '/v1/head', 5_000);
      if (status !== 200) throw new Error(`${node.org} answers ${status} ${text}`);
      const head = JSON.parse(text) as {
        header: { height: number };
        state: { logSize: number; logRoot: string; stateRoot: string };
      };
      return { height: head.header.height, ...head.state };
    }),
  );
}

/** Nobody writes any more: all nodes come to the same height, log root and state root. */
async function untilAgreed(): Promise<void> {
  await until('all heads are equal', async () => {
    const heads = await headsOf();
    return new Set(heads.map((head) => JSON.stringify(head))).size === 1;
  });
}

async function expectOnEveryLog(names: readonly string[]): Promise<void> {
  for (const node of ALL) {
    const recorded = await createdOn(world.playground, node, NS);
    expect(names.filter((name) => !recorded.has(name))).toEqual([]);
  }
}

describe('P3 history is final', () => {
  test.for([
    { title: 'one node', victims: [1] },
    { title: 'two nodes, one of each hook', victims: [0, 3] },
    { title: 'all four nodes at once', victims: ALL },
  ])(
    'kill -9 of $title while changes are made loses nothing that was reported as done',
    { timeout: TIMEOUT_MS },
    async ({ victims }) => {
      const { playground } = world;
      const writing = startWriting(`kill-${victims.join('')}`);
      await until('changes are made', () => writing.done() >= 20);
      await Promise.all(victims.map((victim) => playground.kill(victim)));
      const atKill = writing.done();
      // With one node of four dead the others go on; with more, nothing is acknowledged until they are back.
      if (victims.length === 1) await until('the others go on', () => writing.done() >= atKill + 20);
      else await sleep(1_000);
      await restart(victims);
      await until('changes are made again', () => writing.done() >= atKill + 20);
      const created = await writing.stop();

      await untilAgreed();
      await expectOnEveryLog(created);
      const stored = await Promise.all(created.map((name) => getConfigMap(playground, NS, name)));
      expect(stored.filter(({ status }) => status !== 200)).toEqual([]);
    },
  );

  test(
    'after all of that every record from before is there, byte for byte, and the log continues what a reader saw',
    { timeout: TIMEOUT_MS },
    async () => {
      const { playground } = world;
      const before = await world.committee.head();
      const indexes = Array.from({ length: Math.min(before.state.logSize, 200) }, (_, i) => i);
      const reader = readerOf(playground, 0);
      const leavesBefore = (await reader.leaves(indexes)).map(({ bytes }) => Buffer.from(bytes).toString('base64'));

      await Promise.all(ALL.map((node) => playground.kill(node)));
      await restart(ALL);

      // The same reader refuses a log that does not begin with the one that it has seen.
      await until('a node answers the reader', async () => (await reader.head().catch(() => undefined)) !== undefined);
      for (const node of ALL) {
        const fresh = readerOf(playground, node);
        const leaves = (await fresh.leaves(indexes)).map(({ bytes }) => Buffer.from(bytes).toString('base64'));
        expect(leaves).toEqual(leavesBefore);
        fresh.close();
      }
      reader.close();
      expect((await world.committee.head()).state.logSize).toBeGreaterThanOrEqual(before.state.logSize);
    },
  );

  test('fsck finds every store sound, and all agree on log and state', { timeout: TIMEOUT_MS }, async () => {
    await untilAgreed();
    const reports = await fsckAll(world.playground);
    await world.playground.waitUntilHooked();
    for (const report of reports) expect(report.problems).toEqual([]);
    const roots = reports.map(({ height, logSize, logRoot, stateRoot }) => ({ height, logSize, logRoot, stateRoot }));
    expect(new Set(roots.map((root) => JSON.stringify(root))).size).toBe(1);
    expect(roots[0]?.logSize).toBeGreaterThan(100);
  });
});

describe('P1 exact approval', () => {
  test(
    'a stored change uses up its approval, also if every node is killed before anybody observed it',
    { timeout: TIMEOUT_MS },
    async () => {
      const { playground, committee } = world;
      const create = () => createConfigMap(playground, 'alice', 'prod-shop', 'killed-between');
      const id = proposalOf(await create());
      await committee.approve(id, ['bob', 'carol']);

      // Nobody observes for now: so the kill surely comes between the admission and the observation.
      await withoutObservers(async () => {
        expect((await create()).status).toBe(201);
        expect((await committee.proposal(id)).changes.map(({ state }) => state)).toEqual(['RESERVED']);
        await Promise.all(ALL.map((node) => playground.kill(node)));
      });
      await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED', 60_000);

      const removal = proposalOf(await deleteConfigMap(playground, 'alice', 'prod-shop', 'killed-between'));
      await committee.approve(removal, ['bob', 'carol']);
      expect((await deleteConfigMap(playground, 'alice', 'prod-shop', 'killed-between')).status).toBe(200);
      const again = await create();
      expect(again.status).toBe(403);
      expect(proposalOf(again)).not.toBe(id);
    },
  );
});

/** Restarts all nodes without their observer's identity; `body` ends them in its own way, then they start again with it. */
async function withoutObservers(body: () => Promise<void>): Promise<void> {
  const { playground } = world;
  const files = playground.state.nodes.map(({ org }) => playground.layout.org(org).config);
  const originals = files.map((file) => readFileSync(file, 'utf8'));
  await Promise.all(ALL.map((node) => playground.stopNode(node)));
  for (const [i, file] of files.entries()) {
    const config = parse(originals[i] ?? '') as { cluster: object };
    writeFileSync(file, stringify({ ...config, cluster: { name: 'main' } }));
  }
  try {
    await restart(ALL);
    await body();
  } finally {
    for (const [i, file] of files.entries()) writeFileSync(file, originals[i] ?? '');
    await restart(ALL);
  }
}
