import { join } from 'node:path';
import { ChainError } from '../../errors/chain-error.ts';
import type { Disk, DiskFile } from '../wal/disk.ts';
import { nodeDisk } from '../wal/node-disk.ts';
import {
  decodeEntries,
  encodeEntries,
  entryBytesMax,
  firstOf,
  idOf,
  segmentHeader,
  segmentHeaderBytes,
  segmentName,
} from './segment.ts';

/** So much is written to one file; what is anchored is removed file by file. */
const segmentBytes = 1024 * 1024;

export interface SpoolOptions {
  /** Called when the folder holds no spool: 32 hexadecimal digits that no spool had before. */
  readonly newId: () => string;
  readonly disk?: Disk;
}

interface Segment {
  readonly first: number;
  readonly file: DiskFile | undefined;
  readonly path: string;
}

interface Append {
  readonly entries: readonly Uint8Array[];
  readonly resolve: (first: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Entries that are acknowledged here and leave for the log later, in order. **Durability**: when `append` resolves, the entries survive kill -9 and a power
 * failure; they stay until `drop` is called with a place behind them, which the caller does once they are in the log. An append that fails left nothing that
 * counts: the next one begins another file at the same place. What waits together shares one write and one sync.
 */
export class Spool {
  readonly id: string;
  readonly #dir: string;
  readonly #disk: Disk;
  #entries: Uint8Array[];
  #first: number;
  #bytes: number;
  #segments: Segment[];
  #offset = 0;
  #queue: Append[] = [];
  #writing: Promise<void> | undefined;
  #dropping: Promise<void> = Promise.resolve();
  #closed = false;

  /** Reads what is there. Throws STORE_DAMAGED if entries are missing in the middle, STORE_IO. */
  static async open(dir: string, options: SpoolOptions): Promise<Spool> {
    const disk = options.disk ?? nodeDisk;
    try {
      return await read(dir, disk, options.newId);
    } catch (error) {
      throw spoolFailure(dir, 'reading', error);
    }
  }

  constructor(dir: string, disk: Disk, id: string, first: number, entries: Uint8Array[], segments: readonly Segment[]) {
    this.#dir = dir;
    this.#disk = disk;
    this.id = id;
    this.#first = first;
    this.#entries = entries;
    this.#bytes = entries.reduce((sum, entry) => sum + entry.length, 0);
    this.#segments = [...segments];
  }

  /** Place of the oldest entry that is kept. */
  get first(): number {
    return this.#first;
  }

  /** Place of the next entry that is appended. */
  get next(): number {
    return this.#first + this.#entries.length;
  }

  get count(): number {
    return this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Entries whose write or sync is not over. */
  get waiting(): number {
    return this.#queue.reduce((sum, { entries }) => sum + entries.length, 0);
  }

  /** Resolves with the place of the first of them when they are durable. Rejects with STORE_IO, STORE_FULL or STORE_CLOSED. */
  append(entries: readonly Uint8Array[]): Promise<number> {
    if (this.#closed) return Promise.reject(new ChainError('STORE_CLOSED', { operation: 'an entry of the spool' }));
    const large = entries.find((entry) => entry.length > entryBytesMax);
    if (large !== undefined)
      return Promise.reject(new ChainError('STORE_KEY', { what: 'an entry of the spool', detail: 'it is too large' }));
    return new Promise((resolve, reject) => {
      this.#queue.push({ entries, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** The oldest entries, at most `countMax` and, but for the first one, `bytesMax`. */
  oldest(countMax: number, bytesMax: number): readonly Uint8Array[] {
    const found: Uint8Array[] = [];
    let bytes = 0;
    for (const entry of this.#entries) {
      bytes += entry.length;
      if (found.length >= countMax || (found.length > 0 && bytes > bytesMax)) break;
      found.push(entry);
    }
    return found;
  }

  /** Everything before this place is kept elsewhere. Files are removed behind the caller's back; one that stays is read again and dropped again. */
  drop(before: number): void {
    const gone = this.#entries.splice(0, Math.max(0, Math.min(before - this.#first, this.#entries.length)));
    this.#first += gone.length;
    for (const entry of gone) this.#bytes -= entry.length;
    // All but the last file, whose name keeps the place.
    const keep = this.#segments.findLastIndex(({ first }) => first <= this.#first);
    const old = this.#segments.splice(0, Math.max(0, keep));
    if (old.length > 0) this.#dropping = this.#dropping.then(() => this.#remove(old)).catch(() => undefined);
  }

  /** The log has more than this folder: it lost entries that were anchored. The next one gets this place. */
  async skipTo(place: number): Promise<void> {
    await this.#writing;
    this.drop(this.next);
    const before = this.#segments;
    this.#first = place;
    this.#segments = [await this.#begin(place)];
    await this.#remove(before);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    await this.#dropping;
    for (const { file } of this.#segments) await file?.close();
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = [...this.#queue];
      const entries = batch.flatMap((append) => append.entries);
      try {
        const place = this.next;
        const segment = await this.#segmentFor(place);
        const bytes = encodeEntries(this.id, place, entries);
        await segment.file?.write(this.#offset, bytes);
        await segment.file?.sync();
        this.#offset += bytes.length;
        this.#queue = this.#queue.slice(batch.length);
        this.#entries.push(...entries);
        let at = place;
        for (const append of batch) {
          append.resolve(at);
          at += append.entries.length;
          for (const entry of append.entries) this.#bytes += entry.length;
        }
      } catch (error) {
        // Nobody knows what of it is on the disk: the next file begins at the same place, and says that it does not count.
        this.#offset = Number.POSITIVE_INFINITY;
        this.#queue = this.#queue.slice(batch.length);
        const failure = spoolFailure(this.#dir, 'writing', error);
        for (const append of batch) append.reject(failure);
      }
    }
    // In the same turn as the look at the queue: whoever appends next begins again.
    this.#writing = undefined;
  }

  async #segmentFor(place: number): Promise<Segment> {
    const last = this.#segments.at(-1);
    if (last?.file !== undefined && this.#offset < segmentBytes) return last;
    const segment = await this.#begin(place);
    await last?.file?.close();
    this.#segments = [...this.#segments.filter(({ first }) => first !== place), segment];
    return segment;
  }

  async #begin(place: number): Promise<Segment> {
    const path = join(this.#dir, segmentName(place));
    // What is there holds nothing that counts.
    if ((await this.#disk.list(this.#dir))?.includes(segmentName(place)) === true) await this.#disk.remove(path);
    const file = await this.#disk.open(path, { create: true });
    await file.write(0, segmentHeader(this.id));
    await file.sync();
    await this.#disk.syncDirectory(this.#dir);
    this.#offset = segmentHeaderBytes;
    return { first: place, file, path };
  }

  async #remove(segments: readonly Segment[]): Promise<void> {
    for (const { path, file } of segments) {
      await file?.close();
      await this.#disk.remove(path);
    }
    await this.#disk.syncDirectory(this.#dir);
  }
}

async function read(dir: string, disk: Disk, newId: () => string): Promise<Spool> {
  await disk.makeDirectory(dir);
  const names = ((await disk.list(dir)) ?? []).filter((name) => firstOf(name) !== undefined).sort();
  const segments: Segment[] = [];
  const entries: Uint8Array[] = [];
  let id: string | undefined;
  let start: number | undefined;
  for (const [i, name] of names.entries()) {
    const path = join(dir, name);
    const first = firstOf(name) as number;
    const file = await disk.open(path, { create: false });
    const bytes = Buffer.from(await file.read(0, await file.size()));
    await file.close();
    const found = idOf(bytes);
    if (found === undefined && i === names.length - 1) {
      // Its creation was not finished, so nothing in it was acknowledged.
      await disk.remove(path);
      break;
    }
    start ??= first;
    const place = first - start;
    if (found === undefined || (id !== undefined && found !== id) || place > entries.length)
      throw new ChainError('STORE_DAMAGED', { where: path, detail: 'entries of the spool are missing before it' });
    id = found;
    // A file that begins earlier than the one before it ended: what that one holds behind was not acknowledged.
    entries.splice(place, entries.length, ...decodeEntries(id, first, bytes));
    segments.push({ first, path, file: undefined });
  }
  return new Spool(dir, disk, id ?? newId(), start ?? 0, entries, segments);
}

function spoolFailure(path: string, operation: string, error: unknown): ChainError {
  if (error instanceof ChainError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new ChainError('STORE_FULL', { path }, { cause: error });
  const detail = String((error as Error | null)?.message ?? error);
  return new ChainError('STORE_IO', { path, operation, detail }, { cause: error });
}
