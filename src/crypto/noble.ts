import { ed25519 } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import type { CryptoBackend, VerifyEd25519 } from '../ports/crypto.ts';
import { publicKeyBytes } from './public-key.ts';
import { isRegistrableKey } from './registrable-key.ts';

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
const SIGNATURE_BYTES = 64;
const POINT_BYTES = 32;

/**
 * The rule of the native backend, step by step, so that both agree on every input: S < L; A decoded leniently (y may be p or more,
 * and x = 0 may bear a sign) and not of small order; k = SHA-512(R || A || M) over the bytes as given; then the *bytes* of
 * [S]B - [k]A against R: no cofactor, and an R written non-canonically never matches; R not of small order.
 * The library's own verify is cofactored and therefore not used.
 */
const verifyEd25519: VerifyEd25519 = (publicKey, message, signature) => {
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) return false;
  const raw = publicKeyBytes(publicKey);
  if (raw === undefined) return false;
  const r = signature.subarray(0, POINT_BYTES);
  const s = littleEndian(signature.subarray(POINT_BYTES));
  if (s >= ORDER) return false;
  try {
    const a = Point.fromBytes(raw, true);
    if (a.isSmallOrder()) return false;
    const hash = sha512.create().update(r).update(raw).update(message).digest();
    const k = littleEndian(hash) % ORDER;
    const expected = Point.BASE.multiplyUnsafe(s).add(a.negate().multiplyUnsafe(k));
    if (expected.isSmallOrder()) return false;
    return expected.toBytes().every((byte, i) => byte === r[i]);
  } catch {
    return false;
  }
};

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

/** Plain JavaScript: the oracle that the native backend is tested against, and the portable fallback. */
export const nobleBackend: CryptoBackend = {
  name: 'noble',
  sha256: (...parts) => {
    const hash = sha256.create();
    for (const part of parts) hash.update(part);
    return hash.digest();
  },
  hmacSha256: (key, message) => hmac(sha256, key, message),
  verifyEd25519,
  isRegistrableKey,
};
