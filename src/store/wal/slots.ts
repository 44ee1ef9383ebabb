import { hash as digest } from 'node:crypto';
import { join } from 'node:path';
import { onDisk } from './failure.ts';
import type { Disk, DiskFile } from './disk.ts';
import type { SignedTriple } from '../../ports/log-file.ts';

/** A place in the log. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

/**
 * What the last completed sync of the log covered. Written only after that sync, so everything that it names is on the
 * disk: whatever is missing of it was lost later.
 */
export interface Slot {
  /** Rises by one with each slot that is written; its parity says in which of the two places it stands. */
  readonly counter: number;
  /** Rises with each start. */
  readonly epoch: number;
  readonly logId: Uint8Array;
  /** Where reading starts, and the sequence of the first frame there. */
  readonly start: Position & { readonly sequence: number };
  /** Where the last covered frame ends, and its sequence; 0 if there is none yet. */
  readonly end: Position & { readonly sequence: number };
  readonly triple: SignedTriple | null;
}

/** Each slot has a page of its own: a write of one that is torn cannot touch the other. */
export const slotBytes = 4096;
export const slotsName = 'slots';
const checksumOffset = slotBytes - 16;
const magic = 0x4b43534c;
const version = 1;

export function encodeSlot(slot: Slot): Buffer {
  const bytes = Buffer.alloc(slotBytes);
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt8(version, 4);
  bytes.writeUInt8(slot.triple === null ? 0 : 1, 5);
  bytes.writeUIntBE(slot.counter, 6, 6);
  bytes.writeUInt32BE(slot.epoch, 12);
  bytes.set(slot.logId, 16);
  writePlace(bytes, 32, slot.start);
  writePlace(bytes, 48, slot.end);
  if (slot.triple !== null) {
    bytes.writeUIntBE(slot.triple.height, 64, 6);
    bytes.writeUInt32BE(slot.triple.round, 70);
    bytes.writeUInt8(slot.triple.step, 74);
  }
  bytes.set(checksum(bytes), checksumOffset);
  return bytes;
}

/** Undefined if the checksum does not fit or the slot belongs into the other place. */
export function decodeSlot(bytes: Buffer, place: number): Slot | undefined {
  if (bytes.length !== slotBytes || !checksum(bytes).equals(bytes.subarray(checksumOffset))) return undefined;
  if (bytes.readUInt32BE(0) !== magic || bytes.readUInt8(4) !== version) return undefined;
  const counter = bytes.readUIntBE(6, 6);
  if (counter % 2 !== place) return undefined;
  const signed = bytes.readUInt8(5) === 1;
  const triple = { height: bytes.readUIntBE(64, 6), round: bytes.readUInt32BE(70), step: bytes.readUInt8(74) };
  return {
    counter,
    epoch: bytes.readUInt32BE(12),
    logId: new Uint8Array(bytes.subarray(16, 32)),
    start: readPlace(bytes, 32),
    end: readPlace(bytes, 48),
    triple: signed ? triple : null,
  };
}

/** The file with the two slots. */
export class SlotFile {
  readonly #path: string;
  readonly #file: DiskFile;

  private constructor(path: string, file: DiskFile) {
    this.#path = path;
    this.#file = file;
  }

  static async open(disk: Disk, dir: string): Promise<SlotFile> {
    const path = join(dir, slotsName);
    return new SlotFile(path, await onDisk(path, 'open', () => disk.open(path, { create: false })));
  }

  /** Makes the file with both slots filled, complete before it has its name. */
  static async create(disk: Disk, dir: string, slot: Slot): Promise<void> {
    const path = join(dir, slotsName);
    const temporary = `${path}.creating`;
    await onDisk(path, 'create', async () => {
      const file = await disk.open(temporary, { create: true });
      const slots = [slot, { ...slot, counter: slot.counter + 1 }].sort((a, b) => (a.counter % 2) - (b.counter % 2));
      await file.write(0, Buffer.concat(slots.map(encodeSlot)));
      await file.sync();
      await file.close();
      await disk.rename(temporary, path);
      await disk.syncDirectory(dir);
    });
  }

  async read(): Promise<readonly (Slot | undefined)[]> {
    const bytes = Buffer.from(await this.#file.read(0, 2 * slotBytes));
    return [0, 1].map((place) => decodeSlot(bytes.subarray(place * slotBytes, (place + 1) * slotBytes), place));
  }

  /** Resolves when the slot is durable. */
  async write(slot: Slot): Promise<void> {
    await onDisk(this.#path, 'write', () => this.#file.write((slot.counter % 2) * slotBytes, encodeSlot(slot)));
    await onDisk(this.#path, 'sync', () => this.#file.sync());
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function writePlace(bytes: Buffer, at: number, place: Slot['start']): void {
  bytes.writeUIntBE(place.segment, at, 6);
  bytes.writeUInt32BE(place.offset, at + 6);
  bytes.writeUIntBE(place.sequence, at + 10, 6);
}

function readPlace(bytes: Buffer, at: number): Slot['start'] {
  return {
    segment: bytes.readUIntBE(at, 6),
    offset: bytes.readUInt32BE(at + 6),
    sequence: bytes.readUIntBE(at + 10, 6),
  };
}

function checksum(bytes: Buffer): Buffer {
  return digest('sha256', bytes.subarray(0, checksumOffset), 'buffer').subarray(0, 16);
}
