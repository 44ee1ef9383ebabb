import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { ChainError } from '../../errors/chain-error.ts';

/**
 * Bytes are stored once: a block as it travels holds its transactions, and each of them stands, byte for byte, inside its
 * leaf (a leaf is canonical JSON whose member `tx` has the members of the envelope in the envelope's own order). The
 * certificate of the height before is stored under that height. So a stored block is a list of pieces:
 *
 *     0x00 length u32 bytes                 literal bytes
 *     0x01 leaf u48 offset u32 length u32   bytes of a leaf
 *     0x02 height u48 length u32            the whole certificate of that height
 *
 * Pieces are found by comparing bytes, never by trusting a format: whatever does not match stays literal, and what comes
 * out is always what went in. What stays is the header, which repeats hashes of the block's own leaf; so the list is
 * deflated with the last leaf as the dictionary:
 *
 *     0x00 pieces
 *     0x01 leaf u48, deflate of the pieces
 */
const plain = 0;
const deflated = 1;
/** A record never grows beyond the largest block, which the ledger caps far below. */
const piecesBytesMax = 64 * 1024 * 1024;
const settings = { level: 6, windowBits: 13, memLevel: 5 };
const literal = 0;
const fromLeaf = 1;
const fromCertificate = 2;
const txMember = Buffer.from('"tx":');
/** What follows the member `tx` in a leaf; the version is its last member. */
const txEnd = Buffer.from(',"v":');
/** A reference of 15 bytes and the literal around it must be smaller than what they replace. */
const referenceBytesMin = 64;

export interface BlockSources {
  readonly leaves: readonly (readonly [index: number, bytes: Uint8Array])[];
  readonly previousCertificate: Uint8Array | undefined;
}

export function encodeBlock(height: number, block: Uint8Array, sources: BlockSources): Uint8Array {
  const bytes = viewOf(block);
  const pieces: Buffer[] = [];
  let done = 0;
  const take = (start: number, length: number, reference: () => Buffer): void => {
    if (start > done) pieces.push(literalHead(start - done), bytes.subarray(done, start));
    pieces.push(reference());
    done = start + length;
  };
  const certificate = sources.previousCertificate;
  if (certificate !== undefined && certificate.length >= referenceBytesMin) {
    const at = bytes.indexOf(certificate);
    if (at >= 0) take(at, certificate.length, () => certificateReference(height - 1, certificate.length));
  }
  for (const [index, leafBytes] of sources.leaves) {
    const leaf = viewOf(leafBytes);
    const member = leaf.indexOf(txMember);
    const end = leaf.lastIndexOf(txEnd);
    if (member < 0 || end - member < referenceBytesMin) continue;
    const offset = member + txMember.length;
    const at = bytes.indexOf(leaf.subarray(offset, end), done);
    if (at >= 0) take(at, end - offset, () => leafReference(index, offset, end - offset));
  }
  if (done < bytes.length) pieces.push(literalHead(bytes.length - done), bytes.subarray(done));
  return deflatedRecord(Buffer.concat(pieces), sources.leaves.at(-1));
}

function deflatedRecord(pieces: Buffer, last: BlockSources['leaves'][number] | undefined): Uint8Array {
  if (last !== undefined && last[1].length > 0) {
    const head = Buffer.alloc(7, deflated);
    head.writeUIntBE(last[0], 1, 6);
    const small = deflateRawSync(pieces, { ...settings, dictionary: last[1] });
    if (head.length + small.length < pieces.length) return Buffer.concat([head, small]);
  }
  return Buffer.concat([Buffer.from([plain]), pieces]);
}

function piecesOf(record: Buffer, leaf: (index: number) => Uint8Array | undefined): Buffer {
  if (record[0] === plain) return record.subarray(1);
  if (record[0] !== deflated || record.length < 7) throw new Error(`unknown form ${record[0]}`);
  const index = record.readUIntBE(1, 6);
  const dictionary = leaf(index);
  if (dictionary === undefined) throw new Error(`leaf ${index} is missing`);
  return inflateRawSync(record.subarray(7), { dictionary, maxOutputLength: piecesBytesMax });
}

/** Throws STORE_DAMAGED if a piece refers to what is not there. */
export function decodeBlock(
  height: number,
  record: Uint8Array,
  read: { leaf: (index: number) => Uint8Array | undefined; certificate: (height: number) => Uint8Array | undefined },
): Uint8Array {
  const where = `block ${height}`;
  const damaged = (detail: string): ChainError => new ChainError('STORE_DAMAGED', { where, detail });
  let bytes: Buffer;
  try {
    bytes = piecesOf(viewOf(record), read.leaf);
  } catch (error) {
    throw damaged((error as Error).message);
  }
  const pieces: Uint8Array[] = [];
  let at = 0;
  const skip = (count: number): number => {
    if (at + count > bytes.length) throw damaged('the record ends in the middle of a piece');
    at += count;
    return at - count;
  };
  while (at < bytes.length) {
    const kind = bytes[skip(1)];
    if (kind === literal) {
      const length = bytes.readUInt32BE(skip(4));
      pieces.push(bytes.subarray(skip(length), at));
    } else if (kind === fromLeaf) {
      const head = skip(14);
      const index = bytes.readUIntBE(head, 6);
      const offset = bytes.readUInt32BE(head + 6);
      const length = bytes.readUInt32BE(head + 10);
      const leaf = read.leaf(index);
      if (leaf === undefined || offset + length > leaf.length) throw damaged(`leaf ${index} is missing or too short`);
      pieces.push(leaf.subarray(offset, offset + length));
    } else if (kind === fromCertificate) {
      const head = skip(10);
      const certificateHeight = bytes.readUIntBE(head, 6);
      const certificate = read.certificate(certificateHeight);
      if (certificate?.length !== bytes.readUInt32BE(head + 6))
        throw damaged(`certificate ${certificateHeight} differs`);
      pieces.push(certificate);
    } else {
      throw damaged(`unknown piece ${kind}`);
    }
  }
  const whole = Buffer.concat(pieces);
  return new Uint8Array(whole.buffer, whole.byteOffset, whole.length);
}

function literalHead(length: number): Buffer {
  const head = Buffer.alloc(5, literal);
  head.writeUInt32BE(length, 1);
  return head;
}

function leafReference(index: number, offset: number, length: number): Buffer {
  const piece = Buffer.alloc(15, fromLeaf);
  piece.writeUIntBE(index, 1, 6);
  piece.writeUInt32BE(offset, 7);
  piece.writeUInt32BE(length, 11);
  return piece;
}

function certificateReference(height: number, length: number): Buffer {
  const piece = Buffer.alloc(11, fromCertificate);
  piece.writeUIntBE(height, 1, 6);
  piece.writeUInt32BE(length, 7);
  return piece;
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
