/** Bounds of the wait. */
const waitMinMs = 4;
export const waitMaxMs = 32;
/** Of the time from one decision to the next. */
const waitShare = 1 / 3;

/**
 * When a proposer begins a block. A height costs every node about as much as ten transactions, so a block should take all that is under way: whoever is told of
 * a decision mostly asks for the next one at once, and the block that began without it would make it wait for another height. How many are under way shows at each
 * decision: those that it held and those that waited already. With one client there is nothing to wait for.
 */
export class Gathering {
  #wanted = 0;
  #decidedMs = Number.NEGATIVE_INFINITY;
  #waitMs = waitMinMs;

  /** A block of so many transactions was decided here, and so many wait. */
  decided(transactions: number, waiting: number, nowMs: number): void {
    this.#wanted = transactions + waiting;
    this.#waitMs = Math.min(waitMaxMs, Math.max(waitMinMs, (nowMs - this.#decidedMs) * waitShare));
    this.#decidedMs = nowMs;
  }

  /** How long a block of so many would better wait for those that are on their way; 0: not at all. */
  waitMs(waiting: number, transactionsMax: number): number {
    return waiting < Math.min(this.#wanted, transactionsMax) ? this.#waitMs : 0;
  }

  /** It was waited in vain: what is here is what there is. */
  gaveUp(): void {
    this.#wanted = 0;
  }
}
