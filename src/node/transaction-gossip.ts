import { ByteReader, ByteWriter, fromHex, toHex } from '../codec/index.ts';
import { isChainError } from '../errors/chain-error.ts';
import type { Application, CheckResult } from '../ports/application.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { Hash, ValidatorId } from '../types/brand.ts';
import type { Mempool } from './mempool.ts';
import { Turns } from './turns.ts';

/** A transaction is pushed again to a peer that has not acknowledged it after this long. */
export const repushIntervalMs = 1_000;
/** An acknowledgement waits this long: most transactions are in a block by then, and of those nobody asks who has them. */
export const ackDelayMs = 250;
/** Hashes in one acknowledgement; more go into the next. */
const ackHashesMax = 1_000;
/** Transactions pushed again at once to one peer, so that a peer that was away is not flooded. */
const repushBatchMax = 200;

/**
 * Pushes in vain of one peer (refused: forged, expired, decided already) that are checked, at once and then each second. Honest peers push some in vain around each decision; beyond, a
 * peer's pushes are left unread, and pushed again by it where they matter.
 */
const vainAtOnce = 5_000;
const vainPerSecond = 500;

/**
 * Pushes that are checked in one turn of the event loop, and that may wait of one peer. Each costs a signature: in between, what consensus says is read, and the pushes of the other
 * peers have their turn. What is left out is pushed again where it matters.
 */
const checkedPerTurn = 8;
const waitingMax = 1_000;

const kindPush = 1;
const kindAck = 2;

export interface GossipMetrics {
  /** `ignored`: left unread, because the peer has pushed too much, or too much in vain. */
  received(outcome: 'new' | 'known' | 'refused' | 'ignored'): void;
}

interface Deps {
  readonly app: Pick<Application, 'checkTx'>;
  readonly mempool: Mempool;
  readonly network: PeerNetwork;
  readonly peers: () => readonly ValidatorId[];
  readonly now: () => number;
  /** Called when the mempool got something that a block could hold. */
  readonly onAvailable: () => void;
  /** A push could not be checked for a reason of this node's own. */
  readonly onDefect: (error: unknown) => void;
  readonly metrics: GossipMetrics;
}

/**
 * Every validator gets every transaction as soon as one has it, so that a proposal can name transactions by hash. Peers
 * acknowledge what they still have a quarter of a second later; the rest is pushed again each second until it is in a block.
 */
export class TransactionGossip {
  readonly #deps: Deps;
  readonly #acked = new Map<Hash, Set<ValidatorId>>();
  readonly #acksDue = new Map<ValidatorId, Hash[]>();
  #pushedMs = new Map<Hash, number>();
  readonly #vain = new Map<ValidatorId, { left: number; atMs: number }>();
  readonly #pushes: Turns<ValidatorId, Uint8Array>;
  #flushTimer: NodeJS.Timeout | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#pushes = new Turns(checkedPerTurn, waitingMax, (from, bytes) => this.#check(from, bytes), deps.onDefect);
  }

  /** Transactions of which it is remembered who has them. */
  get size(): number {
    return Math.max(this.#acked.size, this.#pushedMs.size);
  }

  /** Pushes that wait to be checked. */
  get waiting(): number {
    return this.#pushes.size;
  }

  stop(): void {
    this.#pushes.stop();
  }

  /** Checks a transaction of this node or of a client, keeps it, and pushes it to all. Throws MEMPOOL_FULL. */
  submit(bytes: Uint8Array): CheckResult {
    const { app, mempool, network, now, onAvailable } = this.#deps;
    const check = app.checkTx(bytes, now());
    if (!check.ok) return check;
    if (mempool.add(check, bytes)) {
      this.#pushedMs.set(check.hash, now());
      network.broadcast('transaction', pushFrame(bytes));
      onAvailable();
    }
    return check;
  }

  /** A frame of the `transaction` channel. Returns false if it breaks the protocol. */
  onFrame(from: ValidatorId, frame: Uint8Array): boolean {
    const reader = new ByteReader(frame);
    const kind = reader.u8();
    if (kind === kindPush) {
      this.#onPush(from, frame.subarray(1));
      return true;
    }
    if (kind !== kindAck) return false;
    const count = reader.u16();
    for (let i = 0; i < count; i += 1) this.#ackedBy(toHex(reader.bytes(32)) as Hash, from);
    reader.end();
    return true;
  }

  /** A transaction left the mempool. */
  forget(hash: Hash): void {
    this.#acked.delete(hash);
    this.#pushedMs.delete(hash);
  }

  /** Pushes again what peers have not acknowledged; called each second. */
  repush(): void {
    const { mempool, network, peers, now } = this.#deps;
    const nowMs = now();
    const dueMs = nowMs - repushIntervalMs;
    const connected = new Set(network.connected());
    const budget = new Map<ValidatorId, number>();
    for (const [hash, pushedMs] of this.#pushedMs) {
      // A time to come was noted before the clock was set back: nothing may wait until it comes again.
      if (pushedMs > dueMs && pushedMs <= nowMs) continue;
      const tx = mempool.get(hash);
      if (tx === undefined) {
        this.forget(hash);
        continue;
      }
      for (const peer of peers()) {
        const used = budget.get(peer) ?? 0;
        if (!connected.has(peer) || used >= repushBatchMax || this.#acked.get(hash)?.has(peer)) continue;
        budget.set(peer, used + 1);
        network.send(peer, 'transaction', pushFrame(tx.bytes));
      }
      this.#pushedMs.set(hash, nowMs);
    }
  }

  #onPush(from: ValidatorId, bytes: Uint8Array): void {
    // A copy: what is kept of a frame would keep all that came with it.
    const isTaken = this.#vainOf(from).left >= 1 && this.#pushes.offer(from, new Uint8Array(bytes));
    if (!isTaken) this.#deps.metrics.received('ignored');
  }

  #check(from: ValidatorId, bytes: Uint8Array): void {
    const { app, mempool, now, onAvailable, metrics } = this.#deps;
    const vain = this.#vainOf(from);
    if (vain.left < 1) return metrics.received('ignored');
    const check = app.checkTx(bytes, now());
    if (!check.ok) {
      vain.left -= 1;
      // It may have been decided already here, or be one that only a later block can hold; the sender pushes again if it matters.
      metrics.received('refused');
      return;
    }
    let added: boolean;
    try {
      added = mempool.add(check, bytes);
    } catch (error) {
      if (!isChainError(error, 'MEMPOOL_FULL')) throw error;
      vain.left -= 1;
      metrics.received('refused');
      return;
    }
    metrics.received(added ? 'new' : 'known');
    this.#ackedBy(check.hash, from);
    this.#acknowledge(from, check.hash);
    if (added) {
      this.#pushedMs.set(check.hash, now());
      onAvailable();
    }
  }

  /** What a peer may still push in vain. */
  #vainOf(from: ValidatorId): { left: number; atMs: number } {
    const nowMs = this.#deps.now();
    const vain = this.#vain.get(from) ?? { left: vainAtOnce, atMs: nowMs };
    vain.left = Math.min(vainAtOnce, vain.left + (Math.max(0, nowMs - vain.atMs) / 1_000) * vainPerSecond);
    vain.atMs = nowMs;
    this.#vain.set(from, vain);
    return vain;
  }

  #ackedBy(hash: Hash, peer: ValidatorId): void {
    if (!this.#deps.mempool.has(hash)) return;
    const set = this.#acked.get(hash) ?? new Set<ValidatorId>();
    set.add(peer);
    this.#acked.set(hash, set);
  }

  /** Acknowledgements of a while travel in one frame. */
  #acknowledge(to: ValidatorId, hash: Hash): void {
    const due = this.#acksDue.get(to) ?? [];
    due.push(hash);
    this.#acksDue.set(to, due);
    if (this.#flushTimer !== undefined) return;
    this.#flushTimer = setTimeout(() => this.#flushAcks(), ackDelayMs).unref();
  }

  #flushAcks(): void {
    this.#flushTimer = undefined;
    for (const [peer, due] of this.#acksDue) {
      const hashes = due.filter((hash) => this.#deps.mempool.has(hash));
      for (let at = 0; at < hashes.length; at += ackHashesMax) {
        const part = hashes.slice(at, at + ackHashesMax);
        const writer = new ByteWriter();
        writer.u8(kindAck);
        writer.u16(part.length);
        for (const hash of part) writer.bytes(fromHex(hash));
        this.#deps.network.send(peer, 'transaction', writer.finish());
      }
    }
    this.#acksDue.clear();
  }
}

function pushFrame(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + bytes.length);
  frame[0] = kindPush;
  frame.set(bytes, 1);
  return frame;
}
