import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { onDisk } from './failure.ts';
import { RefusingLog, SegmentedLog } from './log.ts';
import { nodeDisk } from './node-disk.ts';
import { readLog, type IntactLog } from './replay.ts';
import { segmentName, segmentNumber, Segments } from './segments.ts';
import { SlotFile, slotsName, type Slot } from './slots.ts';
import type { Disk } from './disk.ts';
import type { SignedTriple, WalReplay, WriteAheadLog } from '../../ports/log-file.ts';

/** Several blocks of the largest size; one is filled in minutes under full load. */
const segmentBytesDefault = 8 * 1024 * 1024;

export interface OpenWalOptions {
  /**
   * `create`: the data folder says that there was no log yet, an absent one is made. `resume`: it says that there was one, and
   * an absent one is `missing`. A log that is there is read in both modes.
   */
  readonly mode: 'create' | 'resume';
  readonly disk?: Disk;
  readonly segmentBytes?: number;
}

/**
 * Opens the log in `dir` (made if need be). A damaged or missing log is reported in `replay` and left untouched; `wal` then
 * refuses every append with WAL_UNUSABLE until `resetWal` was called and the log opened again. Rejects with WAL_IO or
 * WAL_FULL if the disk fails.
 */
export async function openWal(
  dir: string,
  options: OpenWalOptions,
): Promise<{ readonly wal: WriteAheadLog; readonly replay: WalReplay }> {
  const { mode, disk = nodeDisk, segmentBytes = segmentBytesDefault } = options;
  const names = await logFiles(disk, dir);
  if (names.length === 0) {
    if (mode === 'resume') return refused('missing', `${dir}: there is no log`, [], null);
    await createLog(disk, dir, null);
  } else if (!names.includes(slotsName)) {
    return refused('damaged', `${slotsName}: the file is missing`, [], null);
  }
  const log = await readLog(disk, dir);
  if (log.kind === 'damaged') return refused('damaged', log.detail, log.records, log.triple);
  const wal = await resume(disk, dir, segmentBytes, log);
  const condition = log.torn === '' ? 'clean' : 'torn';
  return { wal, replay: { records: log.records, triple: log.triple, condition, detail: log.torn } };
}

/**
 * Puts a damaged log aside (its files are kept, renamed) and starts an empty one whose last signed triple is `floor`. For the
 * moment when the height that the lost log belonged to was decided, or an operator takes responsibility.
 */
export async function resetWal(
  dir: string,
  options: { readonly floor: SignedTriple | null; readonly disk?: Disk },
): Promise<void> {
  const { disk = nodeDisk } = options;
  const names = (await disk.list(dir)) ?? [];
  const aside = names.reduce((highest, name) => Math.max(highest, Number(/^aside-(\d+)-/.exec(name)?.[1] ?? 0)), 0) + 1;
  for (const name of names.filter((candidate) => !candidate.startsWith('aside-'))) {
    await onDisk(join(dir, name), 'rename', () => disk.rename(join(dir, name), join(dir, `aside-${aside}-${name}`)));
  }
  await createLog(disk, dir, options.floor);
}

async function createLog(disk: Disk, dir: string, triple: SignedTriple | null): Promise<void> {
  await onDisk(dir, 'create', () => disk.makeDirectory(dir));
  const start = { segment: 1, offset: 0, sequence: 1 };
  const logId = new Uint8Array(randomBytes(16));
  await SlotFile.create(disk, dir, { counter: 1, epoch: 1, logId, start, end: { ...start, sequence: 0 }, triple });
}

/**
 * Makes what was read the durable truth, then lets appends in. Frames beyond the slot may be in the page cache only (the
 * process was killed, or a sync failed and left clean pages that the disk never got), so they are written again and synced
 * before a slot names them. Both slots are rewritten with a new epoch: from then on nothing that an earlier start left
 * beyond the end can count. Each of the two is synced before the other is touched, the one that is not intact first.
 */
async function resume(disk: Disk, dir: string, segmentBytes: number, log: IntactLog): Promise<WriteAheadLog> {
  const segments = new Segments(disk, dir, segmentBytes);
  await rewrite(segments, log.unconfirmed);
  await onDisk(dir, 'sync folder', () => disk.syncDirectory(dir));
  const slots = await SlotFile.open(disk, dir);
  // The newest slot may be such a page too: the same bytes again, or the next one would stand on the disk beside one that is three older. Where the other
  // is not intact the power has failed, the cache is gone, and the only slot that there is must not be touched.
  const areIntact = (await slots.read()).every((each) => each !== undefined);
  if (areIntact) await slots.write(log.slot);
  let slot: Slot = { ...log.slot, epoch: log.slot.epoch + 1, end: log.end, triple: log.triple };
  for (let i = 0; i < 2; i++) {
    slot = { ...slot, counter: slot.counter + 1 };
    await slots.write(slot);
  }
  const names = await logFiles(disk, dir);
  await segments.removeLeftovers(names, { first: slot.start.segment, last: slot.end.segment });
  const { segment: number } = slot.end;
  const exists = names.includes(segmentName(number));
  const segment = exists ? await segments.open(number) : await segments.next(number, segmentBytes);
  segments.prepare();
  return new SegmentedLog({ segments, slots, segment, slot, marks: log.marks });
}

async function rewrite(segments: Segments, frames: IntactLog['unconfirmed']): Promise<void> {
  for (const number of new Set(frames.map((frame) => frame.segment))) {
    const { path, file } = await segments.open(number);
    await onDisk(path, 'write', async () => {
      for (const frame of frames) if (frame.segment === number) await file.write(frame.offset, frame.bytes);
      await file.sync();
      await file.close();
    });
  }
}

async function logFiles(disk: Disk, dir: string): Promise<string[]> {
  const names = (await onDisk(dir, 'list', () => disk.list(dir))) ?? [];
  const isOwn = (name: string): boolean =>
    segmentNumber(name) !== undefined || /^(slots|spare-\d+\.wal|creating-\d+\.wal)$/.test(name);
  return names.filter(isOwn);
}

function refused(
  condition: 'damaged' | 'missing',
  detail: string,
  records: readonly Uint8Array[],
  triple: SignedTriple | null,
): { readonly wal: WriteAheadLog; readonly replay: WalReplay } {
  return { wal: new RefusingLog(condition, detail), replay: { records, triple, condition, detail } };
}
