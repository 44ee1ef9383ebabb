import { toBase64 } from '../codec/index.ts';
import { isChainError } from '../errors/chain-error.ts';
import { rotationBytes } from '../ledger/execute/key-rotation.ts';
import type { Hash, ValidatorId } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';
import type { KeyRotationPayload, NodeKeyPurpose } from '../types/transaction.ts';
import type { HeldKey } from './held-key.ts';

const everyMs = 500;
/** As long as an admission may take: what is signed with the old key is decided by then. */
const drainMs = 9_000;

type Rotation = Pick<KeyRotationPayload, 'purpose' | 'from' | 'to' | 'proofs'>;

interface Deps {
  readonly chain: Hash;
  readonly self: ValidatorId;
  readonly keys: Readonly<Record<Exclude<NodeKeyPurpose, 'tls'>, HeldKey>>;
  /** As registered for the next height; undefined while this node is no validator. */
  readonly registered: () => Validator | undefined;
  readonly gate: SigningGate;
  readonly publish: (rotation: Rotation) => Promise<unknown>;
  readonly info: (message: string, details: object) => void;
  readonly warn: (message: string, details: object) => void;
}

/**
 * Puts this node's next keys in force, once their files are there: the chain learns of it, signed by both, and from the next height on signs with the new one. While the
 * transaction key changes nothing is signed that a block after the change could hold: so no admission fails for it.
 */
export class KeyRotations {
  readonly #d: Deps;
  #timer: NodeJS.Timeout | undefined;
  #isWorking = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    try {
      await this.#one('tx', 'txKey');
      await this.#one('checkpoint', 'checkpointKey');
    } catch (error) {
      if (!isChainError(error)) throw error;
      this.#d.warn('a key is not rotated yet', { reason: error.message });
    } finally {
      this.#isWorking = false;
    }
  }

  async #one(purpose: 'tx' | 'checkpoint', field: 'txKey' | 'checkpointKey'): Promise<void> {
    const { keys, registered, gate, publish, info, self, chain } = this.#d;
    const key = keys[purpose];
    key.look();
    const from = registered()?.[field];
    if (from === undefined) return;
    if (key.settle(from)) return info('the next key is in force', { purpose, key: from });
    const [old, next] = [key.of(from), key.after(from)];
    if (old === undefined || next === undefined) return;
    const { publicKey: to } = next;
    const bytes = rotationBytes({ chain, owner: self, purpose, from, to });
    const proofs = { from: toBase64(old.sign(bytes)), to: toBase64(next.sign(bytes)) };
    const rotate = (): Promise<unknown> => publish({ purpose, from, to, proofs });
    await (purpose === 'tx' ? gate.whileShut(drainMs, rotate) : rotate());
  }
}

/** Everything that is signed with the transaction key passes here, and is inside until its outcome is known. */
export class SigningGate {
  #inside = 0;
  #opened: Promise<void> = Promise.resolve();
  #onEmpty: (() => void) | undefined;

  /** Resolves while nobody changes the key. */
  get opened(): Promise<void> {
    return this.#opened;
  }

  async pass<T>(body: () => Promise<T>): Promise<T> {
    await this.#opened;
    this.#inside += 1;
    try {
      return await body();
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) this.#onEmpty?.();
    }
  }

  /** Nobody passes until `body` is through; it begins when nobody is inside, or after `drainMs`. */
  async whileShut<T>(drainMs: number, body: () => Promise<T>): Promise<T> {
    let open = (): void => undefined;
    this.#opened = new Promise((resolve) => (open = resolve));
    let timer: NodeJS.Timeout | undefined;
    try {
      if (this.#inside > 0) {
        await new Promise<void>((resolve) => {
          this.#onEmpty = resolve;
          timer = setTimeout(resolve, drainMs);
        });
      }
      return await body();
    } finally {
      clearTimeout(timer);
      this.#onEmpty = undefined;
      open();
    }
  }
}
