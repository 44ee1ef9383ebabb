import type { Round } from '../types/brand.ts';

/** The only place where a round gets its brand inside the core: these are computed, not decoded. */
export function roundNumber(value: number): Round {
  return value as Round;
}

export const firstRound = roundNumber(0);
