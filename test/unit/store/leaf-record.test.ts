import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import fc from 'fast-check';
import { leafBytes } from '../../../src/ledger/index.ts';
import { decodeLeaf, encodeLeaf } from '../../../src/store/lmdb/leaf-record.ts';
import { mutationLine } from './real-chain.ts';

function leafOf(number: number): Uint8Array {
  const result = {
    decision: 'ADMITTED',
    code: 'OK',
    proposal: null,
    witnesses: [],
    binding: null,
    original: null,
  } as const;
  return leafBytes(
    { height: number, index: number, result, prev: { object: null, namespace: null } },
    mutationLine(number),
  );
}

test('the leaf of a mutation takes about half of its bytes, far from the size that costs whole pages', () => {
  for (let number = 0; number < 20; number++) {
    const leaf = leafOf(number);
    const record = encodeLeaf(leaf);
    expect(leaf.length).toBeGreaterThan(2000);
    expect(record.length).toBeLessThan(0.55 * leaf.length);
    expect(Buffer.from(decodeLeaf(number, record))).toEqual(Buffer.from(leaf));
  }
});

test('whatever the bytes, a stored leaf gives them back', () => {
  const base64 = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    fc.string(),
    fc.constantFrom('', 'QQ', 'QQ==', 'QR==', '****'),
  );
  const leaf = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.string(), base64, fc.string())
      .map(([head, text, tail]) => Buffer.from(`${head}"payload":"${text}"${tail}`)),
  );
  fc.assert(
    fc.property(leaf, (bytes) => {
      expect(Buffer.from(decodeLeaf(0, encodeLeaf(bytes)))).toEqual(Buffer.from(bytes));
    }),
    { numRuns: 500 },
  );
  const largest = Buffer.from(`{"tx":{"payload":"${Buffer.alloc(49_000, 7).toString('base64')}"},"v":1}`);
  expect(Buffer.from(decodeLeaf(0, encodeLeaf(largest)))).toEqual(largest);
  const incompressible = Buffer.concat(
    Array.from({ length: 2047 }, (_, i) => createHash('sha256').update(`${i}`).digest()),
  );
  expect(Buffer.from(decodeLeaf(0, encodeLeaf(incompressible)))).toEqual(incompressible);
});

test('a damaged record is an error that names the leaf', () => {
  const record = Buffer.from(encodeLeaf(leafOf(1)));
  expect(() => decodeLeaf(1, record.subarray(0, 40))).toThrow(/leaf 1/);
  expect(() => decodeLeaf(2, Buffer.from([7, 1]))).toThrow(/leaf 2: unknown form 7/);
  expect(() => decodeLeaf(3, new Uint8Array())).toThrow(/leaf 3/);
});

test('the dictionary is frozen: a record of the first release can be read', () => {
  // One short leaf, stored by the first release.
  const stored = Buffer.from('AWOQZWBFZFZzzByRkZqTk4/hgBJ4TgcA', 'base64');
  expect(Buffer.from(decodeLeaf(0, stored)).toString()).toBe(
    '{"height":7,"tx":{"payload":"aGVsbG8=","payloadType":"t"},"v":1}',
  );
});
