import type { NetLimits } from './limits.ts';

/** Exponential backoff with jitter (half fixed, half random), one a peer. A connection that held for `stableMs` starts it anew. */
export class Backoff {
  readonly #limits: NetLimits;
  readonly #random: () => number;
  #attempts = 0;

  constructor(limits: NetLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Delay before the next dial, in milliseconds; the one after is up to twice as long. */
  nextDelayMs(): number {
    const fullMs = Math.min(this.#limits.backoffMaxMs, this.#limits.backoffMinMs * 2 ** this.#attempts);
    // Beyond this the cap rules for certain, and 2^attempts must stay finite.
    this.#attempts = Math.min(this.#attempts + 1, 32);
    return fullMs * (0.5 + 0.5 * this.#random());
  }

  connectionEnded(uptimeMs: number): void {
    if (uptimeMs >= this.#limits.stableMs) this.#attempts = 0;
  }
}
