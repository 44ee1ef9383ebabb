import type { Logger } from 'pino';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { signedLine, signTransaction } from '../ledger/index.ts';
import type { Application } from '../ports/application.ts';
import type { Signer } from '../ports/crypto.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { Hash, ValidatorId } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';
import type { Payload } from '../types/transaction.ts';
import type { HeldKey } from './held-key.ts';
import { SigningGate } from './key-rotation.ts';
import type { SubmitOutcome, Submitter } from './submitter.ts';

/** A node's own transactions may wait out a lost quorum of a few minutes. */
const lifeMs = 5 * 60_000;
const waitMs = 10_000;

/** Omit over a union, member by member. */
type Unsigned<P> = P extends Payload ? Omit<P, 'v' | 'alg' | 'chain' | 'notAfterMs' | 'node'> : never;

interface Deps {
  readonly chain: Hash;
  readonly self: ValidatorId;
  readonly key: HeldKey;
  readonly app: Pick<Application, 'info'> & Pick<LedgerReader, 'joiners'>;
  readonly submitter: Pick<Submitter, 'submit'>;
  readonly log: Logger;
}

/** What this node says itself, signed with the transaction key that the chain registers for it. */
export class OwnTransactions {
  /** Shut while that key changes. */
  readonly gate = new SigningGate();
  readonly #d: Deps;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** Signs and submits; the outcome matters only to whoever looks at the state afterwards. Throws NODE_NOT_READY as `sign` does. */
  async submit(content: Unsigned<Payload>): Promise<SubmitOutcome> {
    // While the key changes only the change itself is signed; what waits is signed with the next one.
    if (content.kind !== 'key-rotation') await this.gate.opened;
    const { chain, self, app, submitter, log } = this.#d;
    const nowMs = Date.now();
    const payload = {
      v: 1,
      alg: 'ed25519',
      chain,
      notAfterMs: Math.max(nowMs, app.info().timeMs) + lifeMs,
      node: self,
      ...content,
    } as Payload;
    const outcome = await submitter.submit(this.sign(payload), nowMs + waitMs, 'inclusion');
    if (outcome.kind === 'rejected')
      log.debug({ kind: content.kind, code: outcome.code, reason: outcome.message }, 'own transaction not taken');
    return outcome;
  }

  /** Signs and has it submitted with the key unchanged until its outcome is known. Its form is checked by the submission, which refuses it: a change has no time for a second look. */
  signed(payload: Payload, submit: (tx: Uint8Array) => Promise<SubmitOutcome>): Promise<SubmitOutcome> {
    return this.gate.pass(() => submit(signedLine(payload, this.#signer(), nativeBackend.sha256)));
  }

  /** With the key that the chain registers for the next height. Throws NODE_NOT_READY if this node does not hold it. */
  sign(payload: Payload): Uint8Array {
    return signTransaction(payload, this.#signer(), nativeBackend.sha256);
  }

  #signer(): Signer {
    const signer = this.#d.key.of(this.registered()?.txKey);
    if (signer === undefined)
      throw new ChainError('NODE_NOT_READY', { reason: 'the chain registers another transaction key for it' });
    return signer;
  }

  /** What the chain says of this node, be it a validator or about to be one. */
  registered(): Validator | undefined {
    const { app, self } = this.#d;
    const known = app.info().validators.find(({ id }) => id === self);
    return known ?? app.joiners().find(({ validator }) => validator.id === self)?.validator;
  }
}
