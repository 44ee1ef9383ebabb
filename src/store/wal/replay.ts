import { join } from 'node:path';
import { readFrame, type Frame } from './frame.ts';
import { segmentName } from './segments.ts';
import { SlotFile, type Position, type Slot } from './slots.ts';
import type { Disk } from './disk.ts';
import type { SignedTriple } from '../../ports/log-file.ts';

/** The first frame of a height that is higher than all before it. */
export interface HeightMark {
  readonly height: number;
  readonly at: Slot['start'];
}

export interface IntactLog {
  readonly kind: 'intact';
  /** What an unfinished write left and was dropped; empty if there was none. */
  readonly torn: string;
  readonly slot: Slot;
  readonly records: readonly Uint8Array[];
  readonly triple: SignedTriple | null;
  readonly end: Position & { readonly sequence: number };
  readonly marks: readonly HeightMark[];
  /** Frames beyond the slot: complete, but nobody knows yet whether they are on the disk. */
  readonly unconfirmed: readonly (Position & { readonly bytes: Uint8Array })[];
}

export interface DamagedLog {
  readonly kind: 'damaged';
  readonly detail: string;
  readonly records: readonly Uint8Array[];
  readonly triple: SignedTriple | null;
}

/**
 * Reads a log without changing it. The slot decides: all frames that it covers must be there, whole and in order, or the
 * log is damaged; what comes after them was never acknowledged, so its first incomplete frame ends the log.
 */
export async function readLog(disk: Disk, dir: string): Promise<IntactLog | DamagedLog> {
  const slots = await readSlots(disk, dir);
  const [first, second] = slots;
  const slot = newer(first, second);
  if (slot === undefined) return damagedLog('slots: neither of the two slots can be read');
  if (first !== undefined && second !== undefined && Math.abs(first.counter - second.counter) !== 1) {
    return {
      ...damagedLog(`slots: counters ${first.counter} and ${second.counter} do not follow each other`),
      triple: slot.triple,
    };
  }
  const tornSlot =
    first === undefined || second === undefined ? `slots: slot ${first === undefined ? 0 : 1} is not intact` : '';
  return new Reader(disk, dir, slot).run(tornSlot);
}

async function readSlots(disk: Disk, dir: string): Promise<readonly (Slot | undefined)[]> {
  const file = await SlotFile.open(disk, dir);
  try {
    return await file.read();
  } catch {
    return [undefined, undefined];
  } finally {
    await file.close();
  }
}

class Reader {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #slot: Slot;
  readonly #content = new Map<number, Buffer | undefined>();
  readonly #records: Uint8Array[] = [];
  readonly #marks: HeightMark[] = [];
  readonly #unconfirmed: IntactLog['unconfirmed'][number][] = [];
  #triple: SignedTriple | null;
  #segment: number;
  #offset: number;
  #sequence: number;
  #epochMin = 0;

  constructor(disk: Disk, dir: string, slot: Slot) {
    this.#disk = disk;
    this.#dir = dir;
    this.#slot = slot;
    this.#triple = slot.triple;
    this.#segment = slot.start.segment;
    this.#offset = slot.start.offset;
    this.#sequence = slot.start.sequence;
  }

  async run(tornSlot: string): Promise<IntactLog | DamagedLog> {
    const covered = this.#slot.end;
    for (;;) {
      if (this.#sequence === covered.sequence + 1 && !this.#isAt(covered))
        return this.#damaged('frames and slot do not agree');
      const here = await this.#frameAt(this.#segment, this.#offset);
      if (typeof here === 'object') {
        this.#take(here);
        continue;
      }
      // The rest of a segment stays unused when the next frame does not fit into it.
      const there = await this.#frameAt(this.#segment + 1, 0);
      if (typeof there === 'object') {
        this.#segment += 1;
        this.#offset = 0;
        this.#take(there);
        continue;
      }
      if (this.#sequence <= covered.sequence) {
        return this.#damaged(here === 'torn' ? 'the checksum does not fit' : 'no such frame');
      }
      const tornFrame =
        here === 'torn' ? this.#place() : there === 'torn' ? `${segmentName(this.#segment + 1)} offset 0` : '';
      return {
        kind: 'intact',
        torn: [tornSlot, tornFrame === '' ? '' : `${tornFrame}: an unfinished write`]
          .filter((part) => part !== '')
          .join('; '),
        slot: this.#slot,
        records: this.#records,
        triple: this.#triple,
        end: { segment: this.#segment, offset: this.#offset, sequence: this.#sequence - 1 },
        marks: this.#marks,
        unconfirmed: this.#unconfirmed,
      };
    }
  }

  #take(frame: Frame): void {
    const at = { segment: this.#segment, offset: this.#offset, sequence: this.#sequence };
    if (frame.height > (this.#marks.at(-1)?.height ?? -1)) this.#marks.push({ height: frame.height, at });
    if (at.sequence > this.#slot.end.sequence) {
      const content = this.#content.get(at.segment) as Buffer;
      this.#unconfirmed.push({ ...at, bytes: content.subarray(at.offset, at.offset + frame.length) });
      this.#triple = frame.triple;
    }
    for (const record of frame.records) this.#records.push(record);
    this.#epochMin = frame.epoch;
    this.#offset += frame.length;
    this.#sequence += 1;
  }

  /** Beyond the slot only frames of its own epoch count: those of an earlier start were dropped when it was over. */
  async #frameAt(segment: number, offset: number): Promise<Frame | 'torn' | 'none'> {
    const bytes = await this.#read(segment);
    if (bytes === undefined) return 'none';
    const { logId, epoch, end } = this.#slot;
    const epochMin = this.#sequence > end.sequence ? epoch : this.#epochMin;
    return readFrame(bytes, offset, { logId, segment, sequence: this.#sequence, epochMin, epochMax: epoch });
  }

  /** Undefined if the segment is not there or cannot be read. */
  async #read(segment: number): Promise<Buffer | undefined> {
    if (!this.#content.has(segment)) {
      this.#content.delete(segment - 2);
      this.#content.set(segment, await readWhole(this.#disk, join(this.#dir, segmentName(segment))));
    }
    return this.#content.get(segment);
  }

  #isAt(position: Position): boolean {
    return this.#segment === position.segment && this.#offset === position.offset;
  }

  #place(): string {
    return `${segmentName(this.#segment)} offset ${this.#offset}`;
  }

  #damaged(what: string): DamagedLog {
    const { end } = this.#slot;
    const detail = `${this.#place()}: frame ${this.#sequence}: ${what}; synced up to frame ${end.sequence}`;
    return { kind: 'damaged', detail, records: this.#records, triple: this.#triple };
  }
}

async function readWhole(disk: Disk, path: string): Promise<Buffer | undefined> {
  let file;
  try {
    file = await disk.open(path, { create: false });
    const bytes = await file.read(0, await file.size());
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

function newer(first: Slot | undefined, second: Slot | undefined): Slot | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return first.counter > second.counter ? first : second;
}

function damagedLog(detail: string): DamagedLog {
  return { kind: 'damaged', detail, records: [], triple: null };
}
