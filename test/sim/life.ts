import type { Prng } from './prng.ts';
import type { Place } from './virtual/place.ts';

/** What the simulator knows of a node's process: everything that an earlier life scheduled or waits for is void. */
export interface Life extends Place {
  readonly isOver: boolean;
  readonly prng: Prng;
  /** Asked before each effect on the world. False: the process has just died, or was dead; nothing may happen any more. */
  acts(effect: string): boolean;
}

/** For what a dead process waits for. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}

/** Resolves after so many milliseconds of true virtual time, unless the life is over. */
export function later(life: Life, delayMs: number): Promise<void> {
  return new Promise((resolve) => void life.after(delayMs, resolve));
}
