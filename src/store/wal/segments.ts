import { join } from 'node:path';
import { onDisk } from './failure.ts';
import type { Disk, DiskFile } from './disk.ts';

const segmentPattern = /^segment-(\d{12})\.wal$/;
const zeroChunkBytes = 1024 * 1024;
/** More dropped segments than this are removed: one in use, one ready, one for a burst. */
const sparesMax = 2;

export function segmentName(number: number): string {
  return `segment-${String(number).padStart(12, '0')}.wal`;
}

/** Number of a segment, undefined for the name of another file. */
export function segmentNumber(name: string): number | undefined {
  const match = segmentPattern.exec(name);
  return match === null ? undefined : Number(match[1]);
}

export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly file: DiskFile;
  readonly bytes: number;
}

/**
 * The files that the log is written to. Their blocks are allocated by writing zeros, so that an append changes no metadata
 * and fdatasync has only its data to write; a segment that is not needed any more is renamed to be the next one. A
 * segment gets its name, durably, before anything is written to it.
 */
export class Segments {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #spares: string[] = [];
  #preparing: Promise<void> | undefined;
  #prepared = 0;

  constructor(disk: Disk, dir: string, segmentBytes: number) {
    this.#disk = disk;
    this.#dir = dir;
    this.#segmentBytes = segmentBytes;
  }

  /** Size of a segment that holds no larger frame. */
  get bytes(): number {
    return this.#segmentBytes;
  }

  async open(number: number): Promise<Segment> {
    const path = join(this.#dir, segmentName(number));
    return onDisk(path, 'open', async () => {
      const file = await this.#disk.open(path, { create: false });
      return { number, path, file, bytes: await file.size() };
    });
  }

  /** A segment for at least `bytesMin` bytes: a spare one, or a new one. */
  async next(number: number, bytesMin: number): Promise<Segment> {
    await this.#preparing;
    const path = join(this.#dir, segmentName(number));
    const spare = bytesMin <= this.#segmentBytes ? this.#spares.shift() : undefined;
    await onDisk(path, 'create', async () => {
      const source = spare ?? (await this.#allocate(`creating-${number}.wal`, Math.max(bytesMin, this.#segmentBytes)));
      await this.#disk.rename(source, path);
      await this.#disk.syncDirectory(this.#dir);
    });
    return this.open(number);
  }

  /** Has a spare one made in the background; if that fails, `next` will try itself and say why. */
  prepare(): void {
    if (this.#spares.length > 0 || this.#preparing !== undefined) return;
    this.#prepared += 1;
    this.#preparing = this.#allocate(`spare-${this.#prepared}.wal`, this.#segmentBytes)
      .then(
        (path) => void this.#spares.push(path),
        () => {},
      )
      .finally(() => {
        this.#preparing = undefined;
      });
  }

  /** A segment whose content is not needed any more, which a durable slot must say already. */
  async recycle(number: number): Promise<void> {
    const path = join(this.#dir, segmentName(number));
    await onDisk(path, 'recycle', async () => {
      const file = await this.#disk.open(path, { create: false });
      const bytes = await file.size();
      await file.close();
      if (bytes === this.#segmentBytes && this.#spares.length < sparesMax) this.#spares.push(path);
      else await this.#disk.remove(path);
    });
  }

  /** Removes files that an earlier start left: half-made ones, spare ones, and segments beyond the end of the log. */
  async removeLeftovers(
    names: readonly string[],
    live: { readonly first: number; readonly last: number },
  ): Promise<void> {
    for (const name of names) {
      const number = segmentNumber(name);
      const isLive = number !== undefined && number >= live.first && number <= live.last;
      const isOwn = number !== undefined || /^(spare|creating)-\d+\.wal$/.test(name);
      if (isLive || !isOwn) continue;
      const path = join(this.#dir, name);
      await onDisk(path, 'remove', () => this.#disk.remove(path));
    }
    await onDisk(this.#dir, 'sync folder', () => this.#disk.syncDirectory(this.#dir));
  }

  async close(): Promise<void> {
    await this.#preparing;
  }

  async #allocate(name: string, bytes: number): Promise<string> {
    const path = join(this.#dir, name);
    const file = await this.#disk.open(path, { create: true });
    try {
      const zeros = new Uint8Array(Math.min(zeroChunkBytes, bytes));
      for (let at = 0; at < bytes; at += zeros.length) {
        await file.write(at, zeros.subarray(0, Math.min(zeros.length, bytes - at)));
      }
      await file.sync();
    } catch (error) {
      // Half a segment would keep the disk full, and LMDB may crash the process on a full disk while it closes.
      await this.#disk.remove(path).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
    return path;
  }
}
