import type { Hash } from '../types/brand.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { StateWriter } from '../ports/state.ts';
import { ChainError } from '../errors/chain-error.ts';
import { bytesEqual, compareBytes, toHex, utf8Encode } from '../codec/index.ts';
import { STATE_VALUE_BYTES_MAX } from './limits.ts';
import {
  BUCKET_COUNT,
  bucketHash,
  bucketOf,
  decodeBucket,
  encodeBucket,
  stateNodeHash,
  type BucketEntry,
} from './state-bucket.ts';
import { checkStateKey } from './state-key.ts';
import type { StateTree } from './state-tree.ts';

/** A position in an overlay's history. */
export type StateMark = number & { readonly stateMark: unique symbol };

interface Undo {
  readonly key: string;
  /** What the overlay held for it before: a value, null for deleted, undefined for nothing. */
  readonly before: Uint8Array | null | undefined;
}

/**
 * What one block changes. Reads see the changes; the tree below does not. `mark` and `rollback` take back a transaction that
 * failed half-way, so that it leaves nothing. Hashing is put off until `root` or the writes are asked for.
 */
export class StateOverlay implements StateWriter {
  readonly base: StateTree;
  readonly baseVersion: number;
  readonly #sha256: Sha256;
  /** Changed keys; null is deleted. */
  readonly #values = new Map<string, Uint8Array | null>();
  readonly #keysOfBucket = new Map<number, Set<string>>();
  readonly #undo: Undo[] = [];
  /** Buckets touched since they were hashed last. */
  readonly #stale = new Set<number>();
  /** Encoded buckets that differ from the tree's. */
  readonly #buckets = new Map<number, Uint8Array>();
  readonly #nodes = new Map<number, Uint8Array>();

  constructor(base: StateTree, sha256: Sha256) {
    this.base = base;
    this.baseVersion = base.version;
    this.#sha256 = sha256;
  }

  get(key: string): Uint8Array | undefined {
    this.#checkBase();
    const changed = this.#values.get(key);
    if (changed !== undefined) return changed ?? undefined;
    return this.base.get(key);
  }

  /** Keeps `value` as it is: do not change its bytes afterwards. Throws LEDGER_STATE_KEY, LEDGER_STATE_VALUE. */
  put(key: string, value: Uint8Array): void {
    if (value.length > STATE_VALUE_BYTES_MAX) {
      throw new ChainError('LEDGER_STATE_VALUE', { key, bytes: value.length, bytesMax: STATE_VALUE_BYTES_MAX });
    }
    this.#change(key, value);
  }

  delete(key: string): void {
    this.#change(key, null);
  }

  /** All keys that it was told to change, those whose value is the committed one after all included. */
  changedKeys(): Iterable<string> {
    return this.#values.keys();
  }

  mark(): StateMark {
    return this.#undo.length as StateMark;
  }

  /** Takes back everything since `mark`. Marks taken after it are void. */
  rollback(mark: StateMark): void {
    if (mark > this.#undo.length)
      throw new ChainError('LEDGER_STATE_OVERLAY', { detail: 'the mark was rolled back before' });
    while (this.#undo.length > mark) {
      const { key, before } = this.#undo.pop() as Undo;
      if (before === undefined) this.#values.delete(key);
      else this.#values.set(key, before);
      this.#stale.add(bucketOf(this.#sha256, key));
    }
  }

  /** The state root with these changes. */
  root(): Hash {
    this.#refresh();
    return toHex(this.#nodeAt(1)) as Hash;
  }

  /** Buckets that differ from the committed ones, ascending; null for one that became empty. */
  bucketWrites(): (readonly [bucket: number, bytes: Uint8Array | null])[] {
    this.#refresh();
    return [...this.#buckets]
      .sort(([a], [b]) => a - b)
      .map(([bucket, bytes]) => [bucket, bytes.length === 0 ? null : bytes] as const);
  }

  /** Hashes of tree nodes, by heap number, that differ from the committed ones or were computed again. */
  changedNodes(): ReadonlyMap<number, Uint8Array> {
    this.#refresh();
    return this.#nodes;
  }

  #change(key: string, value: Uint8Array | null): void {
    this.#checkBase();
    checkStateKey(key);
    this.#undo.push({ key, before: this.#values.get(key) });
    this.#values.set(key, value);
    const bucket = bucketOf(this.#sha256, key);
    let keys = this.#keysOfBucket.get(bucket);
    if (keys === undefined) this.#keysOfBucket.set(bucket, (keys = new Set()));
    keys.add(key);
    this.#stale.add(bucket);
  }

  #refresh(): void {
    this.#checkBase();
    if (this.#stale.size === 0) return;
    let level = new Set<number>();
    for (const bucket of this.#stale) {
      const committed = this.base.bucketBytes(bucket);
      const bytes = this.#encode(bucket, committed);
      if (bytesEqual(bytes, committed)) this.#buckets.delete(bucket);
      else this.#buckets.set(bucket, bytes);
      this.#nodes.set(BUCKET_COUNT + bucket, bucketHash(this.#sha256, bytes));
      level.add((BUCKET_COUNT + bucket) >> 1);
    }
    this.#stale.clear();
    // Level by level, so that a node above several changed buckets is hashed once.
    while (level.size > 0) {
      const above = new Set<number>();
      for (const node of level) {
        this.#nodes.set(node, stateNodeHash(this.#sha256, this.#nodeAt(2 * node), this.#nodeAt(2 * node + 1)));
        if (node > 1) above.add(node >> 1);
      }
      level = above;
    }
  }

  #encode(bucket: number, committed: Uint8Array): Uint8Array {
    const changed = this.#keysOfBucket.get(bucket) ?? new Set<string>();
    const entries: BucketEntry[] = decodeBucket(bucket, committed).filter(
      (entry) => !this.#isChanged(entry.key, changed),
    );
    for (const key of changed) {
      const value = this.#values.get(key);
      if (value !== undefined && value !== null) entries.push({ key: utf8Encode(key), value });
    }
    return encodeBucket(entries.sort((a, b) => compareBytes(a.key, b.key)));
  }

  /** Keys are ASCII, so a code unit is a byte. A rolled-back key is not changed, though it is still listed. */
  #isChanged(key: Uint8Array, changed: ReadonlySet<string>): boolean {
    const text = String.fromCharCode(...key);
    return changed.has(text) && this.#values.has(text);
  }

  #nodeAt(node: number): Uint8Array {
    return this.#nodes.get(node) ?? this.base.nodeAt(node);
  }

  #checkBase(): void {
    if (this.base.version !== this.baseVersion) {
      throw new ChainError('LEDGER_STATE_OVERLAY', { detail: 'the state below it has changed' });
    }
  }
}
