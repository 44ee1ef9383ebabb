import { existsSync, renameSync } from 'node:fs';
import type { Signer } from '../ports/crypto.ts';
import type { PublicKeyHex } from '../types/brand.ts';

/**
 * The key of one purpose, and beside it, in `<file>.next`, the one that is to follow. Both are held until the chain names the next one: which of them counts is
 * the chain's to say, also after a crash between the two.
 */
export class HeldKey {
  readonly file: string;
  readonly #open: (file: string) => Signer;
  #held: readonly Signer[];

  /** Throws what an unreadable key file is refused for. */
  constructor(file: string, open: (file: string) => Signer) {
    this.file = file;
    this.#open = open;
    this.#held = [open(file)];
    this.look();
  }

  get nextFile(): string {
    return `${this.file}.next`;
  }

  /** The first key that is there, for what is said before the chain is read. */
  get first(): Signer {
    return this.#held[0] as Signer;
  }

  /** Reads the next key if there is one now. */
  look(): void {
    if (!existsSync(this.nextFile)) return;
    const next = this.#open(this.nextFile);
    if (!this.#held.some(({ publicKey }) => publicKey === next.publicKey)) this.#held = [...this.#held, next];
  }

  of(publicKey: PublicKeyHex | undefined): Signer | undefined {
    return this.#held.find((signer) => signer.publicKey === publicKey);
  }

  /** A key that is to follow the registered one. */
  after(registered: PublicKeyHex): Signer | undefined {
    if (!existsSync(this.nextFile)) return undefined;
    const next = this.#held.at(-1);
    return next === undefined || next.publicKey === registered ? undefined : next;
  }

  /** The chain names the next one: its file takes the place of the old one. The old key stays in memory for what it must still sign. */
  settle(registered: PublicKeyHex): boolean {
    if (!existsSync(this.nextFile) || this.#held.at(-1)?.publicKey !== registered) return false;
    renameSync(this.nextFile, this.file);
    return true;
  }
}
