import type { ChainParams } from '../types/chain.ts';

export type TimeoutKind = 'propose' | 'prevote' | 'precommit';

/** Grows with the round, so that some round is long enough whatever the network's delay is; capped. Milliseconds. */
export function timeoutMs(params: ChainParams, kind: TimeoutKind, round: number): number {
  const grown =
    kind === 'propose'
      ? params.timeoutProposeMs + params.timeoutProposeDeltaMs * round
      : params.timeoutVoteMs + params.timeoutVoteDeltaMs * round;
  return Math.min(grown, params.timeoutMaxMs);
}
