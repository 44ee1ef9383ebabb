import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeAttributes } from '../../../src/types/change.ts';
import type { Hash } from '../../../src/types/brand.ts';
import type { TxResult } from '../../../src/types/transaction.ts';
import type { Committee } from '../committee.ts';

const BEHIND_TIMEOUT_MS = 60_000;
const POLL_INTERVAL_MS = 50;

/** One leaf of a mutation. */
export interface MutationLeaf {
  readonly index: number;
  readonly result: TxResult;
  readonly attributes: ChangeAttributes;
  readonly digest: { readonly diff: Hash; readonly strict: Hash };
}

/** All mutations on the log, verified, oldest first; grows with `catchUp`. */
export class MutationLog {
  readonly #committee: Committee;
  readonly #leaves = new Map<number, MutationLeaf>();
  #reading: Promise<void> = Promise.resolve();

  constructor(committee: Committee) {
    this.#committee = committee;
  }

  get leaves(): readonly MutationLeaf[] {
    return [...this.#leaves.values()].toSorted((a, b) => a.index - b.index);
  }

  /** Everything that any node had committed before the call. */
  catchUp(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  async #read(): Promise<void> {
    const known = Math.max(-1, ...this.#leaves.keys());
    const statuses = await this.#committee.reader.statuses();
    const height = Math.max(...statuses.map(({ status }) => Number(status?.['height'] ?? 0)));
    const deadline = performance.now() + BEHIND_TIMEOUT_MS;
    for (let before: number | null = null; ;) {
      const page = await this.#committee.records({
        kind: 'mutation',
        // Few are new at each look.
        limit: known < 0 ? '500' : '50',
        ...(before === null ? {} : { before: String(before) }),
      });
      // A node that is behind shows less than another one has acknowledged.
      if (page.head.header.height < height) {
        if (performance.now() > deadline) throw new Error(`no node shows the records up to height ${height}`);
        await sleep(POLL_INTERVAL_MS);
        continue;
      }
      for (const { index, leaf, transaction } of page.records) {
        const { payload } = transaction;
        if (payload.kind !== 'mutation') throw new Error(`leaf ${index} is no mutation`);
        const { attributes, digest } = payload.attestation;
        this.#leaves.set(index, { index, result: leaf.result, attributes, digest });
      }
      if (page.next === null || page.records.some(({ index }) => index <= known)) return;
      before = page.next;
    }
  }
}
