import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSlot, slotBytes, slotsName, type Slot } from '../../src/store/wal/slots.ts';
import { segmentName } from '../../src/store/wal/segments.ts';
import { expectOneLogWith } from './checks.ts';
import { Committee, type Change, type FaultNode } from './committee.ts';
import { Load } from './load.ts';

/** Index of delta among the validators, which stand in the order of their names. */
const DELTA = 2;
const CHANGES = 6;
const DISK_BYTES = 48 * 1024 * 1024;

let committee: Committee;
let delta: FaultNode;
const changes: Change[] = [];

beforeAll(async () => {
  committee = await Committee.found();
  delta = committee.node('delta');
  mkdirSync(delta.files.dataDir);
  await committee.start({ delta: { disk: { dir: delta.files.dataDir, options: `size=${DISK_BYTES}` } } });
});

afterAll(() => committee?.close());

async function goOn(name: string): Promise<void> {
  for (let i = 0; i < CHANGES; i += 1) changes.push(await committee.mustChange(`${name}-${i}`, ['alpha', 'gamma']));
}

describe('a disk that fills up under a running node', () => {
  it('ends it with a coded error that says what to do; the chain goes on and nothing allowed is lost', async () => {
    const load = new Load(committee, 'filling', 4);
    try {
      await load.progress(5);
      fill(join('/proc', String(delta.run.pid), 'root', delta.files.dataDir, 'filler'));
      const exit = await delta.run.exited;
      expect(exit).toEqual({ code: 1, signal: null });
      await load.progress(5);
    } finally {
      await load.stop();
    }
    changes.push(...load.changes);
    const lines = delta.run.logText.split('\n').filter((line) => line.includes('the node cannot go on'));
    expect(lines).toHaveLength(1);
    const { err, remedy } = JSON.parse(lines[0] ?? '') as { err: { code: string }; remedy: string };
    expect(['STORE_FULL', 'WAL_FULL']).toContain(err.code);
    expect(remedy).toContain('Free space');
    await expectOneLogWith(committee, changes);
  });
});

/** Until nothing fits any more. */
function fill(file: string): void {
  const chunk = Buffer.alloc(256 * 1024);
  for (let size = chunk.length; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(file, chunk.subarray(0, size), { flag: 'a' });
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  }
}

describe('P8: a node that lost what it signed', () => {
  const wal = (): string => join(delta.files.dataDir, 'wal');
  const saved = (): string => join(committee.dir, 'wal-saved');

  /** The newer of both slots: where the records begin and end that were not yet dropped. */
  function slot(): Slot {
    const bytes = readFileSync(join(wal(), slotsName));
    const slots = [0, 1].flatMap((i) => decodeSlot(bytes.subarray(i * slotBytes, (i + 1) * slotBytes), i) ?? []);
    return slots.sort((a, b) => b.counter - a.counter)[0] as Slot;
  }

  /** In the middle of the records that were synced. */
  function middle(): { readonly file: string; readonly offset: number } {
    const { start, end } = slot();
    expect(end.segment).toBe(start.segment);
    expect(end.offset).toBeGreaterThan(start.offset);
    return { file: join(wal(), segmentName(start.segment)), offset: Math.floor((start.offset + end.offset) / 2) };
  }

  beforeAll(async () => {
    // Its folder was on the disk that went with the process; this one is empty.
    await delta.start();
    await delta.ready();
    const load = new Load(committee, 'log', 4);
    try {
      do {
        if (!delta.isRunning) {
          await delta.start();
          await delta.ready();
        }
        await load.progress(5);
        await delta.kill();
      } while (slot().start.segment !== slot().end.segment || slot().start.offset === slot().end.offset);
    } finally {
      await load.stop();
    }
    changes.push(...load.changes);
    cpSync(wal(), saved(), { recursive: true });
  }, 120_000);

  for (const [what, reason, damage] of [
    ['cut in half', 'consensus log damaged', () => truncateSync(middle().file, middle().offset)],
    ['with one bit turned', 'consensus log damaged', () => turnBit(middle().file, [middle().offset])],
    ['that was deleted', 'consensus log missing', () => rmSync(wal(), { recursive: true })],
  ] as const) {
    it(`(its log is one ${what}) says so and why, follows, and signs nothing; the chain goes on`, async () => {
      damage();
      const { height } = await committee.agreed();
      await delta.start();
      await delta.answering();
      expect((await delta.reader.status()).notReady.join('\n')).toContain(reason);
      await goOn(reason.replaceAll(' ', '-'));
      await expectOneLogWith(committee, changes);
      expect((await delta.reader.status()).height).toBeGreaterThanOrEqual(height + CHANGES);
      for (const { reader } of committee.nodes) {
        const signers = await reader.signers(height + 1);
        expect(signers.length).toBeGreaterThanOrEqual(CHANGES);
        expect(signers.flat()).not.toContain(DELTA);
      }
      await delta.stop();
      // Nothing was signed meanwhile, so the log as it was is still the whole truth.
      rmSync(wal(), { recursive: true, force: true });
      cpSync(saved(), wal(), { recursive: true });
    });
  }

  it('takes part again with its log', async () => {
    const { height } = await committee.agreed();
    await delta.start();
    await delta.ready();
    expect((await delta.reader.status()).notReady).toEqual([]);
    await goOn('whole');
    await expectOneLogWith(committee, changes);
    expect((await delta.reader.signers(height + 1)).flat()).toContain(DELTA);
  });
});

function turnBit(file: string, offsets: readonly number[]): void {
  const bytes = readFileSync(file);
  for (const offset of offsets) bytes[offset] = (bytes[offset] ?? 0) ^ 0x01;
  writeFileSync(file, bytes);
}

describe('a bit turned in the store', () => {
  it('is found by fsck, which names the place', async () => {
    expect((await delta.stop()).code).toBe(0);
    expect((await delta.fsck()).problems).toEqual([]);
    const file = join(delta.files.dataDir, 'db', 'data.mdb');
    const bytes = readFileSync(file);
    const offsets: number[] = [];
    for (let at = bytes.indexOf('object/main/'); at >= 0; at = bytes.indexOf('object/main/', at + 1))
      offsets.push(at + 2);
    expect(offsets.length).toBeGreaterThan(0);
    turnBit(file, offsets);
    const { ok, problems } = await delta.fsck();
    expect(ok).toBe(false);
    expect(problems.length).toBeGreaterThan(0);
    for (const { code, where } of problems) expect([/^[A-Z_]+$/.test(code), where !== '']).toEqual([true, true]);
  });

  it('keeps the node from taking part, with a coded error; the others go on', async () => {
    await delta.start();
    const { code } = await delta.run.exited;
    expect(code).toBe(1);
    expect(delta.run.logTail).toMatch(/error: .* \[LEDGER_STATE_MISMATCH\]\nRun chain-node fsck/);
    expect(existsSync(join(delta.files.dataDir, 'lock'))).toBe(false);
    await goOn('without');
    await expectOneLogWith(committee, changes);
  });
});
