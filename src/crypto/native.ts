import { createHash, createHmac, createPublicKey, verify, type KeyObject } from 'node:crypto';
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

/** OpenSSL through node:crypto: what runs. */
export const nativeBackend: CryptoBackend = {
  name: 'native',
  sha256: (...parts) => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return new Uint8Array(hash.digest());
  },
  hmacSha256: (key, message) => new Uint8Array(createHmac('sha256', key).update(message).digest()),
  verifyEd25519,
  isRegistrableKey,
};
