import { ChainError } from '../errors/chain-error.ts';
import { auditEntries, previousLeaf } from '../ledger/audit-index.ts';
import type { VerifiedRecord } from './answer.ts';

export type ChainedBy = 'object' | 'namespace';
export type RecordQuery = Readonly<Record<string, string>>;

const filters = ['object', 'namespace', 'actor', 'decision', 'operation', 'proposal', 'kind'];

/** Throws CLIENT_FOREIGN_RECORD if a record does not fit the filter that it was asked with. */
export function checkFits(record: VerifiedRecord, query: RecordQuery): void {
  const { index, leaf, transaction } = record;
  const entries = auditEntries(index, transaction.payload, leaf.result, 0);
  for (const by of filters) {
    const key = query[by];
    if (key !== undefined && !entries.some(([entryBy, entryKey]) => entryBy === by && entryKey === key)) {
      throw new ChainError('CLIENT_FOREIGN_RECORD', { list: `${by}=${key}`.slice(0, 200), index });
    }
  }
}

/**
 * Follows the chain of records of one object or namespace from the newest back. The state names the newest one, each record the
 * one before it; a record that is left out, put in or moved breaks a link.
 */
export class ChainWalk {
  readonly #by: ChainedBy;
  readonly #key: string;
  /** Newest record by the proven state, until it was met. */
  #latest: number | null;
  /** Index that must come next; undefined at the beginning, where records may stand that are newer than the state. */
  #expected: number | null | undefined;

  /** `key` as in the audit index: of a leaf about many objects, it says which of its predecessors counts. */
  constructor(by: ChainedBy, key: string, latest: number | null) {
    this.#by = by;
    this.#key = key;
    this.#latest = latest;
  }

  /** The next older record. Throws CLIENT_INCOMPLETE. */
  step(record: VerifiedRecord): void {
    const { index } = record;
    if (this.#expected !== undefined && index !== this.#expected) throw this.#missing(this.#expected ?? index);
    if (this.#latest !== null) {
      if (index < this.#latest) throw this.#missing(this.#latest);
      if (index === this.#latest) this.#latest = null;
    }
    this.#expected = previousLeaf(record.transaction.payload, record.leaf.prev, this.#by, this.#key);
  }

  /** Nothing comes after it. Throws CLIENT_INCOMPLETE unless the chain is at its end. */
  end(): void {
    if (this.#latest !== null) throw this.#missing(this.#latest);
    if (typeof this.#expected === 'number') throw this.#missing(this.#expected);
  }

  #missing(index: number): ChainError {
    return new ChainError('CLIENT_INCOMPLETE', { list: this.#by, missing: index });
  }
}
