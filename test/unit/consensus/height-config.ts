import type { HeightConfig } from '../../../src/consensus/index.ts';
import { chain, height } from './messages.ts';

/** Validator 1 of four at height 4, where validator r proposes in round r. */
export const heightConfig: HeightConfig = {
  height,
  validators: 4,
  self: 1,
  validatorsHash: chain,
  params: {
    timeoutProposeMs: 500,
    timeoutProposeDeltaMs: 250,
    timeoutVoteMs: 250,
    timeoutVoteDeltaMs: 100,
    timeoutMaxMs: 30_000,
    blockBytesMax: 1_000,
    blockTxsMax: 10,
    precisionMs: 500,
    messageDelayMs: 1_000,
    bodyRetentionMs: 400 * 86_400_000,
    proposalRetentionMs: 30 * 86_400_000,
  },
  lastBlockTimeMs: 0,
  observe: false,
};
