import { ChainError } from '../../errors/chain-error.ts';
import { orderedIndexNames } from './bucket-registry.ts';
import { indexPrefix, leafOf, orderedPrefix, withLeaf } from './key.ts';
import type { Table, Write } from './table.ts';

const empty = new Uint8Array(0);
const leafMax = 2 ** 48 - 1;

export interface IndexPage {
  /** Only leaves below this one; the last index of a page is the `before` of the next. */
  readonly before?: number;
  /** Only leaves from this one on. */
  readonly from?: number;
  /** At most this many. */
  readonly limit: number;
}

export interface IndexKeys {
  /** Inclusive; the lowest key if left out. */
  readonly since?: string;
  /** Exclusive; no bound if left out. */
  readonly until?: string;
}

/** Audit indexes: (name, key) -> leaf indexes. `time` keys sort as text, so they must have a fixed width. */
export class AuditIndexes {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  write(name: string, key: string, leaf: number): Write {
    const ordered = orderedIndexNames.has(name);
    return [withLeaf(ordered ? orderedPrefix(name, checkedKey(name, key), true) : indexPrefix(name, key), leaf), empty];
  }

  /** Leaves of one key, newest first. Costs what it returns, whatever lies before or after. */
  leaves(name: string, key: string, page: IndexPage): number[] {
    const prefix = orderedIndexNames.has(name) ? orderedPrefix(name, key, true) : indexPrefix(name, key);
    const to = withLeaf(prefix, Math.min(page.before ?? leafMax, leafMax));
    const keys = this.#table.keys({ from: withLeaf(prefix, page.from ?? 0), to, reverse: true, limit: page.limit });
    return keys.map(leafOf);
  }

  /** Leaves of a range of keys of an ordered index, newest key first. Skips over leaves that `page` excludes one by one. */
  leavesInRange(name: string, keys: IndexKeys, page: IndexPage): number[] {
    const { from, to } = this.#bounds(name, keys);
    if (page.before === undefined && page.from === undefined) {
      return this.#table.keys({ from, to, reverse: true, limit: page.limit }).map(leafOf);
    }
    const leaves = this.#table.keys({ from, to, reverse: true }).map(leafOf);
    const { before = leafMax, from: lowest = 0 } = page;
    return leaves.filter((leaf) => leaf < before && leaf >= lowest).slice(0, page.limit);
  }

  /** The first leaf whose key is `since` or later: turns a time into a bound on leaves, since both rise together. */
  firstLeaf(name: string, since: string): number | undefined {
    const { from, to } = this.#bounds(name, { since });
    const [key] = this.#table.keys({ from, to, limit: 1 });
    return key === undefined ? undefined : leafOf(key);
  }

  #bounds(name: string, keys: IndexKeys): { readonly from: Buffer; readonly to: Buffer } {
    if (!orderedIndexNames.has(name)) {
      throw new ChainError('STORE_KEY', { what: `index ${name}`, detail: 'its keys do not sort' });
    }
    const to =
      keys.until === undefined ? Buffer.concat([orderedPrefix(name, '', false), Buffer.from([0xff])]) : undefined;
    return {
      from: orderedPrefix(name, keys.since ?? '', false),
      to: to ?? orderedPrefix(name, keys.until ?? '', false),
    };
  }
}

function checkedKey(name: string, key: string): string {
  if (key === '') throw new ChainError('STORE_KEY', { what: `index ${name}`, detail: 'an ordered key is not empty' });
  return key;
}
