import { ChainError } from '../errors/chain-error.ts';
import type { CheckResult, Lane, PairHint } from '../ports/application.ts';
import type { Hash } from '../types/brand.ts';

/** Waiting transactions of one organisation: what one organisation may take of every node's memory. */
export const orgTransactionsMax = 5_000;
export const orgBytesMax = 32 * 1024 * 1024;
/** With less time left it is hardly decided before its waiter is gone: others go first. */
export const lateMs = 2_000;
/** With so few of its changes waiting a user is not told to wait: an estimate may be wrong, and who asks for little costs little. */
export const fewWaiting = 8;
/** How old the count of what is not late may be. */
const countedMs = 250;
/** Of a batch, what is late gets at most this share, and only what is left: an overload must not fill the blocks with what nobody waits for. */
const lateShare = 0.25;

export interface PooledTx {
  readonly hash: Hash;
  readonly bytes: Uint8Array;
  readonly org: string;
  readonly user: string;
  readonly lane: Lane;
  readonly notAfterMs: number;
  readonly pair: PairHint | null;
}

interface UserQueue {
  readonly txs: Map<Hash, PooledTx>;
  bytes: number;
}

interface OrgQueue {
  /** Who was served last is last. */
  readonly users: Map<string, UserQueue>;
  transactions: number;
  bytes: number;
}

/**
 * Transactions that were checked and wait for a block. Bounded for each organisation, of which no user may have more than it leaves free for the others. A batch takes
 * from the organisations in turn, and of each from its users in turn, so that none can shut the others out. Insertion order is kept for each user.
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
  /** Changes that wait and are not late, of each organisation and user; made anew when a block has taken some, and when some may have become late. */
  #inTime: { readonly atMs: number; readonly users: Map<string, Map<string, number>> } | undefined;

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

  /** Adds a checked transaction; false if it was there already. Throws MEMPOOL_FULL when the share of its organisation, or of its user there, is used up. */
  add(check: Extract<CheckResult, { ok: true }>, bytes: Uint8Array): boolean {
    if (this.#byHash.has(check.hash)) return false;
    const { hash, org, user, lane, notAfterMs, pair } = check;
    const queue = this.#lanes[lane].get(org) ?? { users: new Map<string, UserQueue>(), transactions: 0, bytes: 0 };
    const ofUser = queue.users.get(user) ?? { txs: new Map<Hash, PooledTx>(), bytes: 0 };
    const places = orgTransactionsMax - queue.transactions;
    const room = orgBytesMax - queue.bytes - bytes.length;
    const isOver = user !== '' && (ofUser.txs.size >= places || ofUser.bytes > room);
    if (places <= 0 || room < 0 || isOver)
      throw new ChainError('MEMPOOL_FULL', { org, transactions: isOver ? ofUser.txs.size : queue.transactions });
    const tx = { hash, bytes, org, user, lane, notAfterMs, pair };
    this.#lanes[lane].set(org, queue);
    queue.users.set(user, ofUser);
    ofUser.txs.set(hash, tx);
    this.#count(queue, ofUser, tx, 1);
    this.#byHash.set(hash, tx);
    this.#countPair(tx, 1);
    if (lane === 'normal' && this.#inTime !== undefined) countIn(this.#inTime.users, org, user);
    return true;
  }

  remove(hash: Hash): void {
    const tx = this.#byHash.get(hash);
    if (tx === undefined) return;
    this.#byHash.delete(hash);
    this.#inTime = undefined;
    this.#countPair(tx, -1);
    const queue = this.#lanes[tx.lane].get(tx.org);
    const ofUser = queue?.users.get(tx.user);
    if (queue === undefined || ofUser === undefined) return;
    ofUser.txs.delete(hash);
    this.#count(queue, ofUser, tx, -1);
    queue.users.delete(tx.user);
    if (ofUser.txs.size > 0) queue.users.set(tx.user, ofUser);
    if (queue.transactions === 0) this.#lanes[tx.lane].delete(tx.org);
  }

  #count(queue: OrgQueue, ofUser: UserQueue, { bytes }: PooledTx, change: 1 | -1): void {
    queue.transactions += change;
    queue.bytes += change * bytes.length;
    ofUser.bytes += change * bytes.length;
  }

  /**
   * How many changes the blocks take before one of this user that came now, in the order in which `batch` takes them; null if few of this user wait. What is
   * late is taken last and does not count.
   */
  ahead(org: string, user: string, nowMs: number): number | null {
    const known = this.#inTime;
    const isOld = known === undefined || nowMs < known.atMs || nowMs > known.atMs + countedMs;
    const { users: waiting } = isOld ? this.#countInTime(nowMs) : known;
    const users = waiting.get(org);
    const own = users?.get(user) ?? 0;
    if (users === undefined || own < fewWaiting) return null;
    const within = (counts: Iterable<number>, turns: number): number =>
      [...counts].reduce((sum, count) => sum + Math.min(count, turns), 0);
    const ofUsers = [...users].filter(([other]) => other !== user && other !== '').map(([, count]) => count);
    const before = own + within(ofUsers, own + 1);
    const ofOrganisation = before + within([users.get('') ?? 0], before + 1);
    const totals = [...waiting]
      .filter(([other]) => other !== org)
      .map(([, counts]) => within(counts.values(), Infinity));
    return ofOrganisation + within(totals, ofOrganisation + 1);
  }

  #countInTime(nowMs: number): { readonly atMs: number; readonly users: Map<string, Map<string, number>> } {
    const users = new Map<string, Map<string, number>>();
    for (const [org, queue] of this.#lanes.normal)
      for (const [user, { txs }] of queue.users)
        for (const tx of txs.values()) if (!isLate(tx, nowMs)) countIn(users, org, user);
    this.#inTime = { atMs: nowMs, users };
    return this.#inTime;
  }

  /**
   * Next batch, for a block of about `nowMs`: the reserved lane first, up to half of the room while others wait, so that one organisation's flood of ballots shuts no
   * change out; then one transaction of each organisation in turn; then what is left of the reserved lane, and some of what is late. Of these a block of a later time
   * records as EXPIRED what has expired, which is a true answer.
   */
  batch(bytesMax: number, txsMax: number, nowMs: number): Uint8Array[] {
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
    const reserved = this.#offer('reserved', (tx) => !isLate(tx, nowMs));
    const normal = this.#offer('normal', (tx) => !isLate(tx, nowMs));
    // However large, the first one of the reserved lane goes.
    const first = reserved.peek();
    if (first !== undefined) fill(reserved, Math.min(bytesMax, first.bytes.length), Math.min(txsMax, 1));
    fill(reserved, Math.max(bytes, Math.floor(bytesMax / 2)), Math.max(batch.length, Math.floor(txsMax / 2)));
    fill(normal, bytesMax, txsMax);
    fill(reserved, bytesMax, txsMax);
    const lateMax = Math.max(1, Math.floor(txsMax * lateShare));
    for (const lane of ['reserved', 'normal'] as const)
      fill(
        this.#offer(lane, (tx) => isLate(tx, nowMs)),
        bytesMax,
        Math.min(txsMax, batch.length + lateMax),
      );
    return batch;
  }

  /** One lane, one transaction of each organisation in turn. */
  #offer(lane: Lane, isWanted: (tx: PooledTx) => boolean): Offered {
    const queues = [...this.#lanes[lane].values()].map((queue) => ofOrganisation(queue, isWanted));
    return new Offered(queues.flatMap((_, index) => queues[(index + this.#turn) % queues.length] ?? []));
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

/** Every second place is for what the node says itself, the others for its users in turn, who was served longest ago first. */
function* ofOrganisation({ users }: OrgQueue, isWanted: (tx: PooledTx) => boolean): IterableIterator<PooledTx> {
  const wanted = ([, { txs }]: readonly [string, UserQueue]) => txs.values().filter(isWanted);
  const entries = [...users];
  const sources = [
    inTurn(entries.filter(([user]) => user === '').map(wanted)),
    inTurn(entries.filter(([user]) => user !== '').map(wanted)),
  ];
  yield* inTurn(sources);
}

/** One of each, for as long as they have any. */
function* inTurn<T>(sources: readonly Iterator<T>[]): IterableIterator<T> {
  const open = [...sources];
  for (let at = 0; open.length > 0;) {
    at %= open.length;
    const next = open[at]?.next();
    if (next === undefined || next.done === true) open.splice(at, 1);
    else {
      at += 1;
      yield next.value;
    }
  }
}

/** What a lane offers, in order; the next one can be looked at before it is taken. */
class Offered {
  readonly #rest: Iterator<PooledTx>;
  #next: PooledTx | undefined;

  constructor(queues: readonly Iterator<PooledTx>[]) {
    this.#rest = inTurn(queues);
  }

  peek(): PooledTx | undefined {
    if (this.#next === undefined) {
      const found = this.#rest.next();
      if (found.done !== true) this.#next = found.value;
    }
    return this.#next;
  }

  take(): void {
    this.#next = undefined;
  }
}

function isLate({ notAfterMs }: PooledTx, nowMs: number): boolean {
  return notAfterMs < nowMs + lateMs;
}

function countIn(users: Map<string, Map<string, number>>, org: string, user: string): void {
  let counts = users.get(org);
  if (counts === undefined) users.set(org, (counts = new Map()));
  counts.set(user, (counts.get(user) ?? 0) + 1);
}

function isHalf({ orgs, needed }: { readonly orgs: readonly string[]; readonly needed: number }): boolean {
  return orgs.length > 0 && orgs.length % needed !== 0;
}
