import type { ChainParams, ConfigPolicy } from '../types/chain.ts';
import { BLOCK_TXS_CAP } from './limits.ts';

export interface Range {
  readonly floor: number;
  readonly cap: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * Floors and caps of the governed parameters, for genesis and for a vote alike. A floor keeps the chain from stopping or spinning,
 * a cap keeps one vote from making it useless.
 */
export const PARAM_RANGES: { readonly [K in keyof ChainParams]: Range } = {
  // Below 10 ms a proposal cannot cross a LAN and be executed; beyond 30 s a dead proposer blocks admission for too long.
  timeoutProposeMs: { floor: 10, cap: 30_000 },
  // Timeouts must grow with the round, or a slow network never decides.
  timeoutProposeDeltaMs: { floor: 1, cap: 10_000 },
  timeoutVoteMs: { floor: 10, cap: 30_000 },
  timeoutVoteDeltaMs: { floor: 1, cap: 10_000 },
  timeoutMaxMs: { floor: 1_000, cap: 120_000 },
  // One transaction of the largest size with header and certificate must fit; 4 MiB still crosses 100 Mbit/s in 0.4 s.
  blockBytesMax: { floor: 128 * 1024, cap: 4 * 1024 * 1024 },
  blockTxsMax: { floor: 1, cap: BLOCK_TXS_CAP },
  // Clocks under NTP agree within 10 ms; a minute apart, deadlines mean nothing.
  precisionMs: { floor: 10, cap: MINUTE_MS },
  messageDelayMs: { floor: 10, cap: MINUTE_MS },
  // A proposal goes on for 60 days at most (policy-parse.ts): what is voted on must be there.
  bodyRetentionMs: { floor: 90 * DAY_MS, cap: 100 * 365 * DAY_MS },
  // A minute is for rehearsals. Beyond a year the state of a busy chain only grows.
  proposalRetentionMs: { floor: MINUTE_MS, cap: 365 * DAY_MS },
};

const CONFIG_POLICY_RANGES: { readonly [K in 'delayMs' | 'votingMs']: Range } = {
  delayMs: { floor: 0, cap: 30 * DAY_MS },
  // A second is for rehearsals; a vote that stays open for a quarter is forgotten.
  votingMs: { floor: 1_000, cap: 90 * DAY_MS },
};

export interface OutOfRange extends Range {
  readonly field: string;
  readonly value: number;
}

/** The first parameter outside its range, or undefined. */
export function paramsOutOfRange(params: ChainParams): OutOfRange | undefined {
  return outOfRange(params, PARAM_RANGES);
}

export function configPolicyOutOfRange(policy: ConfigPolicy): OutOfRange | undefined {
  return outOfRange(policy, CONFIG_POLICY_RANGES);
}

function outOfRange<K extends string>(
  values: Record<NoInfer<K>, number>,
  ranges: Record<K, Range>,
): OutOfRange | undefined {
  for (const field of Object.keys(ranges) as K[]) {
    const { floor, cap } = ranges[field];
    const value = values[field];
    if (value < floor || value > cap) return { field, value, floor, cap };
  }
  return undefined;
}
