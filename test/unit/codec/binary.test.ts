import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../../../src/codec/index.ts';
import { expectCode } from './expect-code.ts';

const U32 = 0xffff_ffff;

/** The dumb model: what DataView writes. */
function model(width: 1 | 2 | 4 | 8, value: number): number[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(value));
  return [...new Uint8Array(view.buffer)].slice(8 - width);
}

const field = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 0xff }) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.integer({ min: 0, max: U32 }) }),
  fc.record({ kind: fc.constant('u64' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ kind: fc.constant('lengthPrefixed' as const), value: fc.uint8Array({ maxLength: 300 }) }),
);

describe('binary fields', () => {
  test('are big-endian as DataView writes them', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect([...new ByteWriter().u8(value & 0xff).finish()]).toEqual(model(1, value & 0xff));
        expect([...new ByteWriter().u16(value & 0xffff).finish()]).toEqual(model(2, value & 0xffff));
        expect([...new ByteWriter().u32(value >>> 0).finish()]).toEqual(model(4, value >>> 0));
        expect([...new ByteWriter().u64(value).finish()]).toEqual(model(8, value));
      }),
    );
  });

  test('of any sequence come back, and nothing is left', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 20 }), (fields) => {
        const writer = new ByteWriter();
        for (const { kind, value } of fields) {
          if (kind === 'bytes') writer.bytes(value);
          else if (kind === 'lengthPrefixed') writer.lengthPrefixed(value, 300);
          else writer[kind](value);
        }
        const written = writer.finish();
        expect(written.length).toBe(writer.length);
        const reader = new ByteReader(written);
        for (const { kind, value } of fields) {
          if (kind === 'bytes') expect(reader.bytes(value.length)).toEqual(value);
          else if (kind === 'lengthPrefixed') expect(reader.lengthPrefixed(300)).toEqual(value);
          else expect(reader[kind]()).toBe(value);
        }
        expect(reader.left).toBe(0);
        reader.end();
      }),
    );
  });

  test('keep the largest values', () => {
    const written = new ByteWriter().u32(U32).u64(Number.MAX_SAFE_INTEGER).finish();
    const reader = new ByteReader(written);
    expect([reader.u32(), reader.u64()]).toEqual([U32, Number.MAX_SAFE_INTEGER]);
  });

  test.each(['u8', 'u16', 'u32', 'u64'] as const)('a %s out of range is refused when written', (kind) => {
    const beyond = { u8: 0x100, u16: 0x1_0000, u32: U32 + 1, u64: 2 ** 53 }[kind];
    for (const value of [-1, 0.5, Number.NaN, beyond]) {
      expectCode('CODEC_BINARY_RANGE', () => new ByteWriter()[kind](value));
    }
  });

  test.each([
    [0x00, 0x20, 0, 0, 0, 0, 0, 0],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  ])('a u64 of 2^53 and above is refused when read', (...bytes) => {
    expectCode('CODEC_BINARY_RANGE', () => new ByteReader(Uint8Array.from(bytes)).u64());
  });

  test('too few bytes are refused, and the reader does not move', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3));
    const payload = expectCode('CODEC_BINARY_SHORT', () => reader.u32());
    expect(payload).toEqual({ offset: 0, wanted: 4, left: 3 });
    expect(reader.u16()).toBe(0x0102);
    expectCode('CODEC_BINARY_SHORT', () => reader.bytes(2));
    expectCode('CODEC_BINARY_RANGE', () => reader.bytes(-1));
  });

  test('trailing bytes are refused', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2));
    reader.u8();
    expect(expectCode('CODEC_BINARY_TRAILING', () => reader.end())).toEqual({ offset: 1, left: 1 });
  });

  test('a length beyond its limit is refused on both sides, before anything is allocated', () => {
    const huge = new ByteWriter().u32(U32).finish();
    expectCode('CODEC_BINARY_RANGE', () => new ByteReader(huge).lengthPrefixed(10));
    expectCode('CODEC_BINARY_SHORT', () => new ByteReader(huge).lengthPrefixed(U32));
    expectCode('CODEC_BINARY_RANGE', () => new ByteWriter().lengthPrefixed(new Uint8Array(11), 10));
    expect(
      new ByteReader(new ByteWriter().lengthPrefixed(new Uint8Array(10), 10).finish()).lengthPrefixed(10).length,
    ).toBe(10);
  });

  test('a writer stops at its bound, to the byte', () => {
    const writer = new ByteWriter(4).u32(1);
    expectCode('CODEC_TOO_LARGE', () => writer.u8(1));
    expect(writer.finish().length).toBe(4);
  });

  test('what was read does not change with the buffer it came from', () => {
    const buffer = Uint8Array.of(1, 2, 3);
    const read = new ByteReader(buffer).bytes(2);
    buffer[0] = 9;
    expect([...read]).toEqual([1, 2]);
  });
});
