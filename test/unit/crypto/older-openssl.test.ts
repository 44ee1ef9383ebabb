import { describe, expect, test, vi } from 'vitest';
import { nativeBackend, signerFromSeed } from '../../../src/crypto/index.ts';
import type { PublicKeyHex } from '../../../src/types/brand.ts';
import { spellings, TORSION } from './crafted.ts';

// OpenSSL 3.0 accepts points of small order, the one in this Node refuses them: a verifier that accepts everything stands in for it.
vi.mock('node:crypto', async (original) => ({
  ...(await original<typeof import('node:crypto')>()),
  verify: () => true,
}));

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex') as PublicKeyHex;
const message = new Uint8Array(3);

describe('the native backend over an OpenSSL that accepts points of small order', () => {
  const signer = signerFromSeed(new Uint8Array(32).fill(3));
  const signature = signer.sign(message);

  test('really reaches that OpenSSL with an ordinary key and R', () => {
    expect(nativeBackend.verifyEd25519(signer.publicKey, new Uint8Array(9), signature)).toBe(true);
  });

  test('refuses every spelling of a small-order key by itself', () => {
    for (const key of TORSION.flatMap(spellings)) {
      expect(nativeBackend.verifyEd25519(hex(key), message, signature), hex(key)).toBe(false);
    }
  });

  test('refuses every spelling of a small-order R by itself', () => {
    for (const r of TORSION.flatMap(spellings)) {
      const crafted = new Uint8Array([...r, ...signature.subarray(32)]);
      expect(nativeBackend.verifyEd25519(signer.publicKey, message, crafted), hex(r)).toBe(false);
    }
  });
});
