import { describe, expect, it } from 'vitest';
import { faultyMax, isQuorum, proposerOf, quorumOf } from '../../../src/consensus/index.ts';
import { isTimely } from '../../../src/consensus/timely.ts';
import { timeoutMs } from '../../../src/consensus/timeouts.ts';
import type { ChainParams } from '../../../src/types/chain.ts';

const params: ChainParams = {
  timeoutProposeMs: 500,
  timeoutProposeDeltaMs: 250,
  timeoutVoteMs: 250,
  timeoutVoteDeltaMs: 100,
  timeoutMaxMs: 30_000,
  blockBytesMax: 1,
  blockTxsMax: 1,
  precisionMs: 500,
  messageDelayMs: 1_000,
  bodyRetentionMs: 400 * 86_400_000,
  proposalRetentionMs: 30 * 86_400_000,
};

describe('a quorum', () => {
  it('is more than two thirds, for every set that is allowed', () => {
    for (let n = 1; n <= 32; n++) {
      const smallest = Array.from({ length: n }, (_, i) => i + 1).find((votes) => isQuorum(votes, n));
      expect(smallest).toBe(quorumOf(n));
      // Any two quorums share a correct validator, and the correct ones alone are a quorum.
      expect(2 * quorumOf(n) - n).toBeGreaterThan(faultyMax(n));
      expect(isQuorum(n - faultyMax(n), n)).toBe(true);
    }
  });

  it('is 3 of 4, 3 of 3, 5 of 6, 5 of 7', () => {
    expect([4, 3, 6, 7].map(quorumOf)).toEqual([3, 3, 5, 5]);
    expect([1, 2, 3, 4, 7].map(faultyMax)).toEqual([0, 0, 0, 1, 2]);
  });
});

describe('the proposer', () => {
  it('is (h + r) mod n: everybody in turn', () => {
    expect([0, 1, 2, 3].map((round) => proposerOf(6, round, 4))).toEqual([2, 3, 0, 1]);
  });
});

describe('timeouts', () => {
  it('grow with the round and are capped', () => {
    expect([0, 1, 2].map((round) => timeoutMs(params, 'propose', round))).toEqual([500, 750, 1_000]);
    expect([0, 1, 2].map((round) => timeoutMs(params, 'prevote', round))).toEqual([250, 350, 450]);
    expect(timeoutMs(params, 'precommit', 3)).toBe(550);
    expect(timeoutMs(params, 'propose', 4_000_000_000)).toBe(30_000);
  });
});

describe('the time of a fresh proposal', () => {
  const receivedMs = 100_000;
  const timely = (blockTimeMs: number, round = 0, lastMs = 0): boolean =>
    isTimely(params, round, blockTimeMs, receivedMs, lastMs);

  it('may lie a precision ahead and a precision and a delay behind, to the millisecond', () => {
    expect(timely(receivedMs + 500)).toBe(true);
    expect(timely(receivedMs + 501)).toBe(false);
    expect(timely(receivedMs - 1_500)).toBe(true);
    expect(timely(receivedMs - 1_501)).toBe(false);
  });

  it('may be older in later rounds, within the cap', () => {
    expect(timely(receivedMs - 1_600, 1)).toBe(true);
    expect(timely(receivedMs - 1_601, 1)).toBe(false);
    expect(timely(receivedMs - 30_501, 10_000)).toBe(false);
  });

  it('is always fine at exactly the last block plus one', () => {
    expect(timely(11, 0, 10)).toBe(true);
    expect(timely(12, 0, 10)).toBe(false);
    expect(timely(10_000_001, 0, 10_000_000)).toBe(true);
  });
});
