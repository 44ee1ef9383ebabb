import { ChainError } from '../../errors/chain-error.ts';
import { openLmdb, type Database } from './database.ts';
import { causeOfCommit, storeFailure } from './failure.ts';

/** One write: a value, or null to delete. */
export type Write = readonly [key: Buffer, value: Uint8Array | null];

export interface KeyRange {
  /** Inclusive lower bound. */
  readonly from: Buffer;
  /** Exclusive upper bound. */
  readonly to: Buffer;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** By the key as Latin-1 text; the last write of a key counts. */
type Layer = Map<string, Write>;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: ChainError) => void;
}

/**
 * An ordered map of bytes over LMDB with atomic batches.
 *
 * Durability: one LMDB transaction is under way at a time, on LMDB's writer thread; all calls that wait meanwhile go into
 * the next one together and share its fdatasync (overlappingSync is off, so "committed" means synced). A call that may wait
 * a while does so in the company of others, until one comes that may not. The promise of `write` resolves after that sync. Batches become durable in the order of the calls: if batch n is on disk, so is n-1.
 *
 * Visibility: a batch is visible to every read from the moment `write` is called. Until it is synced it is held in a layer in memory and reads look there first, newest
 * first. There are two at most: what is being written, and what waits for the next transaction. Whoever must not act on unsynced data waits for the promise.
 *
 * After a failed write nothing more is written: the file is in the state of an earlier batch, and writing on would make a
 * hole. Reads go on, and still see each batch from the moment of its call: whoever built on it must not read a hole before he hears.
 */
export class Table {
  readonly #path: string;
  readonly #db: Database;
  readonly #layers: Layer[] = [];
  #waiting: Waiting[] = [];
  #writer: Promise<void> | undefined;
  #lingering: NodeJS.Timeout | undefined;
  #failure: ChainError | undefined;
  #closed = false;

  /** `path` is for messages; `Table.open` is the way to a folder on a disk. */
  constructor(path: string, db: Database) {
    this.#path = path;
    this.#db = db;
  }

  static open(path: string, options: { readOnly: boolean }): Table {
    try {
      return new Table(path, openLmdb(path, options));
    } catch (error) {
      throw storeFailure(path, 'open', error);
    }
  }

  get(key: Buffer): Uint8Array | undefined {
    if (this.#layers.length > 0) {
      const name = key.toString('latin1');
      for (let i = this.#layers.length - 1; i >= 0; i--) {
        const write = (this.#layers[i] as Layer).get(name);
        if (write !== undefined) return write[1] ?? undefined;
      }
    }
    this.#assertOpen('read');
    const value = this.#db.get(key);
    return value === undefined ? undefined : new Uint8Array(value.buffer, value.byteOffset, value.length);
  }

  has(key: Buffer): boolean {
    if (this.#layers.length > 0) return this.get(key) !== undefined;
    this.#assertOpen('read');
    return this.#db.doesExist(key);
  }

  /** Keys of the range in order (or in reverse order), including those that are not synced yet. */
  keys(range: KeyRange): Buffer[] {
    this.#assertOpen('read');
    const limit = range.limit ?? Infinity;
    const pending = this.#pendingIn(range);
    const result: Buffer[] = [];
    let next = 0;
    const order = range.reverse === true ? -1 : 1;
    const takePendingBefore = (key: Buffer | undefined): void => {
      while (next < pending.length && result.length < limit) {
        const [candidate, live] = pending[next] as (typeof pending)[number];
        const side = key === undefined ? -1 : order * Buffer.compare(candidate, key);
        if (side > 0) return;
        next += 1;
        if (live) result.push(candidate);
      }
    };
    if (limit > 0) {
      const deleted = new Set(pending.map(([key]) => key.toString('latin1')));
      for (const key of this.#storedKeys(range)) {
        takePendingBefore(key);
        if (result.length >= limit) return result;
        if (!deleted.has(key.toString('latin1'))) result.push(key);
        if (result.length >= limit) return result;
      }
    }
    takePendingBefore(undefined);
    return result;
  }

  /** Entries of the range in ascending order, of synced data only; for walks over everything. */
  *entries(range: { readonly from: Buffer; readonly to: Buffer }): Generator<readonly [Buffer, Uint8Array]> {
    this.#assertOpen('read');
    for (const { key, value } of this.#db.getRange({ start: range.from, end: range.to })) yield [key, value];
  }

  /** All writes or none; see the class comment. The values must not be changed afterwards. `lingerMs`: how long it may wait for company. */
  write(writes: readonly Write[], lingerMs = 0): Promise<void> {
    if (this.#failure !== undefined) {
      this.#keep(writes, this.#layers.at(-1));
      return Promise.reject(this.#failure);
    }
    if (this.#closed) return Promise.reject(new ChainError('STORE_CLOSED', { operation: 'write' }));
    this.#keep(writes, this.#waiting.length > 0 ? this.#layers.at(-1) : undefined);
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    if (lingerMs === 0) this.#startWriter();
    else this.#lingering ??= setTimeout(() => this.#startWriter(), lingerMs);
    return done;
  }

  #startWriter(): void {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#writer ??= this.#writeWaiting();
  }

  /** Into a layer that is not being written; a new one unless given. */
  #keep(writes: readonly Write[], into: Layer | undefined): void {
    const layer: Layer = into ?? new Map<string, Write>();
    for (const write of writes) layer.set(write[0].toString('latin1'), write);
    if (into === undefined) this.#layers.push(layer);
  }

  async #writeWaiting(): Promise<void> {
    // Calls made in the same turn belong into one transaction.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      const [layer] = this.#layers;
      this.#waiting = [];
      try {
        await this.#commit((layer as Layer).values());
      } catch (error) {
        this.#failure = storeFailure(this.#path, 'write', await causeOfCommit(error));
        for (const call of [...group, ...this.#waiting]) call.reject(this.#failure);
        this.#waiting = [];
        break;
      }
      this.#layers.shift();
      for (const call of group) call.resolve();
    }
    this.#writer = undefined;
  }

  async #commit(writes: Iterable<Write>): Promise<void> {
    await this.#db.batch(() => {
      for (const [key, value] of writes) {
        // The promise of the batch stands for each of its writes.
        if (value === null) void this.#db.remove(key).catch(ignore);
        else void this.#db.put(key, asBuffer(value)).catch(ignore);
      }
    });
  }

  /** Bytes of the file that hold data, and entries. */
  stats(): { readonly bytesUsed: number; readonly entries: number } {
    const stats = this.#db.getStats() as { pageSize: number; lastPageNumber: number; entryCount: number };
    return { bytesUsed: stats.pageSize * (stats.lastPageNumber + 1), entries: stats.entryCount };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#startWriter();
    await this.#writer;
    await this.#db.close();
  }

  #storedKeys(range: KeyRange): Iterable<Buffer> {
    if (range.reverse !== true) return this.#db.getKeys({ start: range.from, end: range.to });
    return this.#db.getKeys({
      start: range.to,
      exclusiveStart: true,
      end: range.from,
      inclusiveEnd: true,
      reverse: true,
    });
  }

  /** Keys of the range that unsynced batches touch, in the order of the range; `live` is false for a deletion. */
  #pendingIn(range: KeyRange): (readonly [key: Buffer, live: boolean])[] {
    const found = new Map<string, boolean>();
    const from = range.from.toString('latin1');
    const to = range.to.toString('latin1');
    for (const layer of this.#layers) {
      // Latin-1 strings compare like the bytes that they stand for.
      for (const [name, [, value]] of layer) if (name >= from && name < to) found.set(name, value !== null);
    }
    const names = [...found.keys()].sort();
    if (range.reverse === true) names.reverse();
    return names.map((name) => [Buffer.from(name, 'latin1'), found.get(name) === true]);
  }

  #assertOpen(operation: string): void {
    if (this.#closed) throw new ChainError('STORE_CLOSED', { operation });
  }
}

function ignore(): void {}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
