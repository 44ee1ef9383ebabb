import { verifyCertificate } from '../consensus/index.ts';
import type { Application } from '../ports/application.ts';
import type { SignedBytes, VerifyEd25519 } from '../ports/crypto.ts';
import type { Hash } from '../types/brand.ts';
import type { Block, Certificate } from '../types/chain.ts';
import { isPeersFault } from './blame.ts';

/**
 * Signatures that are verified or on their way for blocks that are not executed yet, but for those of one block: some 30 ms of work of one thread, so that a thread that
 * waits for a processor holds up nobody. `VerifiedAhead` remembers more.
 */
const aheadMax = 256;

interface DecidedBlock {
  readonly block: Block;
  readonly certificate: Certificate;
}

interface Deps {
  readonly app: Pick<Application, 'info' | 'signatureOf'>;
  readonly chain: Hash;
  readonly ahead: (batch: readonly SignedBytes[]) => Promise<void>;
}

/**
 * Has the signatures of the blocks that come next verified by other threads, while this one executes. Nothing is decided here: whoever a signature is thought to be of may
 * have changed by then, and what was not found sound is verified again where it counts.
 */
export class LookAhead {
  readonly #d: Deps;
  readonly #range: readonly DecidedBlock[];
  readonly #begun: { readonly signatures: number; readonly known: Promise<void> }[] = [];
  #ahead = 0;

  constructor(deps: Deps, range: readonly DecidedBlock[]) {
    this.#d = deps;
    this.#range = range;
  }

  /** To be called for each place in turn; resolves when the signatures of its block are known. Throws what this node's own store runs into. */
  async ready(at: number): Promise<void> {
    if (this.#begun.length <= at || this.#ahead < aheadMax / 2) this.#begin();
    const begun = this.#begun[at];
    await begun?.known;
    this.#ahead -= begun?.signatures ?? 0;
  }

  /** Those of several blocks at once: waking another thread costs as much as some signatures. */
  #begin(): void {
    const { app, ahead } = this.#d;
    const signed: SignedBytes[] = [];
    const counts: number[] = [];
    do {
      const next = this.#range[this.#begun.length + counts.length];
      if (next === undefined) break;
      const before = signed.length;
      // What is applied already is not executed again.
      if (next.block.header.height > app.info().height)
        signed.push(...this.#votesOf(next.certificate), ...next.block.txs.flatMap((tx) => app.signatureOf(tx) ?? []));
      counts.push(signed.length - before);
    } while (this.#ahead + signed.length < aheadMax);
    this.#ahead += signed.length;
    const known = ahead(signed);
    this.#begun.push(...counts.map((signatures) => ({ signatures, known })));
  }

  /** The very question that will be asked, heard by one who only notes it. */
  #votesOf(certificate: Certificate): readonly SignedBytes[] {
    const { app, chain } = this.#d;
    const voteKeys = app.info().validators.map(({ voteKey }) => voteKey);
    const votes: SignedBytes[] = [];
    const verify = (...[publicKey, message, signature]: Parameters<VerifyEd25519>): boolean => {
      votes.push({ publicKey, message, signature });
      return true;
    };
    try {
      verifyCertificate({ chain, voteKeys, verify }, certificate);
    } catch (error) {
      if (!isPeersFault(error)) throw error;
    }
    return votes;
  }
}
