/** Of a block that is under way what is left, and the one that holds what comes now: until then it waits in any case. */
const blocksAtLeast = 1.5;
/** Weight of the newest block. */
const newest = 0.2;
/** One block counts as so many times the mean at most, and this many milliseconds: a height that had to do without its proposer makes no slow chain, several such do. */
const outlier = 3;
const outlierMs = 100;
/** Transactions of a block, as long as nothing is known. */
const txsAtFirst = 64;

/**
 * How long what comes now would wait for its decision, by what the blocks of late took. An estimate: it is there to say no to what would be waited for in vain, before anybody
 * has it, and says nothing against anything as long as all that waits fits into the next block or two.
 */
export class QueueTime {
  #txs = txsAtFirst;
  #intervalMs = 0;
  #decidedMs = Number.NEGATIVE_INFINITY;
  #hadWork = false;

  /** A block of so many transactions was decided here, and so many were left waiting. */
  decided(txs: number, left: number, nowMs: number): void {
    // Where more is left than it took, it took what it could; otherwise it says only that so much would not have been too much.
    this.#txs = left >= txs ? mean(this.#txs, Math.max(1, txs)) : Math.max(this.#txs, txs + left);
    // A chain that has nothing to do decides seldom, and a clock that was set says nothing.
    const elapsedMs = nowMs - this.#decidedMs;
    if (this.#hadWork && elapsedMs >= 0)
      this.#intervalMs = mean(this.#intervalMs, Math.min(elapsedMs, this.#intervalMs * outlier + outlierMs));
    this.#decidedMs = nowMs;
    this.#hadWork = left > 0;
  }

  /** Milliseconds, for one before which so many are taken. */
  waitMs(ahead: number): number {
    return (Math.floor(ahead / this.#txs) + blocksAtLeast) * this.#intervalMs;
  }
}

function mean(before: number, now: number): number {
  return before * (1 - newest) + now * newest;
}
