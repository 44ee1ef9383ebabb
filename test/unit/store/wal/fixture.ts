import { openWal } from '../../../../src/store/wal/open.ts';
import { segmentName } from '../../../../src/store/wal/segments.ts';
import { SimulatedDisk, type Plan } from './simulated-disk.ts';
import type { WalReplay, WriteAheadLog } from '../../../../src/ports/log-file.ts';

export const dir = '/wal';
export const slotsPath = `${dir}/slots`;
export const segmentBytes = 2048;

export function segmentPath(number: number): string {
  return `${dir}/${segmentName(number)}`;
}

export async function open(
  disk: SimulatedDisk,
  mode: 'create' | 'resume' = 'create',
): Promise<{ readonly wal: WriteAheadLog; readonly replay: WalReplay }> {
  return openWal(dir, { mode, disk, segmentBytes });
}

export function record(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function texts(replay: WalReplay): string[] {
  return replay.records.map((bytes) => new TextDecoder().decode(bytes));
}

/** Appends one text after the other, each acknowledged; the height is that of the last, counted from 1. */
export async function appendAll(wal: WriteAheadLog, appended: readonly string[]): Promise<void> {
  for (const [i, text] of appended.entries()) await wal.append([record(text)], { height: i + 1, round: 0, step: 1 });
}

/** The files of a log that was written and closed. */
export async function writtenLog(appended: readonly string[], plan: Plan = {}): Promise<Map<string, Buffer>> {
  const disk = new SimulatedDisk(plan);
  const { wal } = await open(disk);
  await appendAll(wal, appended);
  await wal.close();
  return disk.files();
}

/** The same files with one bit inverted. */
export function withFlip(files: ReadonlyMap<string, Buffer>, path: string, bit: number): Map<string, Buffer> {
  const changed = Buffer.from(files.get(path) as Buffer);
  changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
  return new Map([...files, [path, changed]]);
}
