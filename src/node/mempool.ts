import { ChainError } from '../errors/chain-error.ts';
import type { CheckResult, Lane, PairHint } from '../ports/application.ts';
import type { Hash } from '../types/brand.ts';

/** Waiting transactions of one organisation: what one organisation may take of every node's memory. */
export const orgTransactionsMax = 5_000;
export const orgBytesMax = 32 * 1024 * 1024;

export interface PooledTx {
  readonly hash: Hash;
  readonly bytes: Uint8Array;
  readonly org: string;
  readonly lane: Lane;
  readonly notAfterMs: number;
  readonly pair: PairHint | null;
}

interface OrgQueue {
  readonly txs: Map<Hash, PooledTx>;
  bytes: number;
}

/**
 * Transactions that were checked and wait for a block. Bounded for each organisation, and a batch takes from the
 * organisations in turn, so that none can shut the others out. Insertion order is kept inside one organisation.
 */
export class Mempool {
  readonly #lanes: Readonly<Record<Lane, Map<string, OrgQueue>>> = { reserved: new Map(), normal: new Map() };
  readonly #byHash = new Map<Hash, PooledTx>();
  /** Witnesses that wait here for a change. */
  readonly #pairs = new Map<Hash, { witnesses: number; readonly needed: number }>();
  /** Changes of which some witness is here and some is not. */
  #halves = 0;
  /** Which organisation the next batch starts with. */
  #turn = 0;

  get size(): number {
    return this.#byHash.size;
  }

  /** True while some change waits here for its other witness, which usually is a millisecond behind. */
  get hasHalves(): boolean {
    return this.#halves > 0;
  }

  has(hash: Hash): boolean {
    return this.#byHash.has(hash);
  }

  get(hash: Hash): PooledTx | undefined {
    return this.#byHash.get(hash);
  }

  /** Adds a checked transaction; false if it was there already. Throws MEMPOOL_FULL when its organisation's share is used up. */
  add(check: Extract<CheckResult, { ok: true }>, bytes: Uint8Array): boolean {
    if (this.#byHash.has(check.hash)) return false;
    const lane = this.#lanes[check.lane];
    const queue = lane.get(check.org) ?? { txs: new Map<Hash, PooledTx>(), bytes: 0 };
    if (queue.txs.size >= orgTransactionsMax || queue.bytes + bytes.length > orgBytesMax) {
      throw new ChainError('MEMPOOL_FULL', { org: check.org, transactions: queue.txs.size });
    }
    lane.set(check.org, queue);
    const tx = {
      hash: check.hash,
      bytes,
      org: check.org,
      lane: check.lane,
      notAfterMs: check.notAfterMs,
      pair: check.pair,
    };
    queue.txs.set(tx.hash, tx);
    queue.bytes += bytes.length;
    this.#byHash.set(tx.hash, tx);
    this.#countPair(tx.pair, 1);
    return true;
  }

  remove(hash: Hash): void {
    const tx = this.#byHash.get(hash);
    if (tx === undefined) return;
    this.#byHash.delete(hash);
    this.#countPair(tx.pair, -1);
    const lane = this.#lanes[tx.lane];
    const queue = lane.get(tx.org);
    if (queue === undefined) return;
    queue.txs.delete(hash);
    queue.bytes -= tx.bytes.length;
    if (queue.txs.size === 0) lane.delete(tx.org);
  }

  /**
   * Next batch: the reserved lane first, then one transaction of each organisation in turn, until a limit is reached.
   * A batch may hold transactions that expired: a block of a later time records them as EXPIRED, which is a true answer.
   */
  batch(bytesMax: number, txsMax: number, isTaken: (hash: Hash) => boolean = () => false): Uint8Array[] {
    const batch: Uint8Array[] = [];
    let bytes = 0;
    for (const lane of ['reserved', 'normal'] as const) {
      const queues = [...this.#lanes[lane].values()].map((queue) => queue.txs.values());
      this.#turn += 1;
      let open = queues
        .map((_, index) => queues[(index + this.#turn) % queues.length])
        .filter((queue) => queue !== undefined);
      while (open.length > 0) {
        const still: typeof open = [];
        for (const queue of open) {
          const next = queue.next();
          if (next.done) continue;
          still.push(queue);
          if (isTaken(next.value.hash)) continue;
          if (batch.length >= txsMax || bytes + next.value.bytes.length > bytesMax) return batch;
          batch.push(next.value.bytes);
          bytes += next.value.bytes.length;
        }
        open = still;
      }
    }
    return batch;
  }

  /** Transactions older than `nowMs - graceMs` that no block took, removed and returned. */
  expire(nowMs: number, graceMs: number): PooledTx[] {
    const gone = [...this.#byHash.values()].filter((tx) => tx.notAfterMs + graceMs < nowMs);
    for (const tx of gone) this.remove(tx.hash);
    return gone;
  }

  #countPair(pair: PairHint | null, change: 1 | -1): void {
    if (pair === null) return;
    const entry = this.#pairs.get(pair.key) ?? { witnesses: 0, needed: pair.witnesses };
    if (isHalf(entry)) this.#halves -= 1;
    entry.witnesses += change;
    if (isHalf(entry)) this.#halves += 1;
    if (entry.witnesses === 0) this.#pairs.delete(pair.key);
    else this.#pairs.set(pair.key, entry);
  }
}

function isHalf({ witnesses, needed }: { readonly witnesses: number; readonly needed: number }): boolean {
  return witnesses > 0 && witnesses % needed !== 0;
}
