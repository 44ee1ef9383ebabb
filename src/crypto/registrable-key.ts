import { ed25519 } from '@noble/curves/ed25519.js';
import { publicKeyBytes } from './public-key.ts';

/**
 * The condition for a key to be registered: the canonical encoding (RFC 8032 section 5.1.3) of a point of the prime-order
 * subgroup that is not the identity. Everything else would let one signature fit many messages (small order), one
 * key have several names (non-canonical) or verifiers disagree (torsion). OpenSSL has no such check, so both
 * backends use this one. (None of the 20 non-canonical spellings of large-order points is torsion-free, so the canonical
 * decoding below is a second lock on that door.)
 */
export function isRegistrableKey(publicKey: string): boolean {
  const raw = publicKeyBytes(publicKey);
  if (raw === undefined) return false;
  try {
    const point = ed25519.Point.fromBytes(raw, false);
    return !point.isSmallOrder() && point.isTorsionFree();
  } catch {
    return false;
  }
}
