import { hash as digest } from 'node:crypto';

/**
 * One file of a spool, `<place of its first entry, 15 digits>.spool`. Numbers big-endian:
 *
 *     header   magic (8 bytes), id of the spool (16)
 *     entry    length u32, checksum (16), bytes
 *
 * The checksum is SHA-256 over the spool's id, the entry's place and its bytes, so nothing counts that stands where another entry must. Reading ends at the first
 * entry that is not whole: an append that was not finished, and therefore not acknowledged.
 */
export const segmentHeaderBytes = 24;
export const entryHeaderBytes = 20;
/** One whole spool file is kept in memory while it is read. */
export const entryBytesMax = 65_536;
const magic = Buffer.from('KCSPOOL1', 'latin1');
const checksumBytes = 16;
const namePattern = /^(\d{15})\.spool$/;

export function segmentName(first: number): string {
  return `${String(first).padStart(15, '0')}.spool`;
}

/** Place of a segment's first entry; undefined if the name is no segment's. */
export function firstOf(name: string): number | undefined {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function segmentHeader(id: string): Buffer {
  return Buffer.concat([magic, Buffer.from(id, 'hex')]);
}

/** The spool's id; undefined if the header is not whole. */
export function idOf(bytes: Buffer): string | undefined {
  if (bytes.length < segmentHeaderBytes || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  return bytes.toString('hex', magic.length, segmentHeaderBytes);
}

export function encodeEntries(id: string, first: number, entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry, i) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(entry.length);
      return [length, checksum(id, first + i, entry), entry];
    }),
  );
}

export function decodeEntries(id: string, first: number, bytes: Buffer): readonly Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = segmentHeaderBytes; at + entryHeaderBytes <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const from = at + entryHeaderBytes;
    if (length > entryBytesMax || from + length > bytes.length) break;
    const entry = new Uint8Array(bytes.subarray(from, from + length));
    if (!checksum(id, first + entries.length, entry).equals(bytes.subarray(at + 4, from))) break;
    entries.push(entry);
    at = from + length;
  }
  return entries;
}

function checksum(id: string, place: number, entry: Uint8Array): Buffer {
  const head = Buffer.alloc(16 + 6);
  head.write(id, 0, 'hex');
  head.writeUIntBE(place, 16, 6);
  return digest('sha256', Buffer.concat([head, entry]), 'buffer').subarray(0, checksumBytes);
}
