import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openWal } from '../../../src/store/index.ts';
import { blockOf, chain, opened, temporaryFolder } from './fixture.ts';
import { killUnread, runAndKill } from './killed-child.ts';

test('after kill -9 on a real disk the store holds every block that was durable, and no half of one', async () => {
  const dir = temporaryFolder();
  let last = 0;
  for (const lines of [2, 25, 61]) {
    const said = (await runAndKill('commit-forever.ts', [dir, chain], lines)).map(Number);
    // The killed process left its lock; it is taken over without being asked.
    const store = await opened(dir);
    expect(store.lastHeight()).toBeGreaterThanOrEqual(Math.max(...said));
    expect(Math.max(...said)).toBeGreaterThan(last);
    last = store.lastHeight();
    for (let height = 1; height <= last; height++) {
      const block = blockOf(height);
      expect(Buffer.from(store.block(height) ?? [])).toEqual(Buffer.from(block.blockBytes));
      expect(store.state(height)).toEqual(block.state);
    }
    const mine = (height: number): boolean => height % 3 === 0;
    const heights = Array.from({ length: last }, (_, i) => i + 1).filter(mine);
    expect(store.index('object', 'shop/apps/0', { limit: 1e6 })).toEqual(heights.map((h) => 2 * h - 2).reverse());
    expect([store.readLeaf(2 * last), store.block(last + 1)]).toEqual([undefined, undefined]);
    await store.close();
  }
  expect(readdirSync(dir)).toEqual(['db']);
});

test('after kill -9 on a real disk the log replays every record that was durable, in order', async () => {
  const dir = join(temporaryFolder(), 'wal');
  for (const [life, lines] of [3, 40, 450].entries()) {
    const said = (await runAndKill('append-forever.ts', [dir, life === 0 ? 'create' : 'resume'], lines)).map(Number);
    const { wal, replay } = await openWal(dir, { mode: 'resume', segmentBytes: 64 * 1024 });
    await wal.close();
    expect(['clean', 'torn']).toContain(replay.condition);
    const acknowledged = Math.max(...said);
    expect(replay.triple?.height).toBeGreaterThanOrEqual(acknowledged);
    const numbers = replay.records.map((record) => Number(Buffer.from(record).toString().split(':')[0]));
    const first = numbers[0] ?? 0;
    expect(first).toBeLessThanOrEqual(Math.max(1, acknowledged - 140));
    expect(numbers).toEqual(numbers.map((_, i) => first + i));
    expect(numbers.at(-1)).toBe(replay.triple?.height);
  }
});

test('P3: a killed process whose parent has not noticed yet does not keep its node from starting again', async () => {
  const dir = temporaryFolder();
  const release = await killUnread('commit-forever.ts', [dir, chain]);
  try {
    const store = await opened(dir);
    expect(store.lastHeight()).toBeGreaterThan(0);
    await store.close();
  } finally {
    release();
  }
});
