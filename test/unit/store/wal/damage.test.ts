import { describe, expect, test } from 'vitest';
import { readLog } from '../../../../src/store/wal/replay.ts';
import { resetWal } from '../../../../src/store/wal/open.ts';
import { appendAll, dir, open, record, segmentPath, slotsPath, texts, withFlip, writtenLog } from './fixture.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const appended = ['first', 'second', 'third', 'a fourth record, which is a little longer'];

describe('one inverted bit', () => {
  test('anywhere in the synced frames is damage that names the file and the place', async () => {
    const files = await writtenLog(appended);
    const segment = files.get(segmentPath(1)) as Buffer;
    const used = segment.findLastIndex((byte) => byte !== 0) + 1;
    expect(used).toBeGreaterThan(300);
    for (let bit = 0; bit < used * 8; bit++) {
      const log = await readLog(SimulatedDisk.of(withFlip(files, segmentPath(1), bit)), dir);
      expect(log, `bit ${bit}`).toMatchObject({ kind: 'damaged', triple: { height: 4, round: 0, step: 1 } });
      if (log.kind === 'damaged') expect(log.detail).toMatch(/^segment-000000000001\.wal offset \d+: frame \d: /);
    }
  });

  test('anywhere in the slots is noticed and costs no record', async () => {
    const files = await writtenLog(appended);
    for (let byte = 0; byte < 8192; byte++) {
      const log = await readLog(SimulatedDisk.of(withFlip(files, slotsPath, byte * 8 + (byte % 8))), dir);
      if (log.kind !== 'intact') throw new Error(`byte ${byte}: ${log.detail}`);
      if (!log.torn.startsWith('slots: ') || log.records.length !== 4) throw new Error(`byte ${byte} went unnoticed`);
    }
    expect(files.get(slotsPath)?.length).toBe(8192);
  });

  test('does not keep the records before it from being handed over', async () => {
    const files = await writtenLog(appended);
    const at = (files.get(segmentPath(1)) as Buffer).indexOf('third');
    const { replay } = await open(SimulatedDisk.of(withFlip(files, segmentPath(1), at * 8)), 'resume');
    expect(replay.condition).toBe('damaged');
    expect(texts(replay)).toEqual(['first', 'second']);
  });
});

describe('a damaged or missing log', () => {
  test('without a slot file is damaged', async () => {
    const files = await writtenLog(appended);
    files.delete(slotsPath);
    expect((await open(SimulatedDisk.of(files))).replay).toMatchObject({ condition: 'damaged', detail: /slots/ });
  });

  test('with two unreadable slots is damaged', async () => {
    const files = await writtenLog(appended);
    files.set(slotsPath, Buffer.alloc(8192));
    expect((await open(SimulatedDisk.of(files))).replay.detail).toBe('slots: neither of the two slots can be read');
  });

  test('whose slot names records that are not there is damaged', async () => {
    const short = await writtenLog(appended.slice(0, 2));
    const long = await writtenLog(appended);
    const files = new Map([...short, [slotsPath, long.get(slotsPath) as Buffer]]);
    expect((await open(SimulatedDisk.of(files), 'resume')).replay.condition).toBe('damaged');
  });

  test('whose segment is gone is damaged', async () => {
    const files = await writtenLog(appended);
    files.delete(segmentPath(1));
    expect((await open(SimulatedDisk.of(files), 'resume')).replay).toMatchObject({ condition: 'damaged', records: [] });
  });

  test('whose slot was not written although its successor was is damaged', async () => {
    const before = (await writtenLog(appended.slice(0, 1))).get(slotsPath) as Buffer;
    const files = await writtenLog(appended.slice(0, 4));
    const mixed = Buffer.concat([before.subarray(0, 4096), (files.get(slotsPath) as Buffer).subarray(4096)]);
    files.set(slotsPath, mixed);
    expect((await open(SimulatedDisk.of(files), 'resume')).replay.condition).toBe('damaged');
  });

  test('is missing only where the data folder says that there was one', async () => {
    expect((await open(new SimulatedDisk(), 'resume')).replay).toMatchObject({ condition: 'missing', triple: null });
    expect((await open(new SimulatedDisk(), 'create')).replay).toMatchObject({ condition: 'clean', triple: null });
  });

  test('refuses appends and is left as it is', async () => {
    const files = withFlip(await writtenLog(appended), segmentPath(1), 100 * 8);
    const disk = SimulatedDisk.of(files);
    const { wal } = await open(disk, 'resume');
    await expect(wal.append([record('x')], { height: 9, round: 0, step: 1 })).rejects.toMatchObject({
      code: 'WAL_UNUSABLE',
    });
    expect(disk.files()).toEqual(files);
  });

  test('can be put aside for an empty one above a floor, and its files are kept', async () => {
    const files = withFlip(await writtenLog(appended), segmentPath(1), 100 * 8);
    const disk = SimulatedDisk.of(files);
    await resetWal(dir, { floor: { height: 7, round: 1, step: 3 }, disk });
    const { wal, replay } = await open(disk, 'resume');
    expect(replay).toMatchObject({ condition: 'clean', records: [], triple: { height: 7, round: 1, step: 3 } });
    await appendAll(wal, ['new']);
    await wal.close();
    expect(disk.files().get(`${dir}/aside-1-segment-000000000001.wal`)).toEqual(files.get(segmentPath(1)));
    expect(texts((await open(disk, 'resume')).replay)).toEqual(['new']);
  });
});

describe('what was never acknowledged', () => {
  test('is dropped as torn when it is not whole', async () => {
    const before = await writtenLog(appended.slice(0, 2));
    const after = await writtenLogOf(before, ['unfinished']);
    const at = (after.get(segmentPath(1)) as Buffer).indexOf('unfinished');
    const files = new Map([...withFlip(after, segmentPath(1), at * 8), [slotsPath, before.get(slotsPath) as Buffer]]);
    const { replay } = await open(SimulatedDisk.of(files), 'resume');
    expect(replay).toMatchObject({ condition: 'torn', triple: { height: 2, round: 0, step: 1 } });
    expect(replay.detail).toMatch(/^segment-000000000001\.wal offset \d+: an unfinished write$/);
    expect(texts(replay)).toEqual(['first', 'second']);
  });

  test('does not come back when its place is written again with a frame of the same length', async () => {
    const before = await writtenLog(['first']);
    const disk = SimulatedDisk.of(before);
    const { wal } = await open(disk, 'resume');
    const slots = disk.files().get(slotsPath) as Buffer;
    await appendAll(wal, ['lost A', 'lost B']);
    await wal.close();
    // The power failed before any of the two was synced: A is torn, B happens to be whole.
    const at = (disk.files().get(segmentPath(1)) as Buffer).indexOf('lost A');
    const torn = new Map([...withFlip(disk.files(), segmentPath(1), at * 8), [slotsPath, slots]]);
    const second = SimulatedDisk.of(torn);
    const reopened = await open(second, 'resume');
    expect(texts(reopened.replay)).toEqual(['first']);
    await appendAll(reopened.wal, ['true A']);
    await reopened.wal.close();
    expect((second.files().get(segmentPath(1)) as Buffer).includes('lost B')).toBe(true);
    expect(texts((await open(second, 'resume')).replay)).toEqual(['first', 'true A']);
  });

  test('but was kept is made durable again before a slot names it', async () => {
    const before = await writtenLog(['first']);
    const failing = SimulatedDisk.of(before, { fail: failSyncOnce(segmentPath(1)) });
    const { wal } = await open(failing, 'resume');
    await expect(appendAll(wal, ['written, never synced'])).rejects.toMatchObject({ code: 'WAL_IO' });
    // The kernel marked the page clean: it is in the cache, not on the disk, and no later sync writes it.
    const disk = failing.afterKill();
    disk.forgetUnsynced(segmentPath(1));
    const reopened = await open(disk, 'resume');
    expect(texts(reopened.replay)).toEqual(['first', 'written, never synced']);
    const { replay } = await open(
      disk.afterPowerFailure((below) => below - 1),
      'resume',
    );
    expect(replay.condition).toBe('clean');
    expect(texts(replay)).toEqual(['first', 'written, never synced']);
  });
});

describe('P3: a sync of the slot that failed', () => {
  test('and a power failure at any moment of the next start leave a sound log', async () => {
    const before = await writtenLog(['first']);
    let crashes = 0;
    for (let crashAt = 1; crashAt <= 40; crashAt++) {
      let isBroken = false;
      const fail = (operation: string, at: string): string | undefined =>
        isBroken && operation === 'sync' && at === slotsPath ? 'EIO' : undefined;
      const failing = SimulatedDisk.of(before, { fail });
      const { wal } = await open(failing, 'resume');
      isBroken = true;
      await expect(appendAll(wal, ['written, never synced'])).rejects.toMatchObject({ code: 'WAL_IO' });
      const disk = failing.afterKill({ crashAt });
      disk.forgetUnsynced(slotsPath);
      await Promise.race([open(disk, 'resume'), new Promise((resolve) => setTimeout(resolve, 5))]);
      if (disk.crashed) crashes += 1;
      const { replay } = await open(
        disk.afterPowerFailure((below) => below - 1),
        'resume',
      );
      expect(replay, `crash at ${crashAt}`).toMatchObject({ detail: expect.not.stringContaining('counters') });
      expect(['clean', 'torn']).toContain(replay.condition);
    }
    expect(crashes).toBeGreaterThan(10);
  });
});

async function writtenLogOf(files: Map<string, Buffer>, more: readonly string[]): Promise<Map<string, Buffer>> {
  const disk = SimulatedDisk.of(files);
  // The log goes on in the epoch that the slot of `files` names, as if it had never been closed.
  const slots = files.get(slotsPath) as Buffer;
  const { wal } = await open(disk, 'resume');
  await appendAll(wal, more);
  await wal.close();
  slots.set(await slotsAfterOpening(files));
  return disk.files();
}

/** The slots as a start leaves them, before the first append. */
async function slotsAfterOpening(files: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const disk = SimulatedDisk.of(files);
  const { wal } = await open(disk, 'resume');
  await wal.close();
  return disk.files().get(slotsPath) as Buffer;
}

function failSyncOnce(path: string): (operation: string, at: string) => string | undefined {
  let failed = false;
  return (operation, at) => {
    if (failed || operation !== 'sync' || at !== path) return undefined;
    failed = true;
    return 'EIO';
  };
}
