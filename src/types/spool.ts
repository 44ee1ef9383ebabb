import type { Hash } from './brand.ts';

/** Under `spool/<node>/<spool>` in the state: how far the spool is in the log. */
export interface SpoolHead {
  /** Place of the entry that must come next. */
  readonly next: number;
  /** Of all entries before it. */
  readonly hash: Hash;
  /** The transaction that brought the last ones, and its leaf. */
  readonly tx: Hash;
  readonly leaf: number;
}

/** Under `spools/<node>` in the state: over all spools of the node. */
export interface SpoolTotals {
  readonly records: number;
  /** How often the spool was full. */
  readonly gaps: number;
  /** Writes that it did not take, as far as they were counted. */
  readonly lost: number;
  /** The gap that is not closed yet, by the node's clock; null if there is none. */
  readonly openSinceMs: number | null;
}
