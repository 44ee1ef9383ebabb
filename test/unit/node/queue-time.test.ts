import { expect, it } from 'vitest';
import { QueueTime } from '../../../src/node/queue-time.ts';

/** Blocks of one kind, one after the other. */
function after(
  blocks: number,
  block: { txs: number; left: number; everyMs: number },
  time = new QueueTime(),
  fromMs = 0,
) {
  for (let i = 0; i < blocks; i += 1) time.decided(block.txs, block.left, fromMs + i * block.everyMs);
  return time;
}

it('says nothing as long as no block has shown anything', () => {
  expect(new QueueTime().waitMs(100_000)).toBe(0);
});

it('goes by what blocks take, and how long, where more waits than they take', () => {
  const time = after(60, { txs: 20, left: 200, everyMs: 1_000 });
  expect(time.waitMs(0)).toBeCloseTo(1_500, 0);
  expect(time.waitMs(70)).toBeGreaterThan(4_000);
  expect(time.waitMs(70)).toBeLessThan(5_000);
});

it('P6: takes a chain with little to do for no slow one', () => {
  const idle = after(60, { txs: 1, left: 0, everyMs: 20_000 });
  expect(idle.waitMs(500)).toBe(0);
  // Somebody begins to write, two hundred at once.
  const busy = after(3, { txs: 1, left: 1, everyMs: 30 }, idle, 2_000_000);
  expect(busy.waitMs(400)).toBeLessThan(2_000);
});

it('P6: a height that took very long makes no slow chain, many do', () => {
  const time = after(60, { txs: 8, left: 4, everyMs: 100 });
  after(2, { txs: 8, left: 4, everyMs: 5_000 }, time, 30_000);
  expect(time.waitMs(40)).toBeLessThan(500);
  after(40, { txs: 8, left: 40, everyMs: 5_000 }, time, 100_000);
  expect(time.waitMs(0)).toBeGreaterThan(6_000);
});

it('is over when the overload is', () => {
  const time = after(60, { txs: 64, left: 2_000, everyMs: 2_000 });
  expect(time.waitMs(256)).toBeGreaterThan(8_000);
  after(30, { txs: 64, left: 10, everyMs: 50 }, time, 200_000);
  expect(time.waitMs(256)).toBeLessThan(500);
});

it('a clock that is set back makes nobody wait', () => {
  const time = after(60, { txs: 10, left: 100, everyMs: 100 }, new QueueTime(), 1_000_000);
  after(60, { txs: 10, left: 100, everyMs: 100 }, time, 1_000);
  expect(time.waitMs(0)).toBeCloseTo(150, 0);
});
