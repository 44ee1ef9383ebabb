import type { Sha256 } from '../ports/crypto.ts';
import { ChainError } from '../errors/chain-error.ts';
import { bytesEqual } from '../codec/index.ts';
import { emptyRoot, isCount, nodeHash } from './merkle.ts';

/** Proofs of RFC 6962 trees, checked without the tree (RFC 9162 sections 2.1.3.2 and 2.1.4.2). These throw and return nothing. */

const HASH_BYTES = 32;

/** Throws LEDGER_INCLUSION unless `proof` shows that the leaf with this hash is the one at `index` in the tree of `size` with `root`. */
export function verifyInclusion(
  sha256: Sha256,
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): void {
  const refuse = (detail: string) => new ChainError('LEDGER_INCLUSION', { index, size, detail });
  if (!isCount(index) || !isCount(size) || index >= size) throw refuse('the index is not below the size');
  if (!allHashes(proof)) throw refuse('a hash of the proof is not 32 bytes');
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) throw refuse('the proof is too long');
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sha256, sibling, hash);
      // At the right edge, levels without a sibling have no entry in the proof.
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = half(last);
      }
    } else {
      hash = nodeHash(sha256, hash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  if (last !== 0) throw refuse('the proof is too short');
  if (!bytesEqual(hash, root)) throw refuse('it leads to another root');
}

/** Throws LEDGER_CONSISTENCY unless `proof` shows that the tree of `from` leaves is the beginning of the one of `to` leaves. */
export function verifyConsistency(
  sha256: Sha256,
  from: number,
  to: number,
  proof: readonly Uint8Array[],
  rootFrom: Uint8Array,
  rootTo: Uint8Array,
): void {
  const refuse = (detail: string) => new ChainError('LEDGER_CONSISTENCY', { from, to, detail });
  if (!isCount(from) || !isCount(to) || from > to) throw refuse('the log became shorter');
  if (!allHashes(proof)) throw refuse('a hash of the proof is not 32 bytes');
  if (from === 0 || from === to) {
    if (proof.length !== 0) throw refuse('the proof is too long');
    if (!bytesEqual(rootFrom, from === to ? rootTo : emptyRoot(sha256))) throw refuse('the older root differs');
    return;
  }
  let node = from - 1;
  let last = to - 1;
  while (node % 2 === 1) {
    node = half(node);
    last = half(last);
  }
  // If the old tree is one complete subtree, its root is the first hash and is not sent.
  const [first, ...rest] = node === 0 ? [rootFrom, ...proof] : proof;
  if (first === undefined) throw refuse('the proof is too short');
  let oldHash = first;
  let newHash = first;
  for (const sibling of rest) {
    if (last === 0) throw refuse('the proof is too long');
    if (node % 2 === 1 || node === last) {
      oldHash = nodeHash(sha256, sibling, oldHash);
      newHash = nodeHash(sha256, sibling, newHash);
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = half(last);
      }
    } else {
      newHash = nodeHash(sha256, newHash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  if (last !== 0) throw refuse('the proof is too short');
  if (!bytesEqual(oldHash, rootFrom)) throw refuse('it leads to another older root');
  if (!bytesEqual(newHash, rootTo)) throw refuse('it leads to another newer root');
}

const half = (value: number): number => Math.floor(value / 2);

function allHashes(proof: readonly Uint8Array[]): boolean {
  return proof.every((hash) => hash.length === HASH_BYTES);
}
