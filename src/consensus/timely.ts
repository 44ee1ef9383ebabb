import type { ChainParams } from '../types/chain.ts';

/**
 * Proposer-based timestamps: whether a fresh proposal received at `receivedMs` may carry `blockTimeMs`. Judged only when
 * prevoting a fresh proposal, never on sync or on a block that has a polka. Exactly last + 1 ms is always timely, so wrong
 * clocks slow the chain but never stop it.
 */
export function isTimely(
  params: ChainParams,
  round: number,
  blockTimeMs: number,
  receivedMs: number,
  lastBlockTimeMs: number,
): boolean {
  if (blockTimeMs === lastBlockTimeMs + 1) return true;
  const ageMs = receivedMs - blockTimeMs;
  const delayMs = Math.min(params.messageDelayMs * 1.1 ** round, params.timeoutMaxMs);
  return ageMs >= -params.precisionMs && ageMs <= params.precisionMs + delayMs;
}
