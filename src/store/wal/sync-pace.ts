/** Beyond this mean of the last few, the disk is none whose syncs are waited for in the event loop. */
const quickMs = 1.5;
/** One alone that takes so long is a disk that hangs. */
const stallMs = 50;
/** What one counts for at most: on a busy machine a quick sync ends late now and then because the thread gets no processor. */
const countedMs = 6;
/** Share of the newest one in the mean. */
const weight = 1 / 8;
/** For so long after that the thread pool syncs, and then it is tried again: whatever the disk does, it stops the event loop for little of the time. */
const restMs = 5_000;

/**
 * Whether to sync in the thread of the event loop. A quick disk syncs in 0.1 ms, less than the two ways through the thread pool, which on a busy machine
 * are two waits for a processor; and consensus has nothing else to do for this height before the sync is over. A slow disk must not stop the event loop: there the
 * thread pool takes over.
 */
export class SyncPace {
  readonly #now: () => number;
  #meanMs = 0;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  /** Milliseconds, monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get isQuick(): boolean {
    return this.#now() >= this.#restsUntilMs;
  }

  /** Runs a sync that blocks. One that fails counts like any other, and throws. */
  timed(sync: () => void): void {
    const fromMs = this.#now();
    try {
      sync();
    } finally {
      const nowMs = this.#now();
      this.#note(nowMs - fromMs, nowMs);
    }
  }

  #note(tookMs: number, nowMs: number): void {
    this.#meanMs += (Math.min(tookMs, countedMs) - this.#meanMs) * weight;
    if (tookMs < stallMs && this.#meanMs <= quickMs) return;
    this.#meanMs = 0;
    this.#restsUntilMs = nowMs + restMs;
  }
}
