/** Consensus write-ahead log: append-only, checksummed, segments preallocated and recycled. See `src/store/wal`. */
export interface WriteAheadLog {
  /**
   * Appends the records as one write and makes them durable (fdatasync). Resolves when durable; rejects with WAL_IO and
   * then refuses everything. `height` is that of the records; left out, that of the triple. Calls are serialised; records of calls that wait together share one sync.
   * `height` is that of the records, for truncateBefore; left out, it is the triple's.
   */
  append(records: readonly Uint8Array[], triple: SignedTriple, height?: number): Promise<void>;
  /**
   * Drops the oldest records as long as they are of heights below `height`, after those heights were committed and synced
   * elsewhere: to be called with h + 1 once h is in the store.
   */
  truncateBefore(height: number): Promise<void>;
  close(): Promise<void>;
}

/** The last signed (height, round, step); step: 0 none, 1 proposal, 2 prevote, 3 precommit. Kept in a second, checksummed slot. */
export interface SignedTriple {
  readonly height: number;
  readonly round: number;
  readonly step: number;
}

export interface WalReplay {
  readonly records: readonly Uint8Array[];
  readonly triple: SignedTriple | null;
  /** clean; torn: an unfinished, never sent tail was dropped; damaged: do not sign, see `detail`; missing: key without log. */
  readonly condition: 'clean' | 'torn' | 'damaged' | 'missing';
  readonly detail: string;
}
