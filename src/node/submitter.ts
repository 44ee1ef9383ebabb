import type { ErrorCode } from '../errors/registry.ts';
import { isChainError } from '../errors/chain-error.ts';
import type { ExecutedBlock } from '../ports/application.ts';
import type { Hash } from '../types/brand.ts';
import type { TxResult } from '../types/transaction.ts';
import type { TransactionGossip } from './transaction-gossip.ts';

export type SubmitOutcome =
  | {
      readonly kind: 'committed';
      readonly tx: Hash;
      readonly height: number;
      readonly leaf: number;
      readonly result: TxResult;
    }
  /** Refused before it was given to anybody: surely not recorded. */
  | { readonly kind: 'rejected'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'overloaded'; readonly code: ErrorCode }
  /** Given to the validators, nothing heard in time. */
  | { readonly kind: 'unknown'; readonly tx: Hash };

/** A first witness (WAITING) is in the log, its decision is not: the waiter goes on waiting. */
type WaitFor = 'inclusion' | 'decision';

interface Waiter {
  readonly waitFor: WaitFor;
  readonly resolve: (outcome: SubmitOutcome) => void;
  readonly timer: NodeJS.Timeout;
}

/** Waiters at once in one node; beyond, callers are told to come back. */
export const waitersMax = 20_000;

/** Submits transactions and tells what a quorum made of them. An outcome is told only after the block is decided and durable here. */
export class Submitter {
  readonly #gossip: Pick<TransactionGossip, 'submit'>;
  readonly #now: () => number;
  readonly #waiters = new Map<Hash, Set<Waiter>>();
  #count = 0;

  constructor(gossip: Pick<TransactionGossip, 'submit'>, now: () => number) {
    this.#gossip = gossip;
    this.#now = now;
  }

  get waiting(): number {
    return this.#count;
  }

  /** Resolves at the latest at `deadlineMs` (epoch). Never rejects for a reason that lies with the transaction or the load. */
  async submit(bytes: Uint8Array, deadlineMs: number, waitFor: WaitFor): Promise<SubmitOutcome> {
    if (this.#count >= waitersMax) return { kind: 'overloaded', code: 'MEMPOOL_FULL' };
    try {
      const check = this.#gossip.submit(bytes);
      if (!check.ok) return { kind: 'rejected', code: check.code, message: check.message };
      return await this.#wait(check.hash, deadlineMs, waitFor);
    } catch (error) {
      if (isChainError(error, 'MEMPOOL_FULL')) return { kind: 'overloaded', code: 'MEMPOOL_FULL' };
      throw error;
    }
  }

  /** A block is decided and durable: its transactions' results and the decisions of completed pairs are told. */
  onCommitted(executed: ExecutedBlock): void {
    const height = executed.block.header.height;
    for (const { hash, leaf, result } of executed.txs)
      this.#tell(hash, { kind: 'committed', tx: hash, height, leaf, result }, result.decision !== 'WAITING');
    for (const { tx, leaf, result } of executed.decisions)
      this.#tell(tx, { kind: 'committed', tx, height, leaf, result }, true);
  }

  /** Nothing more will be told: every waiter hears that its outcome is unknown. */
  stop(): void {
    for (const [tx, waiters] of this.#waiters)
      for (const waiter of waiters) this.#settle(tx, waiter, { kind: 'unknown', tx });
  }

  #wait(tx: Hash, deadlineMs: number, waitFor: WaitFor): Promise<SubmitOutcome> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#settle(tx, waiter, { kind: 'unknown', tx }),
        Math.max(0, deadlineMs - this.#now()),
      );
      const waiter: Waiter = { waitFor, resolve, timer };
      const waiters = this.#waiters.get(tx) ?? new Set<Waiter>();
      waiters.add(waiter);
      this.#waiters.set(tx, waiters);
      this.#count += 1;
    });
  }

  #tell(tx: Hash, outcome: SubmitOutcome, final: boolean): void {
    for (const waiter of this.#waiters.get(tx) ?? []) {
      if (final || waiter.waitFor === 'inclusion') this.#settle(tx, waiter, outcome);
    }
  }

  #settle(tx: Hash, waiter: Waiter, outcome: SubmitOutcome): void {
    clearTimeout(waiter.timer);
    const waiters = this.#waiters.get(tx);
    if (!waiters?.delete(waiter)) return;
    if (waiters.size === 0) this.#waiters.delete(tx);
    this.#count -= 1;
    waiter.resolve(outcome);
  }
}
