import type { PublicKeyHex } from '../types/brand.ts';
import type { Signer, VerifyEd25519 } from '../ports/crypto.ts';
import { nameOf } from './ahead.ts';

/**
 * A verifier that computes no signature twice that it found sound, or that was made here, among the last `entriesMax`. For votes: each comes once by itself and
 * once more in the certificate of the next block. Only what is sound is remembered, with its key and every byte of its message.
 */
export class RememberedSignatures {
  readonly #verify: VerifyEd25519;
  readonly #entriesMax: number;
  readonly #messages = new Map<string, Uint8Array>();

  constructor(verify: VerifyEd25519, entriesMax: number) {
    this.#verify = verify;
    this.#entriesMax = entriesMax;
  }

  readonly verify: VerifyEd25519 = (publicKey, message, signature) => {
    const known = this.#messages.get(nameOf(publicKey, signature));
    if (known !== undefined && Buffer.compare(known, message) === 0) return true;
    if (this.#verify(publicKey, message, signature) !== true) return false;
    this.#keep(publicKey, message, signature);
    return true;
  };

  sign(signer: Signer, message: Uint8Array): Uint8Array {
    const signature = signer.sign(message);
    this.#keep(signer.publicKey, message, signature);
    return signature;
  }

  #keep(publicKey: PublicKeyHex, message: Uint8Array, signature: Uint8Array): void {
    // Insertion order is age: the oldest goes.
    const oldest = this.#messages.size >= this.#entriesMax ? this.#messages.keys().next().value : undefined;
    if (oldest !== undefined) this.#messages.delete(oldest);
    this.#messages.set(nameOf(publicKey, signature), message.slice());
  }
}
