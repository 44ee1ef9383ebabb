import { createPrivateKey, createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { ChainError } from '../errors/chain-error.ts';
import type { Signer } from '../ports/crypto.ts';
import { publicKeyHex } from './public-key.ts';

const SEED_BYTES = 32;
/** DER of PKCS#8 OneAsymmetricKey for Ed25519 up to the seed (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** 32 bytes from the operating system's generator. */
export function generateSeed(): Uint8Array {
  return new Uint8Array(randomBytes(SEED_BYTES));
}

/** Unencrypted PKCS#8 of a seed. CRYPTO_SEED unless it has 32 bytes. */
export function pkcs8OfSeed(seed: Uint8Array): Buffer {
  if (seed.length !== SEED_BYTES) throw new ChainError('CRYPTO_SEED', { bytes: seed.length });
  return Buffer.concat([PKCS8_PREFIX, seed]);
}

/** A signer for the Ed25519 private key that RFC 8032 derives from 32 bytes of seed. */
export function signerFromSeed(seed: Uint8Array): Signer {
  return signerFromKey(createPrivateKey({ key: pkcs8OfSeed(seed), format: 'der', type: 'pkcs8' }));
}

/** A signer for a private key object; CRYPTO_KEY_TYPE unless it is Ed25519. */
export function signerFromKey(key: KeyObject): Signer {
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new ChainError('CRYPTO_KEY_TYPE', { type: key.asymmetricKeyType ?? key.type });
  }
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = publicKeyHex(spki.subarray(spki.length - 32));
  return { publicKey, sign: (message) => new Uint8Array(sign(null, message, key)) };
}
