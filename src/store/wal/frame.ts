import { hash as digest } from 'node:crypto';
import type { SignedTriple } from '../../ports/log-file.ts';

/**
 * One call of `append` is one frame: it is there as a whole or not at all. All numbers big-endian:
 *
 *      0 magic u32             24 height of the records u48
 *      4 frame length u32      30 triple: height u48, round u32, step u8
 *      8 segment u48           41 number of records u32, then 3 zero bytes
 *     14 sequence u48          48 checksum, 16 bytes
 *     20 epoch u32             64 records, each with its length u32
 *
 * The checksum is SHA-256 over the log's id, the header before it and the records. Segment, sequence and epoch are what
 * keeps the old content of a recycled segment, or the rest of an unfinished write of an earlier start, from being read as
 * records: a frame counts only where exactly this sequence is expected, in this segment, of this epoch, in this log.
 */
export const frameHeaderBytes = 64;
const checksumOffset = 48;
const checksumBytes = 16;
const magic = 0x4b43574c;

export interface FrameIdentity {
  readonly logId: Uint8Array;
  readonly segment: number;
  readonly sequence: number;
  readonly epoch: number;
}

export interface Frame {
  readonly length: number;
  readonly epoch: number;
  readonly height: number;
  readonly triple: SignedTriple;
  readonly records: readonly Uint8Array[];
}

export function frameLength(records: readonly Uint8Array[]): number {
  return records.reduce((sum, record) => sum + 4 + record.length, frameHeaderBytes);
}

export function writeFrame(
  target: Buffer,
  identity: FrameIdentity,
  content: { readonly height: number; readonly triple: SignedTriple; readonly records: readonly Uint8Array[] },
): void {
  target.writeUInt32BE(magic, 0);
  target.writeUInt32BE(target.length, 4);
  target.writeUIntBE(identity.segment, 8, 6);
  target.writeUIntBE(identity.sequence, 14, 6);
  target.writeUInt32BE(identity.epoch, 20);
  target.writeUIntBE(content.height, 24, 6);
  target.writeUIntBE(content.triple.height, 30, 6);
  target.writeUInt32BE(content.triple.round, 36);
  target.writeUInt8(content.triple.step, 40);
  target.writeUInt32BE(content.records.length, 41);
  target.fill(0, 45, checksumOffset);
  let at = frameHeaderBytes;
  for (const record of content.records) {
    target.writeUInt32BE(record.length, at);
    target.set(record, at + 4);
    at += 4 + record.length;
  }
  target.set(checksum(identity.logId, target), checksumOffset);
}

export type Expected = Omit<FrameIdentity, 'epoch'> & { readonly epochMin: number; readonly epochMax: number };

/** The frame at `offset`, or what is there instead: `torn` if it began to be written, `none` if nothing says so. */
export function readFrame(bytes: Buffer, offset: number, expected: Expected): Frame | 'torn' | 'none' {
  if (offset + frameHeaderBytes > bytes.length) return 'none';
  const header = bytes.subarray(offset, offset + frameHeaderBytes);
  if (header.readUInt32BE(0) !== magic) return 'none';
  if (header.readUIntBE(8, 6) !== expected.segment || header.readUIntBE(14, 6) !== expected.sequence) return 'none';
  const epoch = header.readUInt32BE(20);
  if (epoch < expected.epochMin || epoch > expected.epochMax) return 'none';
  const length = header.readUInt32BE(4);
  if (length < frameHeaderBytes || offset + length > bytes.length) return 'torn';
  const frame = bytes.subarray(offset, offset + length);
  const stored = header.subarray(checksumOffset, checksumOffset + checksumBytes);
  if (!checksum(expected.logId, frame).equals(stored)) return 'torn';
  const records = readRecords(frame);
  if (records === undefined) return 'torn';
  const triple = { height: frame.readUIntBE(30, 6), round: frame.readUInt32BE(36), step: frame.readUInt8(40) };
  return { length, epoch, height: frame.readUIntBE(24, 6), triple, records };
}

function readRecords(frame: Buffer): Uint8Array[] | undefined {
  const count = frame.readUInt32BE(41);
  const records: Uint8Array[] = [];
  let at = frameHeaderBytes;
  for (let i = 0; i < count; i++) {
    if (at + 4 > frame.length) return undefined;
    const length = frame.readUInt32BE(at);
    if (at + 4 + length > frame.length) return undefined;
    records.push(new Uint8Array(frame.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return at === frame.length ? records : undefined;
}

function checksum(logId: Uint8Array, frame: Buffer): Buffer {
  const body = Buffer.concat([logId, frame.subarray(0, checksumOffset), frame.subarray(frameHeaderBytes)]);
  return digest('sha256', body, 'buffer').subarray(0, checksumBytes);
}
