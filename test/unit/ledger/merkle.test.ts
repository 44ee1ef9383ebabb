import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/codec/index.ts';
import {
  appendLeaves,
  consistencyProof,
  emptyRoot,
  inclusionProof,
  leafHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
  type NodeReader,
} from '../../../src/ledger/index.ts';
import vectors from '../../vectors/ledger/rfc6962.json' with { type: 'json' };
import { sha256 } from './fixtures.ts';
import { codeOf } from './refusal.ts';

/** RFC 6962 2.1 word for word, over all leaf hashes: the oracle. */
const h = (left: Uint8Array, right: Uint8Array) => sha256(new Uint8Array([1]), left, right);
const split = (n: number): number => 2 ** Math.floor(Math.log2(n - 1));
function dumbRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  const k = split(leaves.length);
  return h(dumbRoot(leaves.slice(0, k)), dumbRoot(leaves.slice(k)));
}
function dumbPath(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return m < k
    ? [...dumbPath(m, leaves.slice(0, k)), dumbRoot(leaves.slice(k))]
    : [...dumbPath(m - k, leaves.slice(k)), dumbRoot(leaves.slice(0, k))];
}
function dumbSubproof(m: number, leaves: readonly Uint8Array[], known: boolean): Uint8Array[] {
  if (m === leaves.length) return known ? [] : [dumbRoot(leaves)];
  const k = split(leaves.length);
  return m <= k
    ? [...dumbSubproof(m, leaves.slice(0, k), known), dumbRoot(leaves.slice(k))]
    : [...dumbSubproof(m - k, leaves.slice(k), false), dumbRoot(leaves.slice(0, k))];
}

class Nodes {
  readonly stored = new Map<string, Uint8Array>();
  size = 0;
  read: NodeReader = (level, index) => this.stored.get(`${level}/${index}`);
  append(hashes: readonly Uint8Array[]): Uint8Array {
    const { size, root, nodes } = appendLeaves(sha256, this.size, this.read, hashes);
    for (const [level, index, hash] of nodes) {
      expect(this.stored.has(`${level}/${index}`)).toBe(false);
      this.stored.set(`${level}/${index}`, hash);
    }
    this.size = size;
    return root;
  }
}

const MAX = 67;
const leaves = Array.from({ length: MAX }, (_, i) => leafHash(sha256, new TextEncoder().encode(`leaf ${i}`)));
const tree = new Nodes();
tree.append(leaves);
const root = (size: number) => dumbRoot(leaves.slice(0, size));
const included = (
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  leaf = leaves[index] as Uint8Array,
  expected = root(size),
) => codeOf(() => verifyInclusion(sha256, index, size, leaf, proof, expected));
const consistent = (from: number, to: number, proof: readonly Uint8Array[], a = root(from), b = root(to)) =>
  codeOf(() => verifyConsistency(sha256, from, to, proof, a, b));

describe('the eight leaves that all RFC 6962 logs are tested with', () => {
  const inputs = vectors.leaves.map(fromHex);
  const log = new Nodes();
  log.append(inputs.map((input) => leafHash(sha256, input)));

  test('have the known roots at every size', () => {
    expect(vectors.roots.map((_, size) => toHex(rootOf(sha256, size, log.read)))).toEqual(vectors.roots);
  });
  test.each(vectors.inclusion)('have the known proof of leaf $index in size $size', ({ index, size, proof }) => {
    expect(inclusionProof(sha256, index, size, log.read).map(toHex)).toEqual(proof);
    const leaf = leafHash(sha256, inputs[index] as Uint8Array);
    expect(
      codeOf(() =>
        verifyInclusion(sha256, index, size, leaf, proof.map(fromHex), fromHex(vectors.roots[size] as string)),
      ),
    ).toBe('accepted');
  });
  test.each(vectors.consistency)('have the known proof that size $to continues size $from', ({ from, to, proof }) => {
    expect(consistencyProof(sha256, from, to, log.read).map(toHex)).toEqual(proof);
    const [a, b] = [vectors.roots[from] as string, vectors.roots[to] as string];
    expect(codeOf(() => verifyConsistency(sha256, from, to, proof.map(fromHex), fromHex(a), fromHex(b)))).toBe(
      'accepted',
    );
  });
});

describe('the Merkle tree', () => {
  test('has the root of the definition at every size, however the leaves were batched', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 }), (batches) => {
        const log = new Nodes();
        for (const batch of batches) {
          const end = Math.min(MAX, log.size + batch);
          const appended = log.append(leaves.slice(log.size, end));
          expect(appended).toEqual(root(end));
          expect(rootOf(sha256, end, log.read)).toEqual(root(end));
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test('stores complete subtrees only, so that a node never changes', () => {
    for (const key of tree.stored.keys()) {
      const [level, index] = key.split('/').map(Number) as [number, number];
      expect((index + 1) * 2 ** level).toBeLessThanOrEqual(MAX);
    }
    expect(tree.stored.size).toBe([1, 2, 4, 8, 16, 32, 64].reduce((sum, width) => sum + Math.floor(MAX / width), 0));
  });

  test('gives the proofs of the definition, and they verify', () => {
    for (let size = 1; size <= MAX; size += size > 34 ? 3 : 1) {
      for (let index = 0; index < size; index += size > 20 ? 5 : 1) {
        const proof = inclusionProof(sha256, index, size, tree.read);
        expect(proof).toEqual(dumbPath(index, leaves.slice(0, size)));
        expect(included(index, size, proof)).toBe('accepted');
      }
      for (let from = 0; from <= size; from += size > 20 ? 5 : 1) {
        const proof = consistencyProof(sha256, from, size, tree.read);
        expect(proof).toEqual(from === 0 ? [] : dumbSubproof(from, leaves.slice(0, size), true));
        expect(consistent(from, size, proof)).toBe('accepted');
      }
    }
  });

  test('counts beyond 2^32 without losing a bit', () => {
    const far = 2 ** 40;
    const level40 = sha256(new Uint8Array([40]));
    const reader: NodeReader = (level, index) => (level === 40 && index === 0 ? level40 : undefined);
    const [a, b] = [leaves[0] as Uint8Array, leaves[1] as Uint8Array];
    const appended = appendLeaves(sha256, far, reader, [a, b]);
    expect(appended.root).toEqual(h(level40, h(a, b)));
    const all: NodeReader = (level, index) =>
      appended.nodes.find(([l, i]) => l === level && i === index)?.[2] ?? reader(level, index);
    const proof = inclusionProof(sha256, far + 1, far + 2, all);
    expect(proof).toEqual([a, level40]);
    expect(included(far + 1, far + 2, proof, b, appended.root)).toBe('accepted');
  });

  test('says which node is missing instead of making one up', () => {
    expect(codeOf(() => rootOf(sha256, 3, () => undefined))).toBe('LEDGER_TREE_NODE_MISSING');
    expect(codeOf(() => inclusionProof(sha256, 3, 3, tree.read))).toBe('LEDGER_TREE_RANGE');
    expect(codeOf(() => inclusionProof(sha256, -1, 3, tree.read))).toBe('LEDGER_TREE_RANGE');
    expect(codeOf(() => consistencyProof(sha256, 4, 3, tree.read))).toBe('LEDGER_TREE_RANGE');
  });
});

describe('a proof of inclusion', () => {
  const cases = fc
    .integer({ min: 2, max: MAX })
    .chain((size) => fc.tuple(fc.integer({ min: 0, max: size - 1 }), fc.constant(size)));
  test('holds for no other index, size, leaf or root, and in no other length or order', () => {
    fc.assert(
      fc.property(cases, fc.nat(), fc.nat(), ([index, size], n, bit) => {
        const proof = inclusionProof(sha256, index, size, tree.read);
        const otherIndex = (index + 1 + (n % (size - 1))) % size;
        expect(included(otherIndex, size, proof, leaves[index])).toBe('LEDGER_INCLUSION');
        expect(included(index, size, proof, leaves[otherIndex])).toBe('LEDGER_INCLUSION');
        expect(included(index, size, proof.slice(1))).toBe('LEDGER_INCLUSION');
        expect(included(index, size, proof.slice(0, -1))).toBe('LEDGER_INCLUSION');
        expect(included(index, size, [...proof, sha256()])).toBe('LEDGER_INCLUSION');
        expect(included(index, size, [sha256(), ...proof])).toBe('LEDGER_INCLUSION');
        if (proof.length > 1) expect(included(index, size, proof.toReversed())).toBe('LEDGER_INCLUSION');
        const broken = proof.map((hash) => hash.slice());
        const target = broken[n % broken.length] as Uint8Array;
        target[bit % 32] = (target[bit % 32] ?? 0) ^ (1 << (n % 8));
        expect(included(index, size, broken)).toBe('LEDGER_INCLUSION');
        expect(
          included(
            index,
            size,
            proof.map((hash) => hash.slice(0, 31)),
          ),
        ).toBe('LEDGER_INCLUSION');
        expect(included(index, size, proof, leaves[index], root(size - 1))).toBe('LEDGER_INCLUSION');
      }),
      { numRuns: 150, seed: 2 },
    );
  });
  test('needs an index below the size', () => {
    expect(included(0, 0, [], leaves[0], emptyRoot(sha256))).toBe('LEDGER_INCLUSION');
    expect(included(3, 3, inclusionProof(sha256, 2, 3, tree.read), leaves[2])).toBe('LEDGER_INCLUSION');
    expect(included(-1, 3, [])).toBe('LEDGER_INCLUSION');
    expect(included(0.5, 3, [])).toBe('LEDGER_INCLUSION');
    expect(included(0, Number.NaN, [], leaves[0], leaves[0])).toBe('LEDGER_INCLUSION');
  });
  test('of a log with one leaf is empty', () => {
    expect(included(0, 1, [])).toBe('accepted');
    expect(included(0, 1, [sha256()])).toBe('LEDGER_INCLUSION');
  });
});

describe('a proof of consistency', () => {
  const cases = fc
    .integer({ min: 2, max: MAX })
    .chain((to) => fc.tuple(fc.integer({ min: 1, max: to - 1 }), fc.constant(to)));
  test('holds for no other roots, and in no other length or order', () => {
    fc.assert(
      fc.property(cases, fc.nat(), ([from, to], n) => {
        const proof = consistencyProof(sha256, from, to, tree.read);
        expect(consistent(from, to, proof, root(from - 1))).toBe('LEDGER_CONSISTENCY');
        expect(consistent(from, to, proof, root(from), root(to - 1))).toBe('LEDGER_CONSISTENCY');
        expect(consistent(from, to, proof, root(to), root(from))).toBe('LEDGER_CONSISTENCY');
        expect(consistent(from, to, proof.slice(1))).toBe('LEDGER_CONSISTENCY');
        expect(consistent(from, to, proof.slice(0, -1))).toBe('LEDGER_CONSISTENCY');
        expect(consistent(from, to, [...proof, sha256()])).toBe('LEDGER_CONSISTENCY');
        expect(consistent(from, to, [sha256(), ...proof])).toBe('LEDGER_CONSISTENCY');
        if (proof.length > 1) expect(consistent(from, to, proof.toReversed())).toBe('LEDGER_CONSISTENCY');
        const broken = proof.map((hash) => hash.slice());
        const target = broken[n % broken.length] as Uint8Array;
        target[n % 32] = (target[n % 32] ?? 0) ^ 1;
        expect(consistent(from, to, broken)).toBe('LEDGER_CONSISTENCY');
        expect(consistent(to, from, proof)).toBe('LEDGER_CONSISTENCY');
      }),
      { numRuns: 150, seed: 3 },
    );
  });
  test('is empty between equal sizes, and from the empty log, whose root is fixed', () => {
    expect(consistent(5, 5, [])).toBe('accepted');
    expect(consistent(5, 5, [], root(5), root(4))).toBe('LEDGER_CONSISTENCY');
    expect(consistent(5, 5, [sha256()])).toBe('LEDGER_CONSISTENCY');
    expect(consistent(0, 5, [])).toBe('accepted');
    expect(consistent(0, 5, [], root(1))).toBe('LEDGER_CONSISTENCY');
    expect(consistent(0, 5, [sha256()])).toBe('LEDGER_CONSISTENCY');
    expect(consistent(0, 0, [])).toBe('accepted');
  });
});
