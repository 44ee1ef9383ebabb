import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nativeBackend, nobleBackend, signerFromSeed } from '../../../src/crypto/index.ts';
import type { PublicKeyHex } from '../../../src/types/brand.ts';
import { crafted, FIELD, littleEndian, ORDER, spellings, TORSION } from './crafted.ts';

/** Keys and signatures are made once: signing and not verifying would otherwise take the time. */
const MESSAGES = Array.from({ length: 8 }, (_, i) => new Uint8Array(i * 9).fill(i));
const SIGNED = Array.from({ length: 8 }, (_, i) => {
  const signer = signerFromSeed(new Uint8Array(32).fill(i));
  return MESSAGES.map((message) => ({ publicKey: signer.publicKey, message, signature: signer.sign(message) }));
}).flat();

const flip = (bytes: Uint8Array, bit: number) => {
  const copy = bytes.slice();
  if (copy.length > 0) copy[(bit >> 3) % copy.length]! ^= 1 << (bit & 7);
  return copy;
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex') as PublicKeyHex;

const bit = fc.nat(511);
const signed = fc.constantFrom(...SIGNED);
const strangePoint = fc.constantFrom(
  ...TORSION.flatMap(spellings),
  ...Array.from({ length: 19 }, (_, i) => littleEndian(FIELD + BigInt(i))),
);
const strangeScalar = fc.constantFrom(
  0n,
  1n,
  ORDER - 1n,
  ORDER,
  ORDER + 1n,
  2n * ORDER,
  2n ** 252n,
  2n ** 253n,
  2n ** 255n,
  2n ** 256n - 1n,
);

const input = fc.oneof(
  { weight: 1, arbitrary: signed },
  { weight: 5, arbitrary: fc.tuple(signed, bit).map(([s, b]) => ({ ...s, signature: flip(s.signature, b) })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(signed, bit)
      .map(([s, b]) => ({ ...s, publicKey: hex(flip(Buffer.from(s.publicKey, 'hex'), b)) })),
  },
  { weight: 1, arbitrary: fc.tuple(signed, bit).map(([s, b]) => ({ ...s, message: flip(s.message, b) })) },
  { weight: 1, arbitrary: fc.tuple(signed, signed).map(([s, o]) => ({ ...s, signature: o.signature })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(strangePoint, signed, strangePoint, strangeScalar)
      .map(([a, s, r, scalar]) => crafted(a, s.message, r, scalar)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(signed, strangePoint, strangeScalar)
      .map(([s, r, scalar]) => ({ ...crafted(r, s.message, r, scalar), publicKey: s.publicKey })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(signed, fc.uint8Array({ minLength: 64, maxLength: 64 }))
      .map(([s, signature]) => ({ ...s, signature })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(signed, fc.uint8Array({ maxLength: 70 })).map(([s, signature]) => ({ ...s, signature })),
  },
);

describe('the two backends', () => {
  test('agree on ten thousand signatures, most of them damaged or strange', () => {
    let accepted = 0;
    fc.assert(
      fc.property(input, ({ publicKey, message, signature }) => {
        const native = nativeBackend.verifyEd25519(publicKey, message, signature);
        if (native) accepted++;
        expect(nobleBackend.verifyEd25519(publicKey, message, signature)).toBe(native);
      }),
      { numRuns: 10_000 },
    );
    expect(accepted).toBeGreaterThan(300);
  });

  test('hash alike what is longer than any leaf, and a result is not touched by the next one', () => {
    const long = [128 * 1024 - 1, 128 * 1024, 128 * 1024 + 1].map((bytes) => new Uint8Array(bytes).fill(bytes));
    const first = long.map((part) => nativeBackend.sha256(part));
    const second = long.map((part) => nativeBackend.sha256(part, new Uint8Array([1])));
    expect(first).toEqual(long.map((part) => nobleBackend.sha256(part)));
    expect(second).toEqual(long.map((part) => nobleBackend.sha256(part, new Uint8Array([1]))));
  });

  test('hash alike, whatever the parts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }),
        fc.uint8Array({ maxLength: 150 }),
        (parts, key) => {
          expect(nobleBackend.sha256(...parts)).toEqual(nativeBackend.sha256(...parts));
          expect(nobleBackend.hmacSha256(key, Buffer.concat(parts))).toEqual(
            nativeBackend.hmacSha256(key, Buffer.concat(parts)),
          );
        },
      ),
    );
  });
});
