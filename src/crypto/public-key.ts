import { createHash } from 'node:crypto';
import type { KeyId, PublicKeyHex } from '../types/brand.ts';
import { ChainError } from '../errors/chain-error.ts';

const RAW_BYTES = 32;
const HEX = /^[0-9a-f]{64}$/;

/** The raw 32 bytes, or undefined for anything but 64 lowercase hexadecimal digits. */
export function publicKeyBytes(publicKey: string): Uint8Array | undefined {
  if (typeof publicKey !== 'string' || !HEX.test(publicKey)) return undefined;
  return new Uint8Array(Buffer.from(publicKey, 'hex'));
}

/** Hexadecimal form of 32 raw bytes. Says nothing of whether they are a point; see isRegistrableKey. */
export function publicKeyHex(raw: Uint8Array): PublicKeyHex {
  const hex = Buffer.from(raw).toString('hex');
  if (raw.length !== RAW_BYTES) throw new ChainError('CRYPTO_PUBLIC_KEY', { key: hex.slice(0, 100) });
  return hex as PublicKeyHex;
}

/** The `keyid` of a DSSE signature: SHA-256 of the raw public key. CRYPTO_PUBLIC_KEY if it is not 64 hex digits. */
export function keyIdOf(publicKey: PublicKeyHex): KeyId {
  const raw = publicKeyBytes(publicKey);
  if (raw === undefined) throw new ChainError('CRYPTO_PUBLIC_KEY', { key: String(publicKey).slice(0, 100) });
  return createHash('sha256').update(raw).digest('hex') as KeyId;
}
