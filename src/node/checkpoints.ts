import { ByteReader, ByteWriter, utf8Decode, utf8Encode } from '../codec/index.ts';
import { quorumOf } from '../consensus/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import {
  assembleCheckpoint,
  checkpointText,
  cosign,
  parseCheckpointText,
  verifyCosignature,
  type Checkpoint,
  type Cosignature,
} from '../ledger/checkpoint.ts';
import type { CryptoBackend, Signer } from '../ports/crypto.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { Hash, PublicKeyHex, ValidatorId } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';

const gatherTimeoutMs = 1_500;
/** Peers may be some blocks behind the tree that is asked about. */
const retryMs = 60;
/** Fresh notes are made at most this often; a flood of readers gets the last one. */
const freshIntervalMs = 1_000;
/** Clocks of honest validators are nearer; whoever answers with an older cosignature is not waited for, nor counted while others may come. */
const recentSeconds = 10;
const signatureBytes = 64;
const lastKey = 'checkpoint/last';

interface LocalValues {
  get(name: string): Uint8Array | undefined;
  put(name: string, value: Uint8Array): Promise<void>;
}

interface Deps {
  readonly origin: string;
  readonly self: ValidatorId;
  /** The signer of a registered key; undefined if this node does not hold it. */
  readonly signer: (publicKey: PublicKeyHex) => Signer | undefined;
  readonly backend: Pick<CryptoBackend, 'sha256' | 'verifyEd25519'>;
  readonly network: PeerNetwork;
  readonly local: LocalValues;
  readonly tree: () => { readonly size: number; readonly root: Hash };
  /** Root of the committed tree at a smaller size. */
  readonly rootAt: (size: number) => Hash;
  readonly validators: () => readonly Validator[];
  /** Why this node may have cosigned more than it knows of; empty if it knows. */
  readonly forgotten: () => string;
  readonly nowMs: () => number;
}

/**
 * Cosignatures of this validator, and notes that a quorum cosigned. Size and time never go backwards for one validator, and
 * that is durable before a signature leaves: two conflicting trees, or an older one at a later time, cannot both be signed.
 */
export class Checkpoints {
  readonly #d: Deps;
  #last: { size: number; timeSeconds: number };
  #queue: Promise<unknown> = Promise.resolve();
  #note: { size: number; madeMs: number; text: string } | undefined;

  constructor(deps: Deps) {
    this.#d = deps;
    const stored = deps.local.get(lastKey);
    const reader = stored === undefined ? undefined : new ByteReader(stored);
    this.#last = reader === undefined ? { size: 0, timeSeconds: 0 } : { size: reader.u64(), timeSeconds: reader.u64() };
  }

  /** Answers a peer that gathers cosignatures. Throws NODE_NOT_READY if that tree is not this node's (yet). */
  async serve(request: Uint8Array): Promise<Uint8Array> {
    const { timeSeconds, signature } = await this.#sign(
      parseCheckpointText(utf8Decode(request)),
      this.#validator(this.#d.self).checkpointKey,
    );
    return new ByteWriter().u64(timeSeconds).bytes(signature).finish();
  }

  /** With one of this node's keys, for the handover from one set to the next; under the same rule. Null if this node does not hold it. */
  async signWith(checkpoint: Checkpoint, publicKey: PublicKeyHex): Promise<Cosignature | null> {
    return this.#d.signer(publicKey) === undefined ? null : this.#sign(checkpoint, publicKey);
  }

  /** Note of the current tree with exactly q cosignatures. Throws LEDGER_CHECKPOINT_QUORUM when too few answer. */
  async note(fresh: boolean): Promise<string> {
    const { size } = this.#d.tree();
    const kept = this.#note;
    const maxAgeMs = fresh ? freshIntervalMs : Infinity;
    if (kept !== undefined && kept.size === size && this.#d.nowMs() - kept.madeMs < maxAgeMs) return kept.text;
    const text = await this.#gather();
    this.#note = { size, madeMs: this.#d.nowMs(), text };
    return text;
  }

  async #gather(): Promise<string> {
    const { origin, self, network, tree, validators, backend } = this.#d;
    const checkpoint = { origin, ...tree() };
    const cosignatures = new Map<ValidatorId, Cosignature>();
    // One that must not sign can still gather what the others sign.
    const own = validators().find(({ id }) => id === self)?.checkpointKey;
    if (own !== undefined && this.#d.forgotten() === '') cosignatures.set(self, await this.#sign(checkpoint, own));
    const needed = quorumOf(validators().length);
    const untilMs = Date.now() + gatherTimeoutMs;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, gatherTimeoutMs);
      const done = (): void => {
        if ([...cosignatures.values()].filter((each) => this.#isRecent(each)).length < needed) return;
        clearTimeout(timer);
        resolve();
      };
      done();
      for (const peer of network.connected()) void this.#ask(peer, checkpoint, cosignatures, untilMs).then(done);
    });
    return assembleCheckpoint(checkpoint, validators(), cosignatures, backend);
  }

  async #ask(
    peer: ValidatorId,
    checkpoint: Checkpoint,
    cosignatures: Map<ValidatorId, Cosignature>,
    untilMs: number,
  ): Promise<void> {
    const request = utf8Encode(checkpointText(checkpoint));
    while (Date.now() < untilMs) {
      try {
        const reader = new ByteReader(await this.#d.network.request(peer, 'cosign', request, gatherTimeoutMs));
        const cosignature = { timeSeconds: reader.u64(), signature: reader.bytes(signatureBytes) };
        reader.end();
        // Before it counts: a validator that answers first and wrongly must not stand in for one that answers well.
        verifyCosignature(checkpoint, this.#validator(peer), cosignature, this.#d.backend.verifyEd25519);
        cosignatures.set(peer, cosignature);
        if (this.#isRecent(cosignature)) return;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      } catch {
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  #isRecent({ timeSeconds }: Cosignature): boolean {
    return timeSeconds >= Math.floor(this.#d.nowMs() / 1_000) - recentSeconds;
  }

  /** Throws NODE_NOT_READY. */
  #validator(id: ValidatorId): Validator {
    const found = this.#d.validators().find((validator) => validator.id === id);
    if (found === undefined) throw new ChainError('NODE_NOT_READY', { reason: `${id} is no validator` });
    return found;
  }

  #sign(checkpoint: Checkpoint, publicKey: PublicKeyHex): Promise<Cosignature> {
    const next = this.#queue.then(() => this.#signNext(checkpoint, publicKey));
    this.#queue = next.catch(() => undefined);
    return next;
  }

  async #signNext(checkpoint: Checkpoint, publicKey: PublicKeyHex): Promise<Cosignature> {
    const { origin, tree, rootAt, local, nowMs } = this.#d;
    const signer = this.#d.signer(publicKey);
    if (signer === undefined)
      throw new ChainError('NODE_NOT_READY', { reason: 'its key for checkpoints is another one' });
    const { size } = tree();
    const forgotten = this.#d.forgotten();
    if (forgotten !== '') throw new ChainError('NODE_NOT_READY', { reason: forgotten });
    if (checkpoint.origin !== origin)
      throw new ChainError('NODE_NOT_READY', { reason: `it is not of the log ${checkpoint.origin}` });
    if (checkpoint.size > size) throw new ChainError('NODE_NOT_READY', { reason: `its log has ${size} leaves` });
    // A tree smaller than one that was signed already stays unsigned: signatures of one validator only grow.
    if (checkpoint.size < this.#last.size)
      throw new ChainError('NODE_NOT_READY', { reason: `it signed a tree of ${this.#last.size} leaves` });
    if (rootAt(checkpoint.size) !== checkpoint.root)
      throw new ChainError('NODE_NOT_READY', { reason: `its tree of ${checkpoint.size} leaves is another` });
    const timeSeconds = Math.max(Math.floor(nowMs() / 1_000), this.#last.timeSeconds);
    if (checkpoint.size !== this.#last.size || timeSeconds !== this.#last.timeSeconds) {
      await local.put(lastKey, new ByteWriter().u64(checkpoint.size).u64(timeSeconds).finish());
      this.#last = { size: checkpoint.size, timeSeconds };
    }
    return cosign(checkpoint, timeSeconds, signer);
  }
}
