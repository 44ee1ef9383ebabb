import type { Hash } from '../types/brand.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { StateReader, TreeSource } from '../ports/state.ts';
import { ChainError } from '../errors/chain-error.ts';
import { bytesEqual, toHex, utf8Encode } from '../codec/index.ts';
import { BUCKET_COUNT, STATE_HASH_BYTES, bucketHash, bucketOf, findInBucket, stateNodeHash } from './state-bucket.ts';
import { StateOverlay } from './state-overlay.ts';
import { STATE_TREE_DEPTH, type StateProof } from './state-proof.ts';

type BucketSource = Pick<TreeSource, 'readBucket' | 'filledBuckets'>;

/**
 * The authenticated state: 2^16 buckets under a fixed binary tree of depth 16.
 *   bucket hash = SHA-256("kubectl-chain/state-bucket/v1" 0x00 bucket bytes), 32 zero bytes for an empty one
 *   node        = SHA-256("kubectl-chain/state-node/v1" 0x00 left right)
 * All node hashes are in memory, 2^17 x 32 bytes = 4 MiB; buckets are read from the store. A write costs one bucket and 16
 * hashes, and these are shared by all writes of a block.
 *
 * Nodes are numbered as in a heap: 1 is the root, the children of i are 2i and 2i + 1, bucket b is 65536 + b.
 */
export class StateTree implements StateReader {
  readonly #source: BucketSource;
  readonly #sha256: Sha256;
  readonly #nodes: Uint8Array;
  #version = 0;

  private constructor(source: BucketSource, sha256: Sha256) {
    this.#source = source;
    this.#sha256 = sha256;
    this.#nodes = new Uint8Array(2 * BUCKET_COUNT * STATE_HASH_BYTES);
  }

  /** Reads and hashes every bucket; nothing that is stored as a hash is believed. */
  static load(source: BucketSource, sha256: Sha256): StateTree {
    const tree = new StateTree(source, sha256);
    const filled: number[] = [];
    for (const bucket of source.filledBuckets?.() ?? everyBucket()) {
      const bytes = source.readBucket(bucket);
      if (bytes === undefined) continue;
      tree.#setNode(BUCKET_COUNT + bucket, bucketHash(sha256, bytes));
      filled.push(BUCKET_COUNT + bucket);
    }
    tree.#foldAll(filled);
    return tree;
  }

  get(key: string): Uint8Array | undefined {
    const bucket = bucketOf(this.#sha256, key);
    return findInBucket(bucket, this.bucketBytes(bucket), utf8Encode(key));
  }

  root(): Hash {
    return toHex(this.nodeAt(1)) as Hash;
  }

  /** Changes to be made on top of this state; nothing is changed before `apply`. */
  overlay(): StateOverlay {
    return new StateOverlay(this, this.#sha256);
  }

  /**
   * Makes the overlay the state. The store must hold its `bucketWrites` already, since buckets are read from there.
   * Throws LEDGER_STATE_OVERLAY if the state is no longer the one that the overlay was made on.
   */
  apply(overlay: StateOverlay): void {
    if (overlay.base !== this || overlay.baseVersion !== this.#version) {
      throw new ChainError('LEDGER_STATE_OVERLAY', { detail: 'the state below it has changed' });
    }
    for (const [node, hash] of overlay.changedNodes()) this.#setNode(node, hash);
    this.#version++;
  }

  /**
   * Shows the value of `key`, or that there is none, under the current root. Throws LEDGER_STATE_MOVED in the moment in which the
   * store has a block's writes and this tree has not.
   */
  prove(key: string): StateProof {
    const bucket = bucketOf(this.#sha256, key);
    const bytes = new Uint8Array(this.bucketBytes(bucket));
    if (!bytesEqual(bucketHash(this.#sha256, bytes), this.nodeAt(BUCKET_COUNT + bucket))) {
      throw new ChainError('LEDGER_STATE_MOVED', { bucket });
    }
    const siblings: Uint8Array[] = [];
    for (let node = BUCKET_COUNT + bucket; node > 1; node >>= 1) siblings.push(this.nodeAt(node ^ 1).slice());
    return { bucket: bytes, siblings };
  }

  /** Counts the overlays applied. */
  get version(): number {
    return this.#version;
  }

  /** Hashes of all buckets, 32 bytes each: a copy, so that it stays what it is when the state goes on. */
  bucketHashes(): Uint8Array {
    return this.#nodes.slice(BUCKET_COUNT * STATE_HASH_BYTES);
  }

  /** Committed bytes; empty for an empty bucket. */
  bucketBytes(bucket: number): Uint8Array {
    return this.#source.readBucket(bucket) ?? NO_BYTES;
  }

  /** A view of the 32 bytes of one node, valid until the next `apply`. */
  nodeAt(node: number): Uint8Array {
    return this.#nodes.subarray(node * STATE_HASH_BYTES, (node + 1) * STATE_HASH_BYTES);
  }

  #setNode(node: number, hash: Uint8Array): void {
    this.#nodes.set(hash, node * STATE_HASH_BYTES);
  }

  /** Every inner node, above the filled buckets (ascending); one hash for all empty subtrees of a level, since most are empty in a young chain. */
  #foldAll(filled: readonly number[]): void {
    let emptyChild: Uint8Array = new Uint8Array(STATE_HASH_BYTES);
    let changed = filled;
    for (let level = STATE_TREE_DEPTH - 1; level >= 0; level--) {
      const emptyNode = stateNodeHash(this.#sha256, emptyChild, emptyChild);
      this.#fillLevel(level, emptyNode);
      changed = parentsOf(changed);
      for (const node of changed)
        this.#setNode(node, stateNodeHash(this.#sha256, this.nodeAt(2 * node), this.nodeAt(2 * node + 1)));
      emptyChild = emptyNode;
    }
  }

  #fillLevel(level: number, hash: Uint8Array): void {
    const from = 2 ** level * STATE_HASH_BYTES;
    const to = 2 * from;
    this.#nodes.set(hash, from);
    for (let done = STATE_HASH_BYTES; from + done < to; done *= 2)
      this.#nodes.copyWithin(from + done, from, from + done);
  }
}

const NO_BYTES = new Uint8Array();

function* everyBucket(): Generator<number> {
  for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) yield bucket;
}

/** Each once; `nodes` are ascending, and so are they. */
function parentsOf(nodes: readonly number[]): number[] {
  const parents: number[] = [];
  for (const node of nodes) if (parents.at(-1) !== node >> 1) parents.push(node >> 1);
  return parents;
}
