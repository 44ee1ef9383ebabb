import { createHmac, hash as digest, createPublicKey, verify, type KeyObject } from 'node:crypto';
import type { CryptoBackend, VerifyEd25519 } from '../ports/crypto.ts';
import { publicKeyBytes } from './public-key.ts';
import { isRegistrableKey } from './registrable-key.ts';
import { spellsSmallOrder } from './small-order.ts';

/** DER of SubjectPublicKeyInfo for Ed25519 up to the raw key (RFC 8410 section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const SIGNATURE_BYTES = 64;

/** Validators, nodes and members of one chain are some hundred keys; the oldest goes when strangers' keys flood in. */
export const KEY_CACHE_MAX = 1_024;
const keyCache = new Map<string, KeyObject>();

/** Parsing a key costs a good part of a verification, hence the cache. Undefined for what is no usable key. */
function keyObject(publicKey: string): KeyObject | undefined {
  const cached = keyCache.get(publicKey);
  if (cached !== undefined) return cached;
  const raw = publicKeyBytes(publicKey);
  if (raw === undefined || spellsSmallOrder(raw)) return undefined;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
  if (keyCache.size >= KEY_CACHE_MAX) {
    for (const oldest of keyCache.keys()) {
      keyCache.delete(oldest);
      break;
    }
  }
  keyCache.set(publicKey, key);
  return key;
}

/**
 * OpenSSL's rule with the small-order check in front. OpenSSL 3.5 refuses a small-order A or R itself, 3.0 accepts
 * both: without the check, validators on different releases would split on a signature made for that.
 */
const verifyEd25519: VerifyEd25519 = (publicKey, message, signature) => {
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) return false;
  if (spellsSmallOrder(signature)) return false;
  try {
    const key = keyObject(publicKey);
    return key !== undefined && verify(null, message, key, signature);
  } catch {
    return false;
  }
};

const SHA256_BYTES = 32;
/** Above the largest leaf; what is longer gets an array of its own. */
const JOIN_BYTES = 128 * 1024;
const joined = new Uint8Array(JOIN_BYTES);

/**
 * A transaction takes some thirty of these on every node, most of them of a few dozen bytes. In one call, with the digest as text, one costs 0.4 us instead of the 1.0 of
 * a hash object whose digest is a buffer outside of the heap.
 */
function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  const whole = bytes <= JOIN_BYTES ? joined.subarray(0, bytes) : new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  const text = digest('sha256', whole, 'binary');
  const result = new Uint8Array(SHA256_BYTES);
  for (let i = 0; i < SHA256_BYTES; i++) result[i] = text.charCodeAt(i);
  return result;
}

/** OpenSSL through node:crypto: what runs. */
export const nativeBackend: CryptoBackend = {
  name: 'native',
  sha256,
  hmacSha256: (key, message) => new Uint8Array(createHmac('sha256', key).update(message).digest()),
  verifyEd25519,
  isRegistrableKey,
};
