/**
 * What the deterministic state machine reads and writes. Synchronous: a value that was read is never read again after an
 * await. Keys are ASCII, at most 512 bytes; values are canonical JSON bytes.
 */
export interface StateReader {
  get(key: string): Uint8Array | undefined;
}
export interface StateWriter extends StateReader {
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
}

/** Where the buckets of the state tree and the nodes of the Merkle tree are kept; synchronous reads of committed data. */
export interface TreeSource {
  /** Encoded bucket 0..65535, or undefined if it is empty. */
  readBucket(bucket: number): Uint8Array | undefined;
  /** Numbers of the buckets that are not empty, ascending; a source without it is asked for each. */
  filledBuckets?(): readonly number[];
  /** RFC 6962 node hash: the 32-byte hash of the complete subtree of 2^level leaves that starts at index*2^level. */
  readNode(level: number, index: number): Uint8Array | undefined;
  /** Bytes of one leaf. */
  readLeaf(index: number): Uint8Array | undefined;
}

/** What one executed block writes; applied by the store in one transaction, all or nothing. */
export interface BlockWrites {
  readonly buckets: readonly (readonly [bucket: number, bytes: Uint8Array | null])[];
  readonly nodes: readonly (readonly [level: number, index: number, hash: Uint8Array])[];
  readonly leaves: readonly (readonly [index: number, bytes: Uint8Array])[];
  /** Audit indexes: bucket name, key, leaf index. See `src/ledger/audit-index.ts`. */
  readonly indexes: readonly (readonly [index: string, key: string, leaf: number])[];
  /** What left the state, by its key, with the proof that it stood there; see `src/ledger/archive.ts`. */
  readonly archive: readonly (readonly [key: string, bytes: Uint8Array])[];
}
