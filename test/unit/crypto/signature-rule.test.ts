import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, test } from 'vitest';
import { nativeBackend, nobleBackend, signerFromSeed } from '../../../src/crypto/index.ts';
import { spellsSmallOrder } from '../../../src/crypto/small-order.ts';
import type { PublicKeyHex } from '../../../src/types/brand.ts';
import {
  BASE,
  challenge,
  crafted,
  FIELD,
  littleEndian,
  messageNumber,
  mixedOrder,
  ORDER,
  spellings,
  TORSION,
  type Crafted,
} from './crafted.ts';

const SECRET = 0x1234_5678_9abc_def0n;
const NONCE = 0x0fed_cba9_8765_4321n;
const KEY = BASE.multiply(SECRET).toBytes();
const NONCE_POINT = BASE.multiply(NONCE);
const backends = [nativeBackend, nobleBackend] as const;

/** What both backends say; they must say the same. */
function verdict({ publicKey, message, signature }: Crafted): boolean {
  const [native, noble] = backends.map((backend) => backend.verifyEd25519(publicKey, message, signature));
  expect(noble, 'the backends differ').toBe(native);
  return native as boolean;
}

/** The library's own cofactored verification, to show that a case is one on which verifiers may differ. */
function cofactored({ publicKey, message, signature }: Crafted): boolean {
  return ed25519.verify(signature, message, Buffer.from(publicKey, 'hex'), { zip215: true });
}

describe('the signature rule', () => {
  test('the eight torsion points are eight, and the first is the identity', () => {
    expect(new Set(TORSION.map((point) => point.toHex())).size).toBe(8);
    expect(TORSION[0]?.is0()).toBe(true);
    expect(TORSION.every((point) => point.isSmallOrder())).toBe(true);
  });

  test('the table of small-order spellings holds all of them and no other', () => {
    const all = TORSION.flatMap(spellings);
    expect(new Set(all.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(14);
    expect(all.every(spellsSmallOrder)).toBe(true);
    const near = all.flatMap((bytes) =>
      [0, 7, 100, 254].map((bit) => bytes.map((b, i) => (i === bit >> 3 ? b ^ (1 << (bit & 7)) : b))),
    );
    const spelled = new Set(all.map(String));
    for (const bytes of [...near, KEY, NONCE_POINT.toBytes()])
      expect(spellsSmallOrder(bytes)).toBe(spelled.has(String(bytes)));
  });

  test('an ordinary signature is accepted', () => {
    const r = NONCE_POINT.toBytes();
    const k = challenge(r, KEY, messageNumber(0));
    expect(verdict(crafted(KEY, messageNumber(0), r, (NONCE + k * SECRET) % ORDER))).toBe(true);
  });

  test('S of L and above is refused, though the equation holds', () => {
    const r = NONCE_POINT.toBytes();
    const s = (NONCE + challenge(r, KEY, messageNumber(0)) * SECRET) % ORDER;
    for (let added = s + ORDER; added < 2n ** 256n; added += ORDER) {
      expect(verdict(crafted(KEY, messageNumber(0), r, added))).toBe(false);
    }
  });

  test.each([1, 2, 3, 4, 5, 6, 7])(
    'R with the torsion component %i is refused, where a cofactored verifier accepts',
    (j) => {
      const signature = mixedOrder(0, j, false, SECRET, NONCE) as Crafted;
      expect(cofactored(signature)).toBe(true);
      expect(verdict(signature)).toBe(false);
    },
  );

  test('a key of mixed order verifies exactly when the cofactorless equation holds', () => {
    let held = 0;
    for (let i = 1; i < 8; i++) {
      for (let j = 0; j < 8; j++) {
        for (const cofactorless of [true, false]) {
          const signature = mixedOrder(i, j, cofactorless, SECRET, NONCE);
          if (signature === undefined) continue;
          held++;
          expect(cofactored(signature)).toBe(true);
          expect(verdict(signature)).toBe(cofactorless);
        }
      }
    }
    expect(held).toBeGreaterThan(80);
  });

  test('a key of small order is refused in every spelling, even where the equation holds', () => {
    let held = 0;
    for (const [i, point] of TORSION.entries()) {
      for (const a of spellings(point)) {
        for (const j of [0, (8 - i) % 8]) {
          const r = NONCE_POINT.add(TORSION[j] ?? TORSION[0]!).toBytes();
          for (let n = 0; n < 16; n++) {
            const signature = crafted(a, messageNumber(n), r, NONCE);
            if (cofactored(signature)) held++;
            expect(verdict(signature)).toBe(false);
          }
        }
      }
    }
    expect(held).toBeGreaterThan(200);
  });

  test('R of small order is refused in every spelling, even for an honest key', () => {
    let held = 0;
    for (const point of TORSION) {
      for (const r of spellings(point)) {
        const k = challenge(r, KEY, messageNumber(1));
        const signature = crafted(KEY, messageNumber(1), r, (k * SECRET) % ORDER);
        if (cofactored(signature)) held++;
        expect(verdict(signature)).toBe(false);
      }
    }
    expect(held).toBeGreaterThanOrEqual(8);
  });

  test('S = 0, R and A both of small order are refused', () => {
    for (const a of TORSION) {
      for (const r of TORSION) {
        expect(verdict(crafted(a.toBytes(), messageNumber(2), r.toBytes(), 0n))).toBe(false);
      }
    }
  });

  test('a non-canonical key is refused or fails, in both backends alike', () => {
    for (let y = FIELD; y < 2n ** 255n; y++) {
      for (const sign of [0n, 1n << 255n]) {
        expect(verdict(crafted(littleEndian(y | sign), messageNumber(3), NONCE_POINT.toBytes(), NONCE))).toBe(false);
      }
    }
  });

  test('bytes that are no point are refused as a key and as R', () => {
    const noPoint = Array.from({ length: 40 }, (_, y) => littleEndian(BigInt(y + 2))).find((bytes) => {
      try {
        ed25519.Point.fromBytes(bytes);
        return false;
      } catch {
        return true;
      }
    }) as Uint8Array;
    expect(verdict(crafted(noPoint, messageNumber(4), NONCE_POINT.toBytes(), NONCE))).toBe(false);
    expect(verdict(crafted(KEY, messageNumber(4), noPoint, NONCE))).toBe(false);
  });
});

describe.each(backends)('the $name backend', (backend) => {
  const signer = signerFromSeed(new Uint8Array(32).fill(5));
  const message = messageNumber(5);
  const signature = signer.sign(message);

  test('never throws: bad input of any shape is false', () => {
    const key = signer.publicKey;
    expect(backend.verifyEd25519(key, message, signature)).toBe(true);
    for (const bad of [
      '',
      key.slice(2),
      `${key}00`,
      key.toUpperCase(),
      `${key.slice(0, -1)}g`,
      `${key}\n`,
      'ff'.repeat(32),
    ]) {
      expect(backend.verifyEd25519(bad as PublicKeyHex, message, signature)).toBe(false);
    }
    for (const bad of [
      new Uint8Array(0),
      signature.subarray(1),
      new Uint8Array([...signature, 0]),
      new Uint8Array(64),
    ]) {
      expect(backend.verifyEd25519(key, message, bad)).toBe(false);
    }
    for (const bad of [undefined, null, 5, 'x'.repeat(64), {}] as never[]) {
      expect(backend.verifyEd25519(bad, message, signature)).toBe(false);
      expect(backend.verifyEd25519(key, message, bad)).toBe(false);
    }
  });

  test('registers ordinary keys and nothing else', () => {
    expect(backend.isRegistrableKey(signer.publicKey)).toBe(true);
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex') as PublicKeyHex;
    const refused = [
      ...TORSION.flatMap(spellings),
      ...TORSION.slice(1).map((torsion) => BASE.multiply(SECRET).add(torsion).toBytes()),
      ...Array.from({ length: 19 }, (_, i) => littleEndian(FIELD + BigInt(i))),
      littleEndian(2n),
    ];
    for (const bytes of refused) expect(backend.isRegistrableKey(hex(bytes)), hex(bytes)).toBe(false);
    for (const bad of ['', 'zz', signer.publicKey.toUpperCase(), `${signer.publicKey}00`]) {
      expect(backend.isRegistrableKey(bad as PublicKeyHex)).toBe(false);
    }
  });
});
