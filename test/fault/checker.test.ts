import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOneLogWith } from './checks.ts';
import { Committee } from './committee.ts';
import { Load } from './load.ts';

let committee: Committee;

beforeAll(async () => {
  committee = await Committee.found();
  await committee.start();
});

afterAll(() => committee?.close());

describe('the check after a kill', () => {
  it('finds what was allowed before it was durable', async () => {
    // Nothing is written ahead, and the store takes its time.
    const root = committee.patched(
      {
        file: 'src/node/consensus-log.ts',
        find: "return { wal, records, position: replay.triple, observeReason: '' };",
        replace: "return { ...observing(wal, replay), observeReason: '' };",
      },
      {
        file: 'src/store/lmdb/table.ts',
        find: '  async #commit(writes: Iterable<Write>): Promise<void> {',
        replace:
          '  async #commit(writes: Iterable<Write>): Promise<void> {\n    if ((this.#layers[0]?.size ?? 0) > 4) await new Promise((resolve) => setTimeout(resolve, 3_000));',
      },
    );
    await Promise.all(committee.nodes.map(({ org }) => committee.rerun(org, root)));
    await Promise.all(committee.nodes.map((node) => node.ready()));
    const load = new Load(committee, 'lost', 4);
    try {
      // One each of the clients: the next ones wait for the slow store.
      await load.progress(3);
      await sleep(100);
      await Promise.all(committee.nodes.map((node) => node.kill()));
    } finally {
      await load.stop();
    }
    await Promise.all(committee.nodes.map((node) => node.start()));
    await Promise.all(committee.nodes.map((node) => node.ready()));
    await committee.mustChange('after');
    await expect(expectOneLogWith(committee, load.changes)).rejects.toThrow(/record \d+, allowed by/);
  });
});
