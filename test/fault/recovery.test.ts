import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectOneLogWith } from './checks.ts';
import { Committee, type Change, type FaultNode } from './committee.ts';
import { Load } from './load.ts';

const BLOCKS_AWAY = 300;

let committee: Committee;
const changes: Change[] = [];

beforeAll(async () => {
  committee = await Committee.found();
  await committee.start();
});

afterAll(() => committee?.close());

describe('P8: a block that was decided and is not in the store', () => {
  it('is applied from the log at the next start, without a peer', async () => {
    const before = await committee.agreed();
    // From here on its store takes a block, and the transaction never ends.
    const root = committee.patched({
      file: 'src/store/lmdb/table.ts',
      find: '  async #commit(writes: Iterable<Write>): Promise<void> {',
      replace:
        '  async #commit(writes: Iterable<Write>): Promise<void> {\n    if ((this.#layers[0]?.size ?? 0) > 4) await new Promise(() => setInterval(() => {}, 1_000));',
    });
    await (await committee.rerun('delta', root)).ready();
    for (const name of ['first', 'second', 'third'])
      changes.push(await committee.mustChange(`hung-${name}`, ['alpha', 'gamma']));
    const { height, stateRoot } = await committee.agreed();
    await Promise.all(committee.nodes.map((node) => node.kill()));

    const delta = committee.node('delta');
    expect((await delta.fsck()).height).toBe(before.height);
    await delta.start();
    await delta.answering();
    expect(await delta.reader.head()).toMatchObject({ height, stateRoot });
    expect(delta.run.logText.match(/decided block applied from the log/g)).toHaveLength(height - before.height);
    await Promise.all(['alpha', 'beta', 'gamma'].map((org) => committee.node(org).start()));
    await Promise.all(committee.nodes.map((node) => node.ready()));
    changes.push(await committee.mustChange('after-the-log', ['alpha', 'delta']));
    await expectOneLogWith(committee, changes);
  });
});

describe(`a node that was away for ${BLOCKS_AWAY} blocks`, () => {
  let delta: FaultNode;
  let away = 0;

  it('lets the others go on', async () => {
    delta = committee.node('delta');
    away = (await committee.agreed()).height;
    await delta.kill();
    const load = new Load(committee, 'away', 2);
    try {
      await load.progress(1);
      while (((await committee.node('alpha').reader.head())?.height ?? 0) < away + BLOCKS_AWAY) await load.progress(5);
    } finally {
      await load.stop();
    }
    changes.push(...load.changes);
    expect(load.allowed.length).toBeGreaterThan(1);
  });

  it('takes nothing from peers that send a wrong range, and drops them', async () => {
    const serve = {
      file: 'src/node/sync.ts',
      find: 'const block = store.block(height);',
      replace: 'const block = store.block(height + 1);',
    };
    await committee.node('gamma').stop();
    await Promise.all(['alpha', 'beta'].map((org) => committee.rerun(org, committee.patched(serve))));
    await delta.start();
    await delta.answering();
    const isDropped = (peer: string): boolean =>
      delta.run.logText
        .split('\n')
        .some((line) =>
          line.includes(`"peer":"${peer}","code":"NET_DROPPED","detail":"the range that a peer sent is wrong`),
        );
    for (let i = 0; i < 200 && !(isDropped('alpha') && isDropped('beta')); i += 1) await sleep(50);
    expect([isDropped('alpha'), isDropped('beta')]).toEqual([true, true]);
    expect((await delta.reader.head())?.height).toBe(away);
  });

  it('gets them from the one that sends the right ones, and takes part again', async () => {
    await committee.node('gamma').start();
    await committee.agreed();
    expect((await delta.reader.head())?.height).toBeGreaterThanOrEqual(away + BLOCKS_AWAY);
    await Promise.all([committee.rerun('alpha'), committee.rerun('beta')]);
    await Promise.all(committee.nodes.map((node) => node.ready()));
    changes.push(await committee.mustChange('together-again', ['beta', 'delta']));
    await expectOneLogWith(committee, changes);
  });
});
