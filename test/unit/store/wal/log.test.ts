import { describe, expect, test } from 'vitest';
import { appendAll, open, record, segmentBytes, segmentPath, slotsPath, texts } from './fixture.ts';
import { SimulatedDisk } from './simulated-disk.ts';

describe('appending', () => {
  test('a log that was closed replays its records in order with the last triple', async () => {
    const disk = new SimulatedDisk();
    const { wal, replay } = await open(disk);
    expect(replay).toEqual({ records: [], triple: null, condition: 'clean', detail: '' });
    await wal.append([record('a'), record('b')], { height: 1, round: 0, step: 1 });
    await wal.append([], { height: 1, round: 0, step: 2 });
    await wal.append([record('c')], { height: 1, round: 1, step: 3 });
    await wal.close();
    const again = (await open(disk, 'resume')).replay;
    expect(texts(again)).toEqual(['a', 'b', 'c']);
    expect(again).toMatchObject({ condition: 'clean', triple: { height: 1, round: 1, step: 3 } });
  });

  test('calls that wait together share a write and a sync', async () => {
    const syncs: string[] = [];
    const disk = new SimulatedDisk({ fail: (operation, path) => void (operation === 'sync' && syncs.push(path)) });
    const { wal } = await open(disk);
    const first = wal.append([record('first')], { height: 1, round: 0, step: 1 });
    await Promise.resolve();
    await Promise.resolve();
    syncs.length = 0;
    const calls = Array.from({ length: 20 }, (_, i) => wal.append([record(`${i}`)], { height: 1, round: i, step: 1 }));
    await Promise.all([first, ...calls]);
    expect(syncs.filter((path) => path === segmentPath(1))).toHaveLength(2);
    expect(syncs.filter((path) => path === slotsPath)).toHaveLength(2);
    await wal.close();
    expect(texts((await open(disk)).replay)).toHaveLength(21);
  });

  test('a record larger than a segment gets a segment of its own size', async () => {
    const disk = new SimulatedDisk();
    const { wal } = await open(disk);
    const large = 'x'.repeat(3 * segmentBytes);
    await appendAll(wal, ['small', large, 'after']);
    await wal.close();
    expect(texts((await open(disk)).replay)).toEqual(['small', large, 'after']);
  });

  test('more than 64 MiB in one call is refused and nothing breaks', async () => {
    const { wal } = await open(new SimulatedDisk());
    const call = wal.append([new Uint8Array(64 * 1024 * 1024)], { height: 1, round: 0, step: 1 });
    await expect(call).rejects.toMatchObject({ code: 'WAL_TOO_LARGE' });
    await expect(appendAll(wal, ['next'])).resolves.toBeUndefined();
    await wal.close();
    await expect(appendAll(wal, ['late'])).rejects.toMatchObject({ code: 'WAL_CLOSED' });
  });
});

describe('truncating', () => {
  test('drops what is below the height, also across a restart, and never the triple', async () => {
    const disk = new SimulatedDisk();
    const { wal } = await open(disk);
    await appendAll(wal, ['h1', 'h2', 'h3', 'h4']);
    await wal.truncateBefore(3);
    await appendAll(wal, ['one more']);
    await wal.close();
    const second = await open(disk);
    expect(texts(second.replay)).toEqual(['h3', 'h4', 'one more']);
    await second.wal.truncateBefore(99);
    await second.wal.append([], { height: 5, round: 0, step: 1 });
    await second.wal.truncateBefore(99);
    await second.wal.append([], { height: 5, round: 0, step: 2 });
    await second.wal.close();
    expect((await open(disk)).replay).toMatchObject({ records: [], triple: { height: 5, round: 0, step: 2 } });
  });

  test('keeps records of a height whose triple is still that of the height before', async () => {
    const disk = new SimulatedDisk();
    const { wal } = await open(disk);
    await wal.append([record('precommit at 7')], { height: 7, round: 0, step: 3 });
    await wal.append([record('entry into round 2 of height 8')], { height: 7, round: 0, step: 3 }, 8);
    await wal.truncateBefore(8);
    await wal.append([], { height: 8, round: 2, step: 2 });
    await wal.close();
    expect(texts((await open(disk)).replay)).toEqual(['entry into round 2 of height 8']);
  });

  test('recycles segments by renaming, so a long life needs few files', async () => {
    const disk = new SimulatedDisk();
    const { wal } = await open(disk);
    for (let height = 1; height <= 200; height++) {
      await wal.append([new Uint8Array(500)], { height, round: 0, step: 1 });
      await wal.truncateBefore(height);
    }
    await wal.close();
    const segments = [...disk.files().keys()].filter((name) => name.endsWith('.wal'));
    expect(segments.length).toBeLessThanOrEqual(4);
    expect(segments.some((name) => name > segmentPath(60))).toBe(true);
    expect(disk.counts.get('rename') ?? 0).toBeGreaterThan(60);
    const { replay } = await open(disk);
    expect(replay).toMatchObject({ condition: 'clean', triple: { height: 200, round: 0, step: 1 } });
    expect(replay.records.length).toBeLessThanOrEqual(2);
  });
});

describe('a failing disk', () => {
  test('after a failed sync every call is refused with the same error', async () => {
    let broken = false;
    const disk = new SimulatedDisk({ fail: (operation) => (broken && operation === 'sync' ? 'EIO' : undefined) });
    const { wal } = await open(disk);
    await appendAll(wal, ['good']);
    broken = true;
    const calls = [1, 2, 3].map((round) => wal.append([record('bad')], { height: 2, round, step: 1 }));
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'WAL_IO', payload: { operation: 'sync' } } });
    }
    broken = false;
    await expect(appendAll(wal, ['later'])).rejects.toMatchObject({ code: 'WAL_IO' });
    await expect(wal.truncateBefore(1)).rejects.toMatchObject({ code: 'WAL_IO' });
    await wal.close();
  });

  test('a failed sync of the slot alone refuses the call too', async () => {
    let broken = false;
    const fail = (operation: string, path: string): string | undefined =>
      broken && operation === 'sync' && path.endsWith('slots') ? 'EIO' : undefined;
    const { wal } = await open(new SimulatedDisk({ fail }));
    broken = true;
    await expect(appendAll(wal, ['x'])).rejects.toMatchObject({ code: 'WAL_IO', payload: { file: '/wal/slots' } });
  });

  test('a full disk is WAL_FULL, at the start and when the next segment is needed', async () => {
    let full = true;
    const fail = (operation: string, path: string): string | undefined =>
      full && operation === 'write' && /(creating|spare)-/.test(path) ? 'ENOSPC' : undefined;
    const disk = new SimulatedDisk({ fail });
    await expect(open(disk)).rejects.toMatchObject({ code: 'WAL_FULL' });
    full = false;
    const { wal } = await open(disk, 'resume');
    full = true;
    const fill = appendAll(
      wal,
      Array.from({ length: 30 }, () => 'x'.repeat(300)),
    );
    await expect(fill).rejects.toMatchObject({ code: 'WAL_FULL' });
    await wal.close();
    full = false;
    const { replay } = await open(disk, 'resume');
    expect(replay.condition).toBe('clean');
    expect(replay.records.length).toBeGreaterThanOrEqual(5);
  });
});
