import { ChainError } from '../errors/chain-error.ts';
import { AuditIndexes, type IndexKeys, type IndexPage } from './lmdb/audit-index.ts';
import { Bodies, type BodyInfo } from './lmdb/bodies.ts';
import { decodeBlock, encodeBlock } from './lmdb/block-record.ts';
import { buckets } from './lmdb/bucket-registry.ts';
import { nodeKey, numberKey, localKey, leafOf, stateBucketKey, stateSpaces, type StateSpace } from './lmdb/key.ts';
import { decodeLeaf, encodeLeaf } from './lmdb/leaf-record.ts';
import { LocalValues } from './lmdb/local.ts';
import { freeSpace, spacesOf, spacesWrite, type HistoryGap, type Spaces } from './lmdb/spaces.ts';
import { decodeStateRow, encodeStateRow, type StateRow } from './lmdb/state-row.ts';
import type { Table, Write } from './lmdb/table.ts';
import type { AppState } from '../types/chain.ts';
import type { Hash } from '../types/brand.ts';
import type { BlockWrites, TreeSource } from '../ports/state.ts';

/** Folder of the LMDB environment inside a data folder. */
export const databaseFolder = 'db';

const deletedAtOnce = 2_048;

export interface CommittedBlock {
  readonly height: number;
  readonly blockId: Hash;
  /** The block as it travels; empty for height 0, which holds the state that genesis makes. */
  readonly blockBytes: Uint8Array;
  /** Certificate of this height, as the ledger encodes it. */
  readonly certificateBytes: Uint8Array;
  readonly state: AppState;
  readonly writes: BlockWrites;
  /** Node-local values that must change together with this block. */
  readonly local?: readonly (readonly [name: string, value: Uint8Array])[];
}

/**
 * Everything a node keeps of the chain. Reads are synchronous and see each commit from the moment it was called; a commit
 * is durable when its promise resolves, in order, many in one sync under load (see lmdb/table.ts). After a failed
 * write every further one is refused with the same error.
 */
export class Store implements TreeSource {
  readonly dir: string;
  readonly chain: Hash;
  /** True if this call of openStore made it. */
  readonly created: boolean;
  readonly local: LocalValues;
  readonly table: Table;
  readonly #indexes: AuditIndexes;
  readonly #bodies: Bodies;
  readonly #onOpened: () => void;
  readonly #onClose: () => void;
  #lastHeight: number;
  #durableHeight: number;
  #spaces: Spaces;

  constructor(options: {
    readonly dir: string;
    readonly chain: Hash;
    readonly created: boolean;
    readonly table: Table;
    readonly onOpened?: () => void;
    readonly onClose: () => void;
  }) {
    this.dir = options.dir;
    this.chain = options.chain;
    this.created = options.created;
    this.table = options.table;
    this.local = new LocalValues(options.table);
    this.#indexes = new AuditIndexes(options.table);
    this.#bodies = new Bodies(options.table);
    this.#onOpened = options.onOpened ?? (() => undefined);
    this.#onClose = options.onClose;
    this.#spaces = spacesOf(options.table);
    this.#lastHeight = this.#storedHeight();
    this.#durableHeight = this.#lastHeight;
  }

  /** What its user needs in order to begin could be read. */
  opened(): void {
    this.#onOpened();
  }

  /** Height of the last commit, durable or not; -1 if there is none. */
  lastHeight(): number {
    return this.#lastHeight;
  }

  /** Height up to which everything is synced; -1 if there is none. */
  durableHeight(): number {
    return this.#durableHeight;
  }

  /**
   * One transaction. Throws STORE_HEIGHT at once unless it follows the last one (the first is 0 or 1). Byte arrays that are
   * handed in must not be changed afterwards. `lingerMs`: how long it may wait, so that several blocks share one sync.
   */
  async commitBlock(block: CommittedBlock, lingerMs = 0): Promise<void> {
    const { height } = block;
    const last = this.#lastHeight;
    if (height !== last + 1 && !(last === -1 && height === 1)) throw new ChainError('STORE_HEIGHT', { height, last });
    const writes = this.#writesOf(block, this.#spaces.live);
    this.#lastHeight = height;
    await this.table.write(writes, lingerMs);
    this.#durableHeight = Math.max(this.#durableHeight, height);
  }

  /** Heights that this store lacks; null if it has every one from the first. */
  get gap(): HistoryGap | null {
    return this.#spaces.history?.gap ?? null;
  }

  /** Number of the bucket that holds the live state. */
  get liveSpace(): StateSpace {
    return this.#spaces.live;
  }

  /** A bucket of the state after the last height below the gap. */
  readHistoryBucket(bucket: number): Uint8Array | undefined {
    const { history } = this.#spaces;
    return history === null ? undefined : this.table.get(stateBucketKey(bucket, history.space));
  }

  /** A bucket of a snapshot that is not taken over yet, or what an earlier one left there. */
  readSnapshotBucket(bucket: number): Uint8Array | undefined {
    return this.table.get(stateBucketKey(bucket, freeSpace(this.#spaces)));
  }

  /** Numbers of the buckets that are there, ascending. */
  snapshotBuckets(): number[] {
    return this.#bucketsIn(freeSpace(this.#spaces));
  }

  /** Null empties a bucket. Touches nothing that is in use. */
  writeSnapshotBuckets(buckets: readonly (readonly [bucket: number, bytes: Uint8Array | null])[]): Promise<void> {
    const space = freeSpace(this.#spaces);
    return this.table.write(buckets.map(([bucket, bytes]) => [stateBucketKey(bucket, space), bytes]));
  }

  /**
   * Makes the snapshot the live state, in one transaction: what was written by `writeSnapshotBuckets` is the state after `block`, whose writes hold its leaves and
   * the right edge of the log. All between it and what was here is the gap from then on. Throws STORE_HEIGHT unless the block is above the last one by more than one.
   */
  async adoptSnapshot(block: CommittedBlock): Promise<void> {
    const { height } = block;
    const last = this.#lastHeight;
    if (height <= last + 1 || height < 2) throw new ChainError('STORE_HEIGHT', { height, last });
    const before = this.#spaces;
    const history = {
      space: before.history?.space ?? before.live,
      gap: {
        through: before.history?.gap.through ?? Math.max(0, last),
        from: height,
        fromLeaf: block.writes.leaves[0]?.[0] ?? block.state.logSize,
      },
    };
    this.#spaces = { live: freeSpace(before), history };
    this.#lastHeight = height;
    await this.table.write([...this.#writesOf(block, this.#spaces.live), spacesWrite(this.#spaces)]);
    this.#durableHeight = height;
  }

  /** One transaction. The height above `through` of the gap; with that of its `from` the store has all. Throws STORE_HEIGHT. */
  async commitHistory(block: CommittedBlock): Promise<void> {
    const { history, live } = this.#spaces;
    const { height } = block;
    if (history === null || height !== history.gap.through + 1)
      throw new ChainError('STORE_HEIGHT', { height, last: history?.gap.through ?? this.#lastHeight });
    const writes = this.#writesOf(block, history.space);
    const gap = { ...history.gap, through: height };
    this.#spaces = { live, history: gap.from === height ? null : { space: history.space, gap } };
    await this.table.write([...writes, spacesWrite(this.#spaces)]);
  }

  /** Deletes what a state that is in no use any more left behind; not while a snapshot is being written. */
  async clearUnusedStates(): Promise<void> {
    const { live, history } = this.#spaces;
    for (const space of [0, 1, 2] as const) {
      if (space === live || space === history?.space) continue;
      const range = { from: stateBucketKey(0, space), to: spaceEnd(space), limit: deletedAtOnce };
      for (let keys = this.table.keys(range); keys.length > 0; keys = this.table.keys(range))
        await this.table.write(keys.map((key) => [key, null]));
    }
  }

  readBucket(bucket: number): Uint8Array | undefined {
    return this.table.get(stateBucketKey(bucket, this.#spaces.live));
  }

  filledBuckets(): number[] {
    return this.#bucketsIn(this.#spaces.live);
  }

  readNode(level: number, index: number): Uint8Array | undefined {
    return this.table.get(nodeKey(level, index));
  }

  readLeaf(index: number): Uint8Array | undefined {
    const record = this.table.get(numberKey('leaf', index));
    return record === undefined ? undefined : decodeLeaf(index, record);
  }

  /** The block as it travelled. Throws STORE_DAMAGED if it cannot be put together. */
  block(height: number): Uint8Array | undefined {
    const record = this.table.get(numberKey('block', height));
    if (record === undefined) return undefined;
    return decodeBlock(height, record, {
      leaf: (index) => this.readLeaf(index),
      certificate: (at) => this.certificate(at),
    });
  }

  certificate(height: number): Uint8Array | undefined {
    return this.table.get(numberKey('certificate', height));
  }

  state(height: number): AppState | undefined {
    return this.#row(height)?.state;
  }

  blockId(height: number): Hash | undefined {
    return this.#row(height)?.blockId;
  }

  /** Height of the block that a leaf belongs to: the first one whose log is longer than the index. */
  heightOfLeaf(index: number): number | undefined {
    let low = this.state(0) === undefined ? 1 : 0;
    let high = this.#lastHeight;
    if (index < 0 || index >= (this.state(high)?.logSize ?? 0)) return undefined;
    // Of the heights of a gap nothing is known: the leaf is in one below or above it.
    const { gap } = this;
    if (gap !== null && index < (this.state(gap.through)?.logSize ?? 0)) high = gap.through;
    else if (gap !== null && index < gap.fromLeaf) return undefined;
    else if (gap !== null) low = gap.from;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.state(middle)?.logSize ?? 0) > index) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** What left the state under this key, with its proof. */
  archived(key: string): Uint8Array | undefined {
    return this.local.get(archiveName(key));
  }

  /** Leaf indexes under one key of an audit index, newest first. */
  index(name: string, key: string, page: IndexPage): number[] {
    return this.#indexes.leaves(name, key, page);
  }

  /** Leaf indexes under a range of keys of an ordered index (`time`), newest first. */
  indexRange(name: string, keys: IndexKeys, page: IndexPage): number[] {
    return this.#indexes.leavesInRange(name, keys, page);
  }

  putBody(hash: Hash, bytes: Uint8Array, info: BodyInfo = { orgs: [], expiresMs: null }): Promise<void> {
    return this.#bodies.put(hash, bytes, info);
  }

  getBody(hash: Hash): Uint8Array | undefined {
    return this.#bodies.get(hash);
  }

  hasBody(hash: Hash): boolean {
    return this.#bodies.has(hash);
  }

  /** Of synced bodies. */
  bodyHashes(): Generator<Hash> {
    return this.#bodies.hashes();
  }

  bodyInfo(hash: Hash): BodyInfo | undefined {
    return this.#bodies.info(hash);
  }

  deleteBody(hash: Hash): Promise<boolean> {
    return this.#bodies.delete(hash);
  }

  expiredBodies(nowMs: number, limit: number): Hash[] {
    return this.#bodies.expired(nowMs, limit);
  }

  /** Waits for commits that are under way, closes the files and gives the folder free. */
  async close(): Promise<void> {
    await this.table.close();
    this.#onClose();
  }

  #row(height: number): StateRow | undefined {
    if (height < 0) return undefined;
    const value = this.table.get(numberKey('state', height));
    return value === undefined ? undefined : decodeStateRow(height, value);
  }

  #storedHeight(): number {
    const from = Buffer.from([buckets.state.number]);
    const to = Buffer.from([buckets.state.number + 1]);
    const [key] = this.table.keys({ from, to, reverse: true, limit: 1 });
    return key === undefined ? -1 : leafOf(key);
  }

  #bucketsIn(space: StateSpace): number[] {
    return this.table
      .keys({ from: stateBucketKey(0, space), to: spaceEnd(space) })
      .map((key) => (key[1] as number) * 256 + (key[2] as number));
  }

  #writesOf(block: CommittedBlock, space: StateSpace): Write[] {
    const { height, writes: changed } = block;
    const previousCertificate = height > 1 ? this.certificate(height - 1) : undefined;
    const record = encodeBlock(height, block.blockBytes, { leaves: changed.leaves, previousCertificate });
    const writes: Write[] = [
      [numberKey('block', height), record],
      [numberKey('certificate', height), block.certificateBytes],
      [numberKey('state', height), encodeStateRow({ blockId: block.blockId, state: block.state })],
    ];
    for (const [bucket, bytes] of changed.buckets) writes.push([stateBucketKey(bucket, space), bytes]);
    for (const [level, index, hash] of changed.nodes) writes.push([nodeKey(level, index), hash]);
    for (const [index, bytes] of changed.leaves) writes.push([numberKey('leaf', index), encodeLeaf(bytes)]);
    writes.push(...this.#indexes.writes(changed.indexes));
    for (const [key, bytes] of changed.archive) writes.push([localKey(archiveName(key)), bytes]);
    for (const [name, value] of block.local ?? []) writes.push([localKey(name), value]);
    return writes;
  }
}

function spaceEnd(space: StateSpace): Buffer {
  return Buffer.from([buckets[stateSpaces[space]].number + 1]);
}

function archiveName(key: string): string {
  return `archive/${key}`;
}
