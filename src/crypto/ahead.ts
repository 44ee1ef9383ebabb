import type { BatchVerifier, SignedBytes, VerifyEd25519 } from '../ports/crypto.ts';
import type { PublicKeyHex } from '../types/brand.ts';

/** Several times what is asked for ahead at once; an entry holds the bytes of a transaction. */
const ENTRIES_MAX = 1_024;

/**
 * A verifier that computes nothing for a signature that another thread found sound shortly before. Only what is sound is remembered, with its key and every byte of its
 * message, until it is asked for once; whatever is not is computed, and refused, where it always was.
 */
export class VerifiedAhead {
  readonly #verify: VerifyEd25519;
  readonly #others: Pick<BatchVerifier, 'verify'>;
  readonly #entriesMax: number;
  readonly #messages = new Map<string, Uint8Array>();

  constructor(verify: VerifyEd25519, others: Pick<BatchVerifier, 'verify'>, entriesMax = ENTRIES_MAX) {
    this.#verify = verify;
    this.#others = others;
    this.#entriesMax = entriesMax;
  }

  /** Signatures that were found sound and not asked for yet. */
  get size(): number {
    return this.#messages.size;
  }

  readonly verify: VerifyEd25519 = (publicKey, message, signature) =>
    this.#take(publicKey, message, signature) || this.#verify(publicKey, message, signature);

  /** Resolves when they are known; never rejects. */
  readonly ahead = async (batch: readonly SignedBytes[]): Promise<void> => {
    // Copies: what is remembered must be what was checked, whatever becomes of the caller's bytes meanwhile.
    const checked = batch.map(({ publicKey, message, signature }) => ({
      name: nameOf(publicKey, signature),
      message: message.slice(),
    }));
    const areSound = await this.#others.verify(batch).catch(() => []);
    for (const [i, { name, message }] of checked.entries()) if (areSound[i] === true) this.#keep(name, message);
  };

  #keep(name: string, message: Uint8Array): void {
    // Insertion order is age: the oldest goes.
    const oldest = this.#messages.size >= this.#entriesMax ? this.#messages.keys().next().value : undefined;
    if (oldest !== undefined) this.#messages.delete(oldest);
    this.#messages.set(name, message);
  }

  #take(publicKey: PublicKeyHex, message: Uint8Array, signature: Uint8Array): boolean {
    if (this.#messages.size === 0) return false;
    const name = nameOf(publicKey, signature);
    const known = this.#messages.get(name);
    if (known === undefined || Buffer.compare(known, message) !== 0) return false;
    this.#messages.delete(name);
    return true;
  }
}

/** Of which key and signature. */
export function nameOf(publicKey: PublicKeyHex, signature: Uint8Array): string {
  return `${publicKey}/${Buffer.from(signature.buffer, signature.byteOffset, signature.length).toString('latin1')}`;
}
