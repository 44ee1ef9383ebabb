import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Spool } from '../../../src/store/index.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import { SimulatedDisk } from './wal/simulated-disk.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (entries: readonly Uint8Array[]): readonly string[] =>
  entries.map((entry) => Buffer.from(entry).toString());
const all = (spool: Spool): readonly string[] => texts(spool.oldest(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
const refusal = async (promise: Promise<unknown>): Promise<{ code: string }> => {
  try {
    await promise;
    return { code: 'accepted' };
  } catch (error) {
    if (isChainError(error)) return error;
    throw error;
  }
};
let dir: string;
let ids: number;
const newId = (): string => String((ids += 1)).padStart(32, '0');
const open = (): Promise<Spool> => Spool.open(dir, { newId });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'spool-'));
  ids = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a spool', () => {
  test('keeps what it acknowledged, in order, over restarts, until it is dropped', async () => {
    let spool = await open();
    expect(await Promise.all([spool.append([bytes('a')]), spool.append([bytes('b'), bytes('c')])])).toEqual([0, 1]);
    await spool.close();
    spool = await open();
    expect(all(spool)).toEqual(['a', 'b', 'c']);
    expect(await spool.append([bytes('d')])).toBe(3);
    spool.drop(2);
    expect([spool.first, spool.next, spool.count, spool.bytes]).toEqual([2, 4, 2, 2]);
    expect(texts(spool.oldest(1, 99))).toEqual(['c']);
    await spool.close();
    spool = await open();
    expect(spool.id).toBe('1'.padStart(32, '0'));
    // What was dropped may be read again; its place says that it was.
    expect(all(spool).slice(2 - spool.first)).toEqual(['c', 'd']);
    expect(spool.next).toBe(4);
    await spool.close();
  });

  test('removes files whose entries were all dropped, and still knows its place', async () => {
    let spool = await open();
    const large = new Uint8Array(60_000).fill(65);
    for (let i = 0; i < 60; i += 1) await spool.append([large]);
    expect(readdirSync(dir).length).toBeGreaterThan(2);
    spool.drop(60);
    await spool.close();
    expect(readdirSync(dir)).toHaveLength(1);
    spool = await open();
    expect(spool.next).toBe(60);
    await spool.close();
  });

  test('takes the oldest up to a size, but at least one', async () => {
    const spool = await open();
    await spool.append(['aaaa', 'bbbb', 'cc'].map(bytes));
    expect(texts(spool.oldest(9, 8))).toEqual(['aaaa', 'bbbb']);
    expect(texts(spool.oldest(9, 1))).toEqual(['aaaa']);
    await spool.close();
  });

  test('forgets a torn tail, which nobody was told of', async () => {
    let spool = await open();
    await spool.append([bytes('kept')]);
    await spool.append([bytes('torn')]);
    await spool.close();
    const file = join(dir, readdirSync(dir)[0] ?? '');
    truncateSync(file, readFileSync(file).length - 2);
    spool = await open();
    expect(all(spool)).toEqual(['kept']);
    await spool.append([bytes('next')]);
    await spool.close();
    spool = await open();
    expect(all(spool)).toEqual(['kept', 'next']);
    await spool.close();
  });

  test('does not start with a hole in the middle', async () => {
    let spool = await open();
    await spool.append([bytes('a')]);
    await spool.close();
    spool = await open();
    await spool.append([bytes('b')]);
    await spool.close();
    const [first = ''] = readdirSync(dir).sort();
    const content = readFileSync(join(dir, first));
    content[content.length - 1] = 0;
    writeFileSync(join(dir, first), content);
    expect(await refusal(open())).toMatchObject({ code: 'STORE_DAMAGED' });
  });

  test('goes on behind what the log has, when its folder is older than that', async () => {
    let spool = await open();
    await spool.append([bytes('a')]);
    await spool.skipTo(40);
    expect(await spool.append([bytes('b')])).toBe(40);
    await spool.close();
    spool = await open();
    expect([spool.first, all(spool)]).toEqual([40, ['b']]);
    await spool.close();
    expect(await refusal(spool.append([bytes('c')]))).toMatchObject({ code: 'STORE_CLOSED' });
  });
});

test('a disk that is full, or fails, is told; what was acknowledged stays, and it goes on when there is room', async () => {
  let code: string | undefined;
  const disk = new SimulatedDisk({ fail: (operation) => (operation === 'write' || operation === 'sync' ? code : undefined) });
  let spool = await Spool.open('/s', { newId, disk });
  await spool.append([bytes('a')]);
  for (const [failing, told] of [['ENOSPC', 'STORE_FULL'], ['EIO', 'STORE_IO']] as const) {
    code = failing;
    expect(await refusal(spool.append([bytes('lost')]))).toMatchObject({ code: told });
    expect(spool.next).toBe(failing === 'ENOSPC' ? 1 : 2);
    code = undefined;
    await spool.append([bytes(failing)]);
  }
  await spool.close();
  spool = await Spool.open('/s', { newId, disk });
  expect(all(spool)).toEqual(['a', 'ENOSPC', 'EIO']);
}); // prettier-ignore

test('P8: after a power failure at any moment everything acknowledged is there, in order, and nothing twice', async () => {
  const steps = fc.array(fc.oneof(fc.constant('append' as const), fc.constant('pair' as const), fc.constant('drop' as const)), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(60), fc.infiniteStream(fc.nat()), async (plan, crashAt, choices) => {
      const choose = (below: number): number => (choices.next().value as number) % below;
      const disk = new SimulatedDisk({ crashAt });
      const acknowledged: string[] = [];
      let dropped = 0;
      const run = async (): Promise<void> => {
        const spool = await Spool.open('/s', { newId, disk });
        for (const [i, step] of plan.entries()) {
          if (step === 'drop') {
            dropped = Math.min(dropped + 1, acknowledged.length);
            spool.drop(dropped);
            continue;
          }
          const entries = step === 'pair' ? [`${i}a`, `${i}b`] : [`${i}`];
          await spool.append(entries.map(bytes));
          acknowledged.push(...entries);
        }
      };
      // A disk that is gone answers nothing, so this may never end.
      await Promise.race([run(), untilGone(disk, plan.length * 40)]);
      const after = await Spool.open('/s', { newId, disk: disk.afterPowerFailure(choose) });
      const there = all(after);
      const kept = acknowledged.slice(after.first);
      expect(after.first).toBeLessThanOrEqual(dropped);
      expect(there.slice(0, kept.length)).toEqual(kept);
      // The last append may be there although nobody heard of it.
      expect(there.length - kept.length).toBeLessThanOrEqual(2);
    }),
    { numRuns: 300 },
  );
}); // prettier-ignore

async function untilGone(disk: SimulatedDisk, turnsMax: number): Promise<void> {
  for (let turn = 0; !disk.crashed && turn < turnsMax; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
