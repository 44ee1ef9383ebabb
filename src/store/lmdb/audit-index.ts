import { buckets, orderedIndexNames } from './bucket-registry.ts';
import { indexPrefix, leafOf, orderedKey, withLeaf } from './key.ts';
import type { Table, Write } from './table.ts';

const empty = new Uint8Array(0);
const leafMax = 2 ** 48 - 1;
/** Under this key an ordered index lists all its leaves. */
const allLeaves = '';

export interface IndexPage {
  /** Only leaves below this one; the last index of a page is the `before` of the next. */
  readonly before?: number;
  /** Only leaves from this one on. */
  readonly from?: number;
  /** At most this many. */
  readonly limit: number;
}

/** Bounds of an ordered index, both inclusive; its keys fall as leaves get newer, so `newest` sorts before `oldest`. */
export interface IndexKeys {
  readonly newest?: string;
  readonly oldest?: string;
}

/**
 * Audit indexes: (name, key) -> leaf indexes. A key ends at its first space: what the ledger puts after it (the leaf's
 * position) is what the store orders by anyway.
 *
 * An ordered index (time) has one row for each key, which holds the first leaf of that key, beside the list of all its leaves.
 * Since a newer leaf never has an older key, a range of keys is a range of leaves, found with two look-ups.
 */
export class AuditIndexes {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  writes(entries: readonly (readonly [name: string, key: string, leaf: number])[]): Write[] {
    const writes: Write[] = [];
    const begun = new Set<string>();
    for (const [name, fullKey, leaf] of entries) {
      const key = keyOf(fullKey);
      const ordered = orderedIndexNames.has(name);
      writes.push([withLeaf(indexPrefix(name, ordered ? allLeaves : key), leaf), empty]);
      if (!ordered) continue;
      const row = orderedKey(name, key);
      const seen = row.toString('latin1');
      if (begun.has(seen) || this.#table.has(row)) continue;
      begun.add(seen);
      writes.push([row, withLeaf(Buffer.alloc(0), leaf)]);
    }
    return writes;
  }

  /** Leaves of one key, newest first. Costs what it returns, whatever lies before or after. */
  leaves(name: string, key: string, page: IndexPage): number[] {
    if (orderedIndexNames.has(name)) return this.leavesInRange(name, { newest: key, oldest: key }, page);
    return this.#list(indexPrefix(name, keyOf(key)), page);
  }

  /** Leaves whose keys are in the range, newest first. Throws STORE_KEY if the index is not ordered. */
  leavesInRange(name: string, keys: IndexKeys, page: IndexPage): number[] {
    const lowest = orderedKey(name, '');
    const newest = orderedKey(name, keyOf(keys.newest ?? ''));
    const beyond = keys.oldest === undefined ? '\u{10ffff}' : `${keyOf(keys.oldest)}\0`;
    const oldest = this.#lastRow(newest, orderedKey(name, beyond));
    if (oldest === undefined) return [];
    const newer = this.#lastRow(lowest, newest);
    const before = Math.min(page.before ?? leafMax, newer ?? leafMax);
    const from = Math.max(page.from ?? 0, oldest);
    return this.#list(indexPrefix(name, allLeaves), { before, from, limit: page.limit });
  }

  #list(prefix: Buffer, page: IndexPage): number[] {
    const { before = leafMax, from = 0, limit } = page;
    if (before <= from) return [];
    return this.#table
      .keys({ from: withLeaf(prefix, from), to: withLeaf(prefix, before), reverse: true, limit })
      .map(leafOf);
  }

  /** First leaf of the highest key in [from, to). */
  #lastRow(from: Buffer, to: Buffer): number | undefined {
    const [key] = this.#table.keys({ from, to, reverse: true, limit: 1 });
    const value = key === undefined ? undefined : this.#table.get(key);
    return value === undefined ? undefined : leafOf(value);
  }
}

/** The range of all rows of ordered indexes; for fsck. */
export const orderedRows = {
  from: Buffer.from([buckets.orderedIndex.number]),
  to: Buffer.from([buckets.orderedIndex.number + 1]),
};

function keyOf(fullKey: string): string {
  const space = fullKey.indexOf(' ');
  return space < 0 ? fullKey : fullKey.slice(0, space);
}
