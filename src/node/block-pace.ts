/** Of the time that others wait for a proposal, what the proposer may take to execute its block: they execute it too before they vote. */
const proposeShare = 0.4;
/** A block of fewer says little of what one transaction costs: a machine that is busy otherwise makes it slow all the same. */
const sampleTxsMin = 32;
/** However slow the machine is, a block takes so many: four organisations have some each. */
const txsMin = 64;
/** As long as nothing is known. */
const txsAtFirst = 256;
/** Weight of the newest block. */
const newest = 0.3;

/**
 * How many transactions a block may hold for its execution to be over in good time. A chain that is asked for more than it can do decides more blocks then, not larger
 * ones: otherwise each height would take seconds, fail its first rounds, and whoever waits for one change would wait in vain.
 */
export class BlockPace {
  /** Of blocks that were worth a look; a machine that is quick beyond measure still has a number. */
  #msPerTx = 0;

  /** A block of so many was executed here in this time. */
  note(txs: number, elapsedMs: number): void {
    // A clock that was set back says nothing.
    if (txs < sampleTxsMin || elapsedMs < 0) return;
    const seen = Math.max(elapsedMs, 0.1) / txs;
    this.#msPerTx = this.#msPerTx === 0 ? seen : this.#msPerTx * (1 - newest) + seen * newest;
  }

  /** At most `max`, what the chain allows. */
  txsMax(max: number, timeoutProposeMs: number): number {
    if (this.#msPerTx === 0) return Math.min(max, txsAtFirst);
    return Math.min(max, Math.max(txsMin, Math.floor((timeoutProposeMs * proposeShare) / this.#msPerTx)));
  }
}
