import type { Sha256 } from '../ports/crypto.ts';
import { ChainError } from '../errors/chain-error.ts';

/**
 * The log's Merkle tree, RFC 6962 section 2.1: leaf = SHA-256(0x00 || bytes), node = SHA-256(0x01 || left || right), a tree of n
 * leaves splits at the largest power of two below n.
 *
 * Stored are only the nodes of complete subtrees: node (level, index) covers the 2^level leaves from index * 2^level on. They
 * never change once written; the roots of incomplete subtrees are folded from them. Indexes are safe integers, beyond 2^32, so
 * there is no bit arithmetic here.
 */
export type NodeReader = (level: number, index: number) => Uint8Array | undefined;
export type NodeWrite = readonly [level: number, index: number, hash: Uint8Array];

const LEAF_PREFIX = new Uint8Array([0]);
const NODE_PREFIX = new Uint8Array([1]);

/** RFC 6962 2.1: MTH({d}). */
export function leafHash(sha256: Sha256, bytes: Uint8Array): Uint8Array {
  return sha256(LEAF_PREFIX, bytes);
}

export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE_PREFIX, left, right);
}

/** MTH({}), the hash of the empty string. */
export function emptyRoot(sha256: Sha256): Uint8Array {
  return sha256();
}

export interface AppendedLeaves {
  readonly size: number;
  readonly root: Uint8Array;
  /** Nodes that became complete, leaves' own (level 0) included, in the order in which they were. */
  readonly nodes: readonly NodeWrite[];
}

/** Appends leaf hashes to a tree of `sizeBefore` leaves. Writes nothing: the caller stores `nodes`. */
export function appendLeaves(
  sha256: Sha256,
  sizeBefore: number,
  reader: NodeReader,
  leafHashes: readonly Uint8Array[],
): AppendedLeaves {
  const nodes: NodeWrite[] = [];
  const fresh = new Map<string, Uint8Array>();
  const read: NodeReader = (level, index) => fresh.get(`${level}/${index}`) ?? reader(level, index);
  const write = (level: number, index: number, hash: Uint8Array): void => {
    fresh.set(`${level}/${index}`, hash);
    nodes.push([level, index, hash]);
  };
  let size = sizeBefore;
  for (const hash of leafHashes) {
    let current = hash;
    let index = size;
    write(0, index, current);
    for (let level = 0; index % 2 === 1; level++) {
      current = nodeHash(sha256, nodeAt(read, level, index - 1), current);
      index = (index - 1) / 2;
      write(level + 1, index, current);
    }
    size++;
  }
  return { size, root: rootOf(sha256, size, read), nodes };
}

/** Root of the tree of the first `size` leaves. */
export function rootOf(sha256: Sha256, size: number, reader: NodeReader): Uint8Array {
  return size === 0 ? emptyRoot(sha256) : rangeRoot(sha256, 0, size, reader);
}

/** RFC 6962 2.1 over leaf hashes that are all at hand. */
export function rootOfLeafHashes(sha256: Sha256, leafHashes: readonly Uint8Array[]): Uint8Array {
  return appendLeaves(sha256, 0, () => undefined, leafHashes).root;
}

/** RFC 6962 2.1.1, PATH(index, D[size]): from the leaf's sibling upwards. Throws LEDGER_TREE_RANGE. */
export function inclusionProof(sha256: Sha256, index: number, size: number, reader: NodeReader): Uint8Array[] {
  if (!isCount(index) || !isCount(size) || index >= size) throw noSuchProof(`index ${index} in a log of size ${size}`);
  const proof: Uint8Array[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      proof.push(rangeRoot(sha256, middle, end, reader));
      end = middle;
    } else {
      proof.push(rangeRoot(sha256, start, middle, reader));
      start = middle;
    }
  }
  return proof.reverse();
}

/** RFC 6962 2.1.2, PROOF(from, D[to]). Empty for from = 0 and from = to. Throws LEDGER_TREE_RANGE. */
export function consistencyProof(sha256: Sha256, from: number, to: number, reader: NodeReader): Uint8Array[] {
  if (!isCount(from) || !isCount(to) || from > to) throw noSuchProof(`consistency from size ${from} to ${to}`);
  if (from === 0 || from === to) return [];
  const proof: Uint8Array[] = [];
  let start = 0;
  let end = to;
  // SUBPROOF(m, D[n], b): b says that the old tree's own root is known to the reader.
  while (from !== end) {
    const middle = start + splitOf(end - start);
    if (from <= middle) {
      proof.push(rangeRoot(sha256, middle, end, reader));
      end = middle;
    } else {
      proof.push(rangeRoot(sha256, start, middle, reader));
      start = middle;
    }
  }
  if (start !== 0) proof.push(rangeRoot(sha256, start, end, reader));
  return proof.reverse();
}

/**
 * Root of the leaves [start, end), where `start` is a multiple of the largest power of two that fits, as in every split of RFC 6962.
 * Complete subtrees are read, the incomplete right edge is folded.
 */
function rangeRoot(sha256: Sha256, start: number, end: number, reader: NodeReader): Uint8Array {
  const complete: Uint8Array[] = [];
  let at = start;
  while (at < end) {
    let level = 0;
    let width = 1;
    while (at % (2 * width) === 0 && at + 2 * width <= end) {
      width *= 2;
      level++;
    }
    complete.push(nodeAt(reader, level, at / width));
    at += width;
  }
  const root = complete.reduceRight<Uint8Array | undefined>(
    (right, left) => (right === undefined ? left : nodeHash(sha256, left, right)),
    undefined,
  );
  return root ?? emptyRoot(sha256);
}

/** The largest power of two below `size`, for size >= 2. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

function nodeAt(reader: NodeReader, level: number, index: number): Uint8Array {
  const node = reader(level, index);
  if (node === undefined) throw new ChainError('LEDGER_TREE_NODE_MISSING', { level, index });
  return node;
}

export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function noSuchProof(detail: string): ChainError<'LEDGER_TREE_RANGE'> {
  return new ChainError('LEDGER_TREE_RANGE', { detail });
}
