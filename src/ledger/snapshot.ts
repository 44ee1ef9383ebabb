import type { AppState, Block, Certificate } from '../types/chain.ts';
import type { Hash } from '../types/brand.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { ChainError } from '../errors/chain-error.ts';
import { ByteReader, ByteWriter, bytesEqual, fromHex, toHex } from '../codec/index.ts';
import { checkBlockParts, decodeBlock, encodeBlock } from './block.ts';
import { CERTIFICATE_BYTES_MAX, decodeCertificate, encodeCertificate } from './certificate.ts';
import { BLOCK_BYTES_CAP, BLOCK_TXS_CAP, LEAF_BYTES_MAX } from './limits.ts';
import { appendLeaves, leafHash, type NodeWrite } from './merkle.ts';
import { verifyHead, type HeadCrypto, type HeadTrust } from './proof.ts';
import { BUCKET_COUNT, STATE_HASH_BYTES, stateNodeHash } from './state-bucket.ts';

/**
 * What a state is taken over by, without the history that made it: the last block with its leaves, the right edge of the log before it, and the hash of each
 * bucket of the state. All of it is proven by that block's certificate; whoever has it knows of each bucket what its bytes must hash to. Big-endian:
 *   version 1 (1) | block length (4) | block | certificate length (4) | certificate | log size (8) | log root (32) | state root (32) |
 *   leaves (4), each: length (4) | bytes | nodes of the edge (1), each 32, highest level first | filled buckets (4), each: number (2) | hash (32), ascending
 */
const VERSION = 1;
const EMPTY_HASH = new Uint8Array(STATE_HASH_BYTES);

export interface SnapshotHead {
  readonly block: Block;
  readonly certificate: Certificate;
  readonly state: AppState;
  /** Of this block, in order; the block's own is the last one. */
  readonly leaves: readonly Uint8Array[];
  /** Nodes of `rightEdge` of the log before this block. */
  readonly edge: readonly Uint8Array[];
  /** Hashes of all buckets, 32 bytes each; zero for an empty one. */
  readonly bucketHashes: Uint8Array;
}

/** What is written for a snapshot beside its buckets. */
export interface VerifiedSnapshot {
  readonly blockId: Hash;
  /** Index of the first leaf of its block. */
  readonly firstLeaf: number;
  /** The edge before the block, and what the block's leaves completed. */
  readonly nodes: readonly NodeWrite[];
}

/** Complete subtrees that a log of `size` leaves ends with, highest first: all that is needed to go on from there. */
export function rightEdge(size: number): (readonly [level: number, index: number])[] {
  const edge: (readonly [number, number])[] = [];
  let left = size;
  for (let level = 52; level >= 0; level -= 1) {
    const width = 2 ** level;
    if (left < width) continue;
    edge.push([level, (size - left) / width]);
    left -= width;
  }
  return edge;
}

export function encodeSnapshotHead(head: SnapshotHead): Uint8Array {
  const { block, certificate, state, leaves, edge, bucketHashes } = head;
  const writer = new ByteWriter();
  writer.u8(VERSION);
  writer.lengthPrefixed(encodeBlock(block), BLOCK_BYTES_CAP);
  writer.lengthPrefixed(encodeCertificate(certificate), CERTIFICATE_BYTES_MAX);
  writer.u64(state.logSize).bytes(fromHex(state.logRoot)).bytes(fromHex(state.stateRoot));
  writer.u32(leaves.length);
  for (const leaf of leaves) writer.lengthPrefixed(leaf, LEAF_BYTES_MAX);
  writer.u8(edge.length);
  for (const node of edge) writer.bytes(node);
  const filled: number[] = [];
  for (let bucket = 0; bucket < BUCKET_COUNT; bucket += 1)
    if (!bytesEqual(hashAt(bucketHashes, bucket), EMPTY_HASH)) filled.push(bucket);
  writer.u32(filled.length);
  for (const bucket of filled) writer.u16(bucket).bytes(hashAt(bucketHashes, bucket));
  return writer.finish();
}

/** Form only; see verifySnapshotHead. Throws CODEC_*, LEDGER_*. */
export function decodeSnapshotHead(bytes: Uint8Array): SnapshotHead {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new ChainError('LEDGER_VERSION', { what: 'snapshot', version: String(version) });
  const block = decodeBlock(reader.lengthPrefixed(BLOCK_BYTES_CAP));
  const { height } = block.header;
  const certificate = decodeCertificate(reader.lengthPrefixed(CERTIFICATE_BYTES_MAX));
  const logSize = reader.u64();
  const hash = (): Hash => toHex(reader.bytes(STATE_HASH_BYTES)) as Hash;
  const state = { logSize, logRoot: hash(), stateRoot: hash() };
  const count = reader.u32();
  if (count > BLOCK_TXS_CAP + 1) throw refused(height, `${count} leaves`);
  const leaves: Uint8Array[] = [];
  for (let i = 0; i < count; i += 1) leaves.push(reader.lengthPrefixed(LEAF_BYTES_MAX));
  const edge: Uint8Array[] = [];
  for (let left = reader.u8(); left > 0; left -= 1) edge.push(reader.bytes(STATE_HASH_BYTES));
  const bucketHashes = new Uint8Array(BUCKET_COUNT * STATE_HASH_BYTES);
  let previous = -1;
  for (let left = reader.u32(); left > 0; left -= 1) {
    const bucket = reader.u16();
    const bytesOfHash = reader.bytes(STATE_HASH_BYTES);
    if (bucket <= previous || bytesEqual(bytesOfHash, EMPTY_HASH))
      throw refused(height, `bucket ${bucket} is out of order or empty`);
    bucketHashes.set(bytesOfHash, bucket * STATE_HASH_BYTES);
    previous = bucket;
  }
  reader.end();
  return { block, certificate, state, leaves, edge, bucketHashes };
}

/**
 * Throws unless a quorum of the trusted set certified the block, and leaves, edge and bucket hashes are those of the log and the state that it commits to:
 * LEDGER_SNAPSHOT, LEDGER_HEAD_*, LEDGER_BLOCK_*, LEDGER_CERTIFICATE_*.
 */
export function verifySnapshotHead(head: SnapshotHead, trust: HeadTrust, crypto: HeadCrypto): VerifiedSnapshot {
  const { block, certificate, state, leaves, edge, bucketHashes } = head;
  const { sha256 } = crypto;
  const { height } = block.header;
  verifyHead({ header: block.header, certificate, state }, trust, crypto);
  checkBlockParts(block, { blockBytesMax: BLOCK_BYTES_CAP, blockTxsMax: BLOCK_TXS_CAP }, sha256);
  const firstLeaf = state.logSize - leaves.length;
  if (firstLeaf < 0 || leaves.length !== block.txs.length + 1)
    throw refused(height, `${leaves.length} leaves of ${block.txs.length} transactions`);
  const places = rightEdge(firstLeaf);
  if (places.length !== edge.length) throw refused(height, `an edge of ${edge.length} nodes, not ${places.length}`);
  const before = places.map(([level, index], i): NodeWrite => [level, index, edge[i] as Uint8Array]);
  const known = new Map(before.map(([level, index, hash]) => [`${level}/${index}`, hash]));
  const read = (level: number, index: number): Uint8Array | undefined => known.get(`${level}/${index}`);
  const appended = appendLeaves(
    sha256,
    firstLeaf,
    read,
    leaves.map((leaf) => leafHash(sha256, leaf)),
  );
  if (toHex(appended.root) !== state.logRoot)
    throw refused(height, 'edge and leaves do not give the log root that was certified');
  if (stateRootOf(bucketHashes, sha256) !== state.stateRoot)
    throw refused(height, 'the bucket hashes do not give the state root that was certified');
  return { blockId: certificate.blockId, firstLeaf, nodes: [...before, ...appended.nodes] };
}

export function hashAt(bucketHashes: Uint8Array, bucket: number): Uint8Array {
  return bucketHashes.subarray(bucket * STATE_HASH_BYTES, (bucket + 1) * STATE_HASH_BYTES);
}

/** Root over the hashes of all buckets. One hash for all empty subtrees of a level. */
function stateRootOf(bucketHashes: Uint8Array, sha256: Sha256): Hash {
  let level = bucketHashes;
  let empty: Uint8Array = EMPTY_HASH;
  while (level.length > STATE_HASH_BYTES) {
    const above = new Uint8Array(level.length / 2);
    const emptyAbove = stateNodeHash(sha256, empty, empty);
    for (let node = 0; node * STATE_HASH_BYTES < above.length; node += 1) {
      const left = hashAt(level, 2 * node);
      const right = hashAt(level, 2 * node + 1);
      const isEmpty = bytesEqual(left, empty) && bytesEqual(right, empty);
      above.set(isEmpty ? emptyAbove : stateNodeHash(sha256, left, right), node * STATE_HASH_BYTES);
    }
    level = above;
    empty = emptyAbove;
  }
  return toHex(level) as Hash;
}

function refused(height: number, detail: string): ChainError<'LEDGER_SNAPSHOT'> {
  return new ChainError('LEDGER_SNAPSHOT', { height, detail });
}
