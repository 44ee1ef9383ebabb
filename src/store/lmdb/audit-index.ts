import { buckets, orderedIndexNames } from './bucket-registry.ts';
import { indexPrefix, leafOf, orderedKey, withLeaf } from './key.ts';
import type { Table, Write } from './table.ts';

const empty = new Uint8Array(0);
const leafMax = 2 ** 48 - 1;
/** Under this key an ordered index lists all its leaves. */
const allLeaves = '';
/** Sorts behind every key. */
const keyMax = '\u{10ffff}';

export interface IndexPage {
  /** Only leaves below this one; the last index of a page is the `before` of the next. */
  readonly before?: number;
  /** Only leaves from this one on. */
  readonly from?: number;
  /** At most this many. */
  readonly limit: number;
}

/** Bounds of an ordered index. Its keys rise with the leaves. */
export interface IndexKeys {
  /** Inclusive. */
  readonly since?: string;
  /** Exclusive. */
  readonly until?: string;
}

/**
 * Audit indexes: (name, key) -> leaf indexes. An ordered index (time) has one row for each key, which holds the first leaf of
 * that key, beside the list of all its leaves. Since a newer leaf never has a lower key, a range of keys is a range of leaves,
 * found with two look-ups.
 */
export class AuditIndexes {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  writes(entries: readonly (readonly [name: string, key: string, leaf: number])[]): Write[] {
    const writes: Write[] = [];
    const begun = new Set<string>();
    for (const [name, key, leaf] of entries) {
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
    if (orderedIndexNames.has(name)) return this.leavesInRange(name, { since: key, until: `${key}\0` }, page);
    return this.#list(indexPrefix(name, key), page);
  }

  /** Leaves whose keys are in the range, newest first. Throws STORE_KEY if the index is not ordered. */
  leavesInRange(name: string, keys: IndexKeys, page: IndexPage): number[] {
    const first = this.#firstRow(name, keys.since ?? '');
    if (first === undefined) return [];
    const beyond = keys.until === undefined ? undefined : this.#firstRow(name, keys.until);
    const before = Math.min(page.before ?? leafMax, beyond ?? leafMax);
    const from = Math.max(page.from ?? 0, first);
    return this.#list(indexPrefix(name, allLeaves), { before, from, limit: page.limit });
  }

  #list(prefix: Buffer, page: IndexPage): number[] {
    const { before = leafMax, from = 0, limit } = page;
    if (before <= from) return [];
    return this.#table
      .keys({ from: withLeaf(prefix, from), to: withLeaf(prefix, before), reverse: true, limit })
      .map(leafOf);
  }

  /** First leaf of the lowest key from `key` on. */
  #firstRow(name: string, key: string): number | undefined {
    const range = { from: orderedKey(name, key), to: orderedKey(name, keyMax), limit: 1 };
    const [row] = this.#table.keys(range);
    const value = row === undefined ? undefined : this.#table.get(row);
    return value === undefined ? undefined : leafOf(value);
  }
}

/** The range of all rows of ordered indexes; for fsck. */
export const orderedRows = {
  from: Buffer.from([buckets.orderedIndex.number]),
  to: Buffer.from([buckets.orderedIndex.number + 1]),
};
