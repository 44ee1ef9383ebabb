import type { Prng } from '../prng.ts';

/** How a disk behaves. The storm changes it; a healed one is fast and sound. */
export class DiskHealth {
  /** Nothing more fits: writes that need new space fail with ENOSPC. */
  isFull = false;
  /** Each sync takes up to this much longer. */
  slowMs = 0;
  /** So many of the next syncs fail with EIO. */
  failingSyncs = 0;

  heal(): void {
    this.isFull = false;
    this.slowMs = 0;
    this.failingSyncs = 0;
  }

  syncMs(prng: Prng): number {
    const usual = prng.chance(0.05) ? prng.between(5, 60) : 0.3;
    return usual + (this.slowMs > 0 ? prng.below(this.slowMs) : 0);
  }
}

export function systemError(code: 'EIO' | 'ENOSPC' | 'ENOENT' | 'EEXIST', what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
