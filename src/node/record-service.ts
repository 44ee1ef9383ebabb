import { canonicalJson, parseJson } from '../codec/index.ts';
import type { ChainError } from '../errors/chain-error.ts';
import { SPOOL_ENTRIES_MAX } from '../ledger/limits.ts';
import type { SpoolStatus } from '../ports/api-backend.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { RecordLedger, RecordOutcome } from '../ports/record-ledger.ts';
import type { Spool } from '../store/index.ts';
import type { ClusterId, Hash, ValidatorId } from '../types/brand.ts';
import type { Payload, RecordedChange, SpoolEntry, SpooledRecordPayload } from '../types/transaction.ts';
import type { SubmitOutcome, Submitter } from './submitter.ts';

export interface SpoolBounds {
  readonly recordsMax: number;
  readonly bytesMax: number;
}

/** Ten minutes without a quorum at 80 writes a second; each has about 1.2 KiB. */
export const SPOOL_BOUNDS_DEFAULT: SpoolBounds = { recordsMax: 50_000, bytesMax: 64 * 1024 * 1024 };
/** A gap ends when the spool has emptied so far: otherwise it would open and close with every record. */
const refillShare = 0.9;
/** Writes that wait for the disk: beyond, it does not keep up. */
const waitingMax = 1_024;
/** One transaction: a reader of one object's history gets the others of the same transaction too. */
const batchEntriesMax = 32;
const batchBytesMax = 24_000;
/** How long a write of the control plane waits for the quorum; once it waited in vain, no other does until the quorum answers again. */
const commitWaitMs = 1_000;
/** A batch is offered again after this long without a word of it. */
const anchorWaitMs = 5_000;
const retryMs = 250;

/** An entry as it stands in the spool. */
interface Kept {
  readonly keyId: Hash;
  readonly entry: SpoolEntry;
}

interface Gap {
  readonly sinceMs: number;
  count: number;
  /** Whether its beginning is in the spool. */
  isKept: boolean;
}

/** Entries that end what is open, and what that was. */
interface Closing {
  readonly gap: Gap | undefined;
  readonly endsOld: boolean;
  readonly entries: readonly Uint8Array[];
}

export interface RecordMetrics {
  recorded(outcome: RecordOutcome['kind']): void;
  spool(pending: number, bytes: number): void;
}

interface Deps {
  readonly chain: Hash;
  readonly node: ValidatorId;
  readonly cluster: ClusterId;
  /** With the key that is registered now. */
  readonly sign: (payload: Payload) => Uint8Array;
  readonly spool: Spool;
  readonly bounds: SpoolBounds;
  readonly reader: Pick<LedgerReader, 'spoolHead' | 'spoolTotals'>;
  readonly submitter: Pick<Submitter, 'submit'>;
  /** Null if a transaction may get a decision now. */
  readonly obstacle: () => ChainError | null;
  readonly now: () => number;
  readonly metrics: RecordMetrics;
  readonly warn: (message: string, details: object) => void;
}

/**
 * What the record hook took goes into the spool first, always, and from there into the log, in one order and by one writer: so nothing is written twice, whatever was
 * heard of a transaction, and a restart goes on where the log ends. Whoever waits hears `committed` if that is quick, else `spooled`.
 */
export class RecordService implements RecordLedger {
  readonly #d: Deps;
  readonly #waiters = new Map<number, (outcome: RecordOutcome) => void>();
  #gap: Gap | undefined;
  #isSilent = false;
  #stopped = false;
  #wake: () => void = () => undefined;
  #running: Promise<void> | undefined;
  #isEndedGapOpen: boolean;
  #lastKeyId: Hash | undefined;

  constructor(deps: Deps) {
    this.#d = deps;
    // A gap that the last start left open: how many it lost is not known.
    const gaps = deps.spool.oldest(deps.spool.count, Number.MAX_SAFE_INTEGER).flatMap((bytes) => {
      const { entry } = keptOf(bytes);
      return 'gap' in entry ? [entry.gap] : [];
    });
    const open = deps.reader.spoolTotals(deps.node)?.openSinceMs ?? null;
    this.#isEndedGapOpen = gaps.length > 0 ? gaps.at(-1) === 'open' : open !== null;
    this.#measure();
  }

  start(): void {
    this.#running = this.#anchor();
  }

  /** What is not anchored stays in the spool. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#running;
    for (const [, resolve] of this.#waiters) resolve({ kind: 'spooled' });
    this.#waiters.clear();
    await this.#d.spool.close();
  }

  status(): SpoolStatus {
    const { spool } = this.#d;
    const [oldest] = spool.oldest(1, 0);
    const entry = oldest === undefined ? undefined : keptOf(oldest).entry;
    return {
      pending: spool.count,
      bytes: spool.bytes,
      oldestMs: entry === undefined ? null : 'gap' in entry ? entry.atMs : entry.receivedMs,
      gapSinceMs: this.#gap?.sinceMs ?? null,
      lost: this.#gap?.count ?? 0,
    };
  }

  async record(change: RecordedChange, keyId: Hash, deadlineMs: number): Promise<RecordOutcome> {
    const outcome = await this.#record(change, keyId, deadlineMs);
    this.#d.metrics.recorded(outcome.kind);
    return outcome;
  }

  missed(): void {
    this.#d.metrics.recorded('lost');
    this.#miss();
  }

  async #record(change: RecordedChange, keyId: Hash, deadlineMs: number): Promise<RecordOutcome> {
    const { spool } = this.#d;
    this.#lastKeyId = keyId;
    if (spool.waiting >= waitingMax) return this.#lost('the disk does not keep up');
    if (this.#isFull()) return this.#lost('the spool is full');
    const closing = this.#closing(keyId);
    const isAhead = spool.waiting + spool.count < batchEntriesMax;
    const entries = [...closing.entries, encode({ keyId, entry: change })];
    let place: number;
    try {
      const appended = await this.#by(deadlineMs, this.#append(entries));
      if (appended === 'late') return { kind: 'lost', reason: 'the disk is slow' };
      place = appended + entries.length - 1;
    } catch (error) {
      this.#reopen(closing);
      this.#d.warn('a write of the control plane could not be spooled', { reason: (error as Error).message });
      return this.#lost('the disk refuses it');
    }
    // Behind a long queue, or when the quorum is known to be silent, waiting would only slow the control plane down.
    if (!isAhead || this.#isSilent || this.#d.obstacle() !== null) return { kind: 'spooled' };
    return this.#committed(place, Math.min(deadlineMs, this.#d.now() + commitWaitMs));
  }

  /** However late it is done, the writer hears of it. */
  async #append(entries: readonly Uint8Array[]): Promise<number> {
    const place = await this.#d.spool.append(entries);
    this.#measure();
    this.#wake();
    return place;
  }

  #committed(place: number, untilMs: number): Promise<RecordOutcome> {
    if (place < this.#d.spool.first) return Promise.resolve({ kind: 'spooled' });
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => {
          this.#isSilent = true;
          this.#tell(place, { kind: 'spooled' });
        },
        Math.max(0, untilMs - this.#d.now()),
      );
      this.#waiters.set(place, (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      });
    });
  }

  #tell(place: number, outcome: RecordOutcome): void {
    this.#waiters.get(place)?.(outcome);
    this.#waiters.delete(place);
  }

  async #by<T>(deadlineMs: number, promise: Promise<T>): Promise<T | 'late'> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), Math.max(0, deadlineMs - this.#d.now()));
    });
    // It goes on, and what it says later is nobody's concern.
    promise.catch(() => undefined);
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #isFull(): boolean {
    const { spool, bounds } = this.#d;
    const share = this.#gap === undefined ? 1 : refillShare;
    return spool.count >= bounds.recordsMax * share || spool.bytes >= bounds.bytesMax * share;
  }

  #lost(reason: string): RecordOutcome {
    this.#miss();
    return { kind: 'lost', reason };
  }

  /** The beginning of a gap goes into the spool at once, beyond its bounds: so it is known also if this process ends. */
  #miss(): void {
    if (this.#gap !== undefined) {
      this.#gap.count += 1;
      return;
    }
    const gap: Gap = { sinceMs: this.#d.now(), count: 1, isKept: false };
    this.#gap = gap;
    const keyId = this.#lastKeyId;
    if (keyId === undefined) return;
    gap.isKept = true;
    this.#append([encode({ keyId, entry: { gap: 'open', atMs: gap.sinceMs, count: 0 } })]).catch(() => {
      gap.isKept = false;
    });
  }

  /** Entries that end the gap, if one is open. */
  #closing(keyId: Hash): Closing {
    const gap = this.#gap;
    const endsOld = this.#isEndedGapOpen;
    this.#gap = undefined;
    const entries: SpoolEntry[] = [];
    const atMs = this.#d.now();
    if (this.#isEndedGapOpen) entries.push({ gap: 'closed', atMs, count: null });
    this.#isEndedGapOpen = false;
    if (gap !== undefined) {
      if (!gap.isKept) entries.push({ gap: 'open', atMs: gap.sinceMs, count: 0 });
      entries.push({ gap: 'closed', atMs, count: gap.count });
    }
    return { gap, endsOld, entries: entries.map((entry) => encode({ keyId, entry })) };
  }

  /** Its end is not in the spool after all. */
  #reopen({ gap, endsOld }: Closing): void {
    this.#isEndedGapOpen = endsOld;
    if (gap === undefined) return;
    if (this.#gap === undefined) this.#gap = gap;
    else this.#gap.count += gap.count;
  }

  /** The one writer: what is oldest goes into the log, then the next, until this node stops. */
  async #anchor(): Promise<void> {
    while (!this.#stopped) {
      try {
        this.#advance();
        await this.#catchUp();
        await this.#closeGap();
        if (this.#d.spool.count === 0) await this.#rest(undefined);
        else if (this.#d.obstacle() !== null || !(await this.#anchorNext())) await this.#rest(retryMs);
      } catch (error) {
        this.#d.warn('the spool could not be anchored', { reason: (error as Error).message });
        await this.#rest(retryMs);
      }
    }
  }

  /** False if nothing came of it. */
  async #anchorNext(): Promise<boolean> {
    const { spool, submitter, reader, node, sign, now } = this.#d;
    const head = reader.spoolHead(node, spool.id);
    // The state here is older than what this node has anchored: it is catching up.
    if ((head?.next ?? 0) !== spool.first) return false;
    const payload = this.#batch(head?.hash ?? '');
    const outcome = await submitter.submit(sign(payload), now() + anchorWaitMs, 'inclusion');
    const before = spool.first;
    this.#advance(outcome);
    if (spool.first > before) {
      this.#isSilent = false;
      return true;
    }
    if (outcome.kind === 'unknown') this.#isSilent = true;
    if (outcome.kind === 'rejected')
      this.#d.warn('a batch of the spool was not taken', { code: outcome.code, reason: outcome.message });
    return false;
  }

  #batch(previous: Hash | ''): SpooledRecordPayload {
    const { spool, chain, node, cluster } = this.#d;
    const kept = spool.oldest(Math.min(batchEntriesMax, SPOOL_ENTRIES_MAX), batchBytesMax).map(keptOf);
    const keyId = kept[0]?.keyId as Hash;
    const other = kept.findIndex((candidate) => candidate.keyId !== keyId);
    return {
      v: 1,
      alg: 'ed25519',
      kind: 'spooled-record',
      chain,
      node,
      cluster,
      keyId,
      spool: spool.id,
      first: spool.first,
      previous,
      entries: kept.slice(0, other < 0 ? kept.length : other).map(({ entry }) => entry),
    };
  }

  /** What the log has leaves the spool, whoever brought it there. */
  #advance(outcome?: SubmitOutcome): void {
    const { spool, reader, node } = this.#d;
    const head = reader.spoolHead(node, spool.id);
    if (head === undefined || head.next <= spool.first) return;
    const isIn = outcome?.kind === 'committed' && outcome.result.decision === 'RECORDED';
    const where = isIn ? { height: outcome.height, leaf: outcome.leaf } : undefined;
    for (let place = spool.first; place < Math.min(head.next, spool.next); place += 1)
      this.#tell(place, where === undefined ? { kind: 'spooled' } : { kind: 'committed', ...where });
    spool.drop(head.next);
    this.#measure();
  }

  /** More is in the log than the folder ever held: it was put back to an older state, and what comes next gets a place of its own. */
  async #catchUp(): Promise<void> {
    const { spool, reader, node, warn } = this.#d;
    const next = reader.spoolHead(node, spool.id)?.next ?? 0;
    if (next <= spool.next) return;
    warn('the spool is older than the log: entries of it may be missing', { next, found: spool.next });
    await spool.skipTo(next);
  }

  /** Also when nothing more is written: the gap ends when there is room again. */
  async #closeGap(): Promise<void> {
    const keyId = this.#lastKeyId;
    if ((this.#gap === undefined && !this.#isEndedGapOpen) || keyId === undefined || this.#isFull()) return;
    const closing = this.#closing(keyId);
    try {
      await this.#append(closing.entries);
    } catch {
      this.#reopen(closing);
    }
  }

  #rest(forMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = forMs === undefined ? undefined : setTimeout(() => this.#wake(), forMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        resolve();
      };
      if (this.#stopped) this.#wake();
    });
  }

  #measure(): void {
    this.#d.metrics.spool(this.#d.spool.count, this.#d.spool.bytes);
  }
}

function encode(kept: Kept): Uint8Array {
  return canonicalJson(kept);
}

function keptOf(bytes: Uint8Array): Kept {
  return parseJson(bytes) as unknown as Kept;
}
