import { expect, test } from 'vitest';
import fc from 'fast-check';
import { decodeBlock, encodeBlock } from '../../../src/store/lmdb/block-record.ts';
import { blockOf, certificateOf } from './fixture.ts';

test('a block is stored without its transactions and the certificate it carries, and put together again', () => {
  const { blockBytes, writes } = blockOf(5);
  const record = encodeBlock(5, blockBytes, { leaves: writes.leaves, previousCertificate: certificateOf(4) });
  expect(record.length).toBeLessThan(blockBytes.length / 2);
  const leaves = new Map(writes.leaves);
  const read = { leaf: (index: number) => leaves.get(index), certificate: certificateOf };
  expect(Buffer.from(decodeBlock(5, record, read))).toEqual(Buffer.from(blockBytes));
});

test('whatever the bytes of blocks, leaves and certificates, what comes out is what went in', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string().map((text) => Buffer.from(`,"tx":${text.repeat(20)},"v":1`)),
  );
  fc.assert(
    fc.property(
      fc.array(bytes, { maxLength: 6 }),
      bytes,
      fc.array(fc.nat(8), { maxLength: 12 }),
      (leafBytes, certificate, order) => {
        const parts: Uint8Array[] = order.map((i) =>
          i === 8 ? certificate : (leafBytes[i] ?? Buffer.from(`literal ${i}`)),
        );
        const block = Buffer.concat(parts);
        const leaves = leafBytes.map((leaf, i) => [i + 10, leaf] as const);
        const record = encodeBlock(3, block, { leaves, previousCertificate: certificate });
        const read = { leaf: (index: number) => leafBytes[index - 10], certificate: () => certificate };
        expect(Buffer.from(decodeBlock(3, record, read))).toEqual(block);
      },
    ),
  );
});

test('a record that refers to what is not there, or is cut off, is damage', () => {
  const { blockBytes, writes } = blockOf(5);
  const sources = { leaves: writes.leaves, previousCertificate: certificateOf(4) };
  const record = encodeBlock(5, blockBytes, sources);
  const leaves = new Map(writes.leaves);
  const read = { leaf: (index: number) => leaves.get(index), certificate: certificateOf };
  expect(() => decodeBlock(5, record, { ...read, leaf: () => undefined })).toThrow(/leaf 9 is missing/);
  expect(() =>
    decodeBlock(5, record, { ...read, leaf: (index) => (index === 8 ? undefined : leaves.get(index)) }),
  ).toThrow(/leaf 8 is missing or too short/);
  expect(() => decodeBlock(5, record, { ...read, certificate: () => undefined })).toThrow(/certificate 4/);
  expect(() => decodeBlock(5, record.subarray(0, 20), read)).toThrow(/block 5/);
  expect(() => decodeBlock(5, Buffer.from([0, 0, 0, 0, 0, 9, 1]), read)).toThrow(/middle of a piece/);
  expect(() => decodeBlock(5, Buffer.from([0, 9]), read)).toThrow(/unknown piece 9/);
  expect(() => decodeBlock(5, Buffer.from([9]), read)).toThrow(/unknown form 9/);
});
