import { describe, expect, it } from 'vitest';
import {
  footprintOf,
  initialState,
  step,
  type ConsensusEvent,
  type ConsensusState,
} from '../../../src/consensus/index.ts';
import type { ConsensusMessage } from '../../../src/types/consensus.ts';
import { heightConfig } from './height-config.ts';
import { blockA, blockB, chain, proposal, sign, vote } from './messages.ts';

function started(): ConsensusState {
  const state = initialState({ chain, sign: (message) => sign(1, message) });
  feed(state, { type: 'start', config: heightConfig, txsAvailable: true, down: [], nowMs: 1_000 });
  return state;
}

function feed(state: ConsensusState, event: ConsensusEvent): void {
  step(state, event);
}

function hear(state: ConsensusState, message: ConsensusMessage): void {
  feed(state, { type: 'message', from: 2, message, nowMs: 1_000 });
}

const proposedRounds = (state: ConsensusState): number[] =>
  [...(state.current?.rounds ?? [])].filter(([, data]) => data.proposal !== null).map(([round]) => round);

describe('P7: proposals for rounds that are far away', () => {
  it('take one place a validator, however many it signs', () => {
    const state = started();
    for (let round = 8; round < 8 + 400; round += 1) hear(state, proposal(round, blockA, null));
    expect(proposedRounds(state)).toEqual([404, 405, 406, 407]);
    expect(state.current?.rounds.size).toBeLessThan(8);
  });

  it('do not come back once a later one was heard', () => {
    const state = started();
    hear(state, proposal(80, blockA, null));
    hear(state, proposal(40, blockB, null));
    expect(proposedRounds(state)).toEqual([80]);
  });

  it('leave the votes of their round alone', () => {
    const state = started();
    hear(state, vote('prevote', 2, 80, blockA));
    hear(state, proposal(80, blockA, null));
    hear(state, proposal(84, blockA, null));
    expect(state.current?.rounds.get(80)?.prevotes.slots.size).toBe(1);
    expect(proposedRounds(state)).toEqual([84]);
  });
});

describe('P7: votes for rounds that are far away', () => {
  it('take one round a validator, however many it signs', () => {
    const state = started();
    for (let far = 8; far < 8 + 400; far += 1) {
      hear(state, vote('prevote', 2, far, blockA));
      hear(state, vote('precommit', 2, far, null));
    }
    const kept = [...(state.current?.rounds ?? [])].filter(([far]) => far >= 8);
    expect(kept.map(([far]) => far)).toEqual([407]);
    expect(footprintOf(state).votes).toBeLessThan(8);
  });
});
