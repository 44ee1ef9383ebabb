import { ByteReader, ByteWriter, canonicalJson, decodeWith, fromBase64, parseJson, toBase64 } from '../codec/index.ts';
import { z } from 'zod';
import { isChainError } from '../errors/chain-error.ts';
import { assembleCheckpoint, verifyCosignature, type Checkpoint, type Cosignature } from '../ledger/checkpoint.ts';
import { count, signatureText } from '../ledger/schema/scalars.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { CryptoBackend } from '../ports/crypto.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { AppState, Validator, ValidatorSet } from '../types/chain.ts';
import type { ValidatorId } from '../types/brand.ts';
import type { HandoverPayload } from '../types/transaction.ts';
import type { Checkpoints } from './checkpoints.ts';

const retryMs = 300;
const requestTimeoutMs = 1_500;
const answerBytesMax = 4_096;
const localKey = (set: number): string => `handover/${set}`;

/** What one validator signs of a handover: with the key that the set before names for it, and with that of the set after; null where it is in one only. */
interface Signed {
  readonly before: Cosignature | null;
  readonly after: Cosignature | null;
}

const cosignature = z.strictObject({ timeSeconds: count, signature: signatureText }).nullable();
const answerSchema = z.strictObject({ before: cosignature, after: cosignature });

interface Deps {
  readonly self: ValidatorId;
  readonly origin: string;
  readonly backend: Pick<CryptoBackend, 'sha256' | 'verifyEd25519'>;
  readonly network: PeerNetwork;
  readonly reader: Pick<LedgerReader, 'validatorSet' | 'validatorSetNumber'>;
  readonly checkpoints: Checkpoints;
  readonly local: { get(name: string): Uint8Array | undefined; put(name: string, value: Uint8Array): Promise<void> };
  /** State after a block that is applied here. */
  readonly stateAt: (height: number) => AppState | undefined;
  readonly publish: (handover: Pick<HandoverPayload, 'set' | 'before' | 'after'>) => Promise<unknown>;
  readonly warn: (message: string, details: object) => void;
}

/**
 * Hands over to the newest validator set: this node signs the log after the block that made the change as soon as that block is applied here, before it
 * signs any later one, and keeps that signature; then it gathers those of a quorum before and of one after, and puts both notes on the chain.
 */
export class Handovers {
  readonly #d: Deps;
  #signing: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isWorking = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  start(): void {
    this.sign();
    this.#timer = setInterval(() => void this.#work(), retryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A block was applied: if it made a change, its log is signed before any other. */
  sign(): void {
    const set = this.#pending();
    if (set === undefined || this.#d.local.get(localKey(set.n)) !== undefined) return;
    this.#signing = this.#signNow(set).catch((error: unknown) =>
      this.#d.warn('the handover is not signed here', { set: set.n, reason: (error as Error).message }),
    );
  }

  /** Answers a peer that gathers. Throws API_NOT_FOUND while nothing is signed here. */
  async serve(request: Uint8Array): Promise<Uint8Array> {
    const reader = new ByteReader(request);
    const n = reader.u32();
    reader.end();
    await this.#signing;
    return this.#d.local.get(localKey(n)) ?? canonicalJson({ before: null, after: null });
  }

  #pending(): ValidatorSet | undefined {
    const set = this.#d.reader.validatorSet();
    return set.n > 0 && set.handover === null ? set : undefined;
  }

  #checkpoint({ fromHeight }: ValidatorSet): Checkpoint | undefined {
    const state = this.#d.stateAt(fromHeight - 1);
    return state === undefined ? undefined : { origin: this.#d.origin, size: state.logSize, root: state.logRoot };
  }

  async #signNow(set: ValidatorSet): Promise<void> {
    const { self, checkpoints, local, reader } = this.#d;
    const checkpoint = this.#checkpoint(set);
    if (checkpoint === undefined) return;
    const sign = async (validators: readonly Validator[]): Promise<Cosignature | null> => {
      const own = validators.find(({ id }) => id === self);
      return own === undefined ? null : checkpoints.signWith(checkpoint, own.checkpointKey);
    };
    const before = await sign(reader.validatorSetNumber(set.n - 1)?.validators ?? []);
    const after = await sign(set.validators);
    if (before === null && after === null) return;
    await local.put(localKey(set.n), encode({ before, after }));
  }

  async #work(): Promise<void> {
    const set = this.#pending();
    const previous = set === undefined ? undefined : this.#d.reader.validatorSetNumber(set.n - 1);
    const checkpoint = set === undefined ? undefined : this.#checkpoint(set);
    if (set === undefined || previous === undefined || checkpoint === undefined || this.#isWorking) return;
    this.#isWorking = true;
    try {
      this.sign();
      await this.#gather(set, previous, checkpoint);
    } catch {
      // Too few have answered yet.
    } finally {
      this.#isWorking = false;
    }
  }

  async #gather(set: ValidatorSet, previous: ValidatorSet, checkpoint: Checkpoint): Promise<void> {
    const { self, network, backend, publish } = this.#d;
    const before = new Map<ValidatorId, Cosignature>();
    const after = new Map<ValidatorId, Cosignature>();
    const take = (id: ValidatorId, bytes: Uint8Array): void => {
      const signed = decode(bytes);
      const keep = (kept: Map<ValidatorId, Cosignature>, all: readonly Validator[], one: Cosignature | null): void => {
        const validator = all.find((other) => other.id === id);
        if (one === null || validator === undefined) return;
        verifyCosignature(checkpoint, validator, one, backend.verifyEd25519);
        kept.set(id, one);
      };
      keep(before, previous.validators, signed.before);
      keep(after, set.validators, signed.after);
    };
    const request = new ByteWriter().u32(set.n).finish();
    const answers = network.connected().map(async (peer) => {
      const answer = await network.request(peer, 'handover', request, requestTimeoutMs).catch(() => undefined);
      try {
        if (answer !== undefined) take(peer, answer);
      } catch (error) {
        // One that answers with anything must not end this process, nor keep the others from handing over. A signature that does not fit may come from a peer whose keys
        // are just being replaced: it does not count, and that is all.
        if (!isChainError(error, 'LEDGER_CHECKPOINT_SIGNATURE')) network.drop(peer, (error as Error).message);
      }
    });
    take(self, await this.serve(request));
    await Promise.all(answers);
    const note = (all: readonly Validator[], cosignatures: ReadonlyMap<ValidatorId, Cosignature>): string =>
      assembleCheckpoint(checkpoint, all, cosignatures, backend);
    await publish({ set: set.n, before: note(previous.validators, before), after: note(set.validators, after) });
  }
}

function encode({ before, after }: Signed): Uint8Array {
  const form = (one: Cosignature | null) =>
    one === null ? null : { timeSeconds: one.timeSeconds, signature: toBase64(one.signature) };
  return canonicalJson({ before: form(before), after: form(after) });
}

function decode(bytes: Uint8Array): Signed {
  const { before, after } = decodeWith(answerSchema, parseJson(bytes, { bytesMax: answerBytesMax }), 'handover');
  const read = (one: typeof before): Cosignature | null =>
    one === null ? null : { timeSeconds: one.timeSeconds, signature: fromBase64(one.signature) };
  return { before: read(before), after: read(after) };
}
