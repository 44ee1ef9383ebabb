import { describe, expect, test } from 'vitest';
import { openWal } from '../../../../src/store/wal/open.ts';
import { chooserOf, SimulatedDisk, type Choose } from './simulated-disk.ts';
import type { WalReplay } from '../../../../src/ports/log-file.ts';

const dir = '/wal';
const segmentBytes = 2048;

/** The dumb model: a list of appended records, each tagged by its number, and what is known about them. */
class Model {
  readonly issued: string[] = [];
  acknowledged = -1;
  /** Records below this index may be gone: truncateBefore was called for their heights. */
  droppable = 0;
  heights: number[] = [];
  serial = 0;

  next(choose: Choose, height: number): { index: number; bytes: Uint8Array } {
    this.serial += 1;
    const text = `${this.serial}:${'abcdefgh'.repeat(choose(60))}`;
    this.heights.push(height);
    return { index: this.issued.push(text) - 1, bytes: new TextEncoder().encode(text) };
  }

  /** Checks a replay and takes over what survived of it. */
  judge(replay: WalReplay): string {
    const seen = replay.records.map((record) => new TextDecoder().decode(record));
    if (replay.condition === 'damaged' || replay.condition === 'missing')
      return `${replay.condition}: ${replay.detail}`;
    const tripleIndex = replay.triple?.round ?? -1;
    if (tripleIndex < this.acknowledged) return `triple of ${tripleIndex}, but ${this.acknowledged} was acknowledged`;
    if (tripleIndex >= this.issued.length) return `triple of ${tripleIndex} was never issued`;
    const first = tripleIndex - seen.length + 1;
    if (first > this.droppable) return `replay begins at ${first}, records from ${this.droppable} on are needed`;
    if (first < 0) return `${seen.length} records replayed, only ${tripleIndex + 1} issued`;
    const wrong = seen.findIndex((text, i) => text !== this.issued[first + i]);
    if (wrong >= 0) return `record ${first + wrong} is "${seen[wrong]}", not "${this.issued[first + wrong]}"`;
    this.issued.length = tripleIndex + 1;
    this.heights.length = tripleIndex + 1;
    this.acknowledged = tripleIndex;
    return 'ok';
  }
}

/** One life of the log: open, judge, append with and without waiting, truncate; ends by itself or with the disk. */
async function live(disk: SimulatedDisk, model: Model, choose: Choose, knownToExist: boolean): Promise<string> {
  const { wal, replay } = await openWal(dir, { mode: knownToExist ? 'resume' : 'create', disk, segmentBytes });
  const verdict = model.judge(replay);
  if (verdict !== 'ok') return verdict;
  let height = model.heights.at(-1) ?? 1;
  for (let step = 0; step < 10; step++) {
    if (choose(3) === 0) height += 1;
    const calls: Promise<void>[] = [];
    for (let i = choose(4); i >= 0; i--) {
      const { index, bytes } = model.next(choose, height);
      // The round carries the index, so that the triple says which record was the last.
      calls.push(
        wal.append([bytes], { height, round: index, step: 1 }).then(() => {
          model.acknowledged = Math.max(model.acknowledged, index);
        }),
      );
    }
    if (choose(3) > 0) await Promise.all(calls);
    if (choose(4) === 0) {
      const first = model.heights.findIndex((candidate) => candidate >= height - 1);
      model.droppable = Math.max(model.droppable, first < 0 ? model.issued.length : first);
      await wal.truncateBefore(height - 1);
    }
  }
  await wal.close();
  return 'ok';
}

/** Runs until it is over or the disk went down; nothing here waits for anything but microtasks. */
async function liveUntilCrash(disk: SimulatedDisk, model: Model, choose: Choose, exists: boolean): Promise<string> {
  const life = live(disk, model, choose, exists);
  for (let idle = 0, seen = -1; idle < 3;) {
    const done = await Promise.race([
      life,
      new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined))),
    ]);
    if (done !== undefined) return done;
    idle = disk.operations === seen ? idle + 1 : 0;
    seen = disk.operations;
    if (!disk.crashed) idle = 0;
  }
  return 'crashed';
}

async function operationsOf(seed: number): Promise<number> {
  const disk = new SimulatedDisk();
  expect(await liveUntilCrash(disk, new Model(), chooserOf(seed), false)).toBe('ok');
  return disk.operations;
}

describe('whatever the moment of a crash', () => {
  for (const kind of ['power failure', 'kill'] as const) {
    test(`after a ${kind} at each operation, everything acknowledged is replayed in order and nothing is invented`, async () => {
      let tears = 0;
      for (const seed of [1, 2, 3, 4]) {
        const operations = await operationsOf(seed);
        expect(operations).toBeGreaterThan(80);
        for (let crashAt = 1; crashAt <= operations; crashAt++) {
          const model = new Model();
          let disk = new SimulatedDisk({ crashAt });
          const choose = chooserOf(seed * 100_000 + crashAt);
          const first = await liveUntilCrash(disk, model, chooserOf(seed), false);
          expect(first, `seed ${seed}, crash at ${crashAt}`).toBe('crashed');
          // A second and a third life, each of which goes down too, in the middle of its recovery or later.
          for (let life = 0; life < 3; life++) {
            const exists = model.acknowledged >= 0;
            const plan = life < 2 ? { crashAt: 1 + choose(60) } : {};
            disk = kind === 'kill' ? disk.afterKill(plan) : disk.afterPowerFailure(choose, plan);
            const result = await liveUntilCrash(disk, model, choose, exists);
            expect(result, `seed ${seed}, crash at ${crashAt}, life ${life}`).toMatch(/^(ok|crashed)$/);
            if (result === 'crashed') tears += 1;
          }
        }
      }
      expect(tears).toBeGreaterThan(100);
    });
  }
});
