/** A quick disk syncs in less. */
const quickMs = 1;
/** So many in a row that took longer are the disk. Fewer may be a busy machine, on which a quick sync ends late because the thread gets no processor. */
const slowInARow = 16;
/** One alone that takes so long is a disk that hangs. */
const stallMs = 50;
/** For so long after that the thread pool syncs, and then it is tried again: whatever the disk does, it stops the event loop for little of the time. */
const restMs = 30_000;

/**
 * Whether to sync in the thread of the event loop. A quick disk syncs in 0.1 ms, less than the two ways through the thread pool, which on a busy machine
 * are two waits for a processor; and consensus has nothing else to do for this height before the sync is over. A slow disk must not stop the event loop: there the
 * thread pool takes over.
 */
export class SyncPace {
  readonly #now: () => number;
  #slow = 0;
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
    this.#slow = tookMs > quickMs ? this.#slow + 1 : 0;
    if (tookMs < stallMs && this.#slow < slowInARow) return;
    this.#slow = 0;
    this.#restsUntilMs = nowMs + restMs;
  }
}
