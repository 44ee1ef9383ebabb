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
  readonly #pairs = new Map<Hash, { readonly orgs: string[]; readonly needed: number }>();
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

  /** Organisations whose attestation of this change waits here. */
  witnessesOf(pair: Hash): readonly string[] {
    return this.#pairs.get(pair)?.orgs ?? [];
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
    this.#countPair(tx, 1);
    return true;
  }

  remove(hash: Hash): void {
    const tx = this.#byHash.get(hash);
    if (tx === undefined) return;
    this.#byHash.delete(hash);
    this.#countPair(tx, -1);
    const lane = this.#lanes[tx.lane];
    const queue = lane.get(tx.org);
    if (queue === undefined) return;
    queue.txs.delete(hash);
    queue.bytes -= tx.bytes.length;
    if (queue.txs.size === 0) lane.delete(tx.org);
  }

  /**
   * Next batch: the reserved lane first, up to half of the room while others wait, so that one organisation's flood of ballots shuts no
   * change out; then one transaction of each organisation in turn; then what is left of the reserved lane. A batch may hold
   * transactions that expired: a block of a later time records them as EXPIRED, which is a true answer.
   */
  batch(bytesMax: number, txsMax: number, isTaken: (hash: Hash) => boolean = () => false): Uint8Array[] {
    this.#turn += 1;
    const batch: Uint8Array[] = [];
    let bytes = 0;
    const fill = (offered: Offered, bytesLimit: number, txsLimit: number): void => {
      for (let next = offered.peek(); next !== undefined; next = offered.peek()) {
        if (batch.length >= txsLimit || bytes + next.bytes.length > bytesLimit) return;
        batch.push(next.bytes);
        bytes += next.bytes.length;
        offered.take();
      }
    };
    const [reserved, normal] = (['reserved', 'normal'] as const).map((lane) => this.#offer(lane, isTaken)) as [
      Offered,
      Offered,
    ];
    // However large, the first one of the reserved lane goes.
    const first = reserved.peek();
    if (first !== undefined) fill(reserved, Math.min(bytesMax, first.bytes.length), Math.min(txsMax, 1));
    fill(reserved, Math.max(bytes, Math.floor(bytesMax / 2)), Math.max(batch.length, Math.floor(txsMax / 2)));
    fill(normal, bytesMax, txsMax);
    fill(reserved, bytesMax, txsMax);
    return batch;
  }

  /** One lane, one transaction of each organisation in turn. */
  #offer(lane: Lane, isTaken: (hash: Hash) => boolean): Offered {
    const queues = [...this.#lanes[lane].values()].map((queue) => queue.txs.values());
    return new Offered(
      queues.flatMap((_, index) => queues[(index + this.#turn) % queues.length] ?? []),
      isTaken,
    );
  }

  /** Transactions older than `nowMs - graceMs` that no block took, removed and returned. */
  expire(nowMs: number, graceMs: number): PooledTx[] {
    const gone = [...this.#byHash.values()].filter((tx) => tx.notAfterMs + graceMs < nowMs);
    for (const tx of gone) this.remove(tx.hash);
    return gone;
  }

  #countPair({ pair, org }: PooledTx, change: 1 | -1): void {
    if (pair === null) return;
    const entry = this.#pairs.get(pair.key) ?? { orgs: [], needed: pair.witnesses };
    if (isHalf(entry)) this.#halves -= 1;
    if (change === 1) entry.orgs.push(org);
    else entry.orgs.splice(entry.orgs.indexOf(org), 1);
    if (isHalf(entry)) this.#halves += 1;
    if (entry.orgs.length === 0) this.#pairs.delete(pair.key);
    else this.#pairs.set(pair.key, entry);
  }
}

/** What a lane offers, in order; the next one can be looked at before it is taken. */
class Offered {
  readonly #open: IterableIterator<PooledTx>[];
  readonly #isTaken: (hash: Hash) => boolean;
  #at = 0;
  #next: PooledTx | undefined;

  constructor(queues: IterableIterator<PooledTx>[], isTaken: (hash: Hash) => boolean) {
    this.#open = queues;
    this.#isTaken = isTaken;
  }

  peek(): PooledTx | undefined {
    while (this.#next === undefined && this.#open.length > 0) {
      this.#at %= this.#open.length;
      const found = this.#open[this.#at]?.next();
      if (found === undefined || found.done === true) this.#open.splice(this.#at, 1);
      else {
        this.#at += 1;
        if (!this.#isTaken(found.value.hash)) this.#next = found.value;
      }
    }
    return this.#next;
  }

  take(): void {
    this.#next = undefined;
  }
}

function isHalf({ orgs, needed }: { readonly orgs: readonly string[]; readonly needed: number }): boolean {
  return orgs.length > 0 && orgs.length % needed !== 0;
}
