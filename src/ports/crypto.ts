import type { PublicKeyHex } from '../types/brand.ts';

/** SHA-256 of the concatenation of the parts; 32 bytes. */
export type Sha256 = (...parts: readonly Uint8Array[]) => Uint8Array;
/** HMAC-SHA-256; 32 bytes. */
export type HmacSha256 = (key: Uint8Array, message: Uint8Array) => Uint8Array;
/** Cofactorless Ed25519 with S < L; 64-byte signature. Never throws: bad input is false. */
export type VerifyEd25519 = (publicKey: PublicKeyHex, message: Uint8Array, signature: Uint8Array) => boolean;

/** What a signature is checked with. */
export interface SignedBytes {
  readonly publicKey: PublicKeyHex;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** Verifies on another thread: for each what `VerifyEd25519` would return, or false where it cannot tell. */
export interface BatchVerifier {
  verify(batch: readonly SignedBytes[]): Promise<readonly boolean[]>;
  close(): Promise<void>;
}

export interface Signer {
  readonly publicKey: PublicKeyHex;
  sign(message: Uint8Array): Uint8Array;
}

/** Two implementations that must agree: native (run time) and noble (oracle, fallback). */
export interface CryptoBackend {
  readonly name: 'native' | 'noble';
  readonly sha256: Sha256;
  readonly hmacSha256: HmacSha256;
  readonly verifyEd25519: VerifyEd25519;
  /** Canonical encoding, not small-order, torsion-free: the condition for a key to be registered. */
  isRegistrableKey(publicKey: PublicKeyHex): boolean;
}
