import { describe, expect, it } from 'vitest';
import { footprintOf, proposerOf } from '../../../src/consensus/index.ts';
import { Core } from './core.ts';
import { heightConfig } from './height-config.ts';
import { blockA, blockB, height, proposal, vote } from './messages.ts';

const proposedRounds = ({ state }: Core): number[] =>
  [...(state.current?.rounds ?? [])].filter(([, data]) => data.proposal !== null).map(([round]) => round);

describe('P7: proposals for rounds that are far away', () => {
  it('take one place a validator, however many it signs', () => {
    const core = new Core();
    for (let round = 8; round < 8 + 400; round += 1) core.hear(proposal(round, blockA, null));
    expect(proposedRounds(core)).toEqual([404, 405, 406, 407]);
    expect(core.state.current?.rounds.size).toBeLessThan(8);
  });

  it('do not come back once a later one was heard', () => {
    const core = new Core();
    core.hear(proposal(80, blockA, null));
    core.hear(proposal(40, blockB, null));
    expect(proposedRounds(core)).toEqual([80]);
  });

  it('leave the votes of their round alone', () => {
    const core = new Core();
    core.hear(vote('prevote', 2, 80, blockA));
    core.hear(proposal(80, blockA, null));
    core.hear(proposal(84, blockA, null));
    expect(core.state.current?.rounds.get(80)?.prevotes.slots.size).toBe(1);
    expect(proposedRounds(core)).toEqual([84]);
  });
});

describe('P7: votes for rounds that are far away', () => {
  it('take one round a validator, however many it signs', () => {
    const core = new Core();
    for (let far = 8; far < 8 + 400; far += 1) {
      core.hear(vote('prevote', 2, far, blockA));
      core.hear(vote('precommit', 2, far, null));
    }
    const kept = [...(core.state.current?.rounds ?? [])].filter(([far]) => far >= 8);
    expect(kept.map(([far]) => far)).toEqual([407]);
    expect(footprintOf(core.state).votes).toBeLessThan(8);
  });
});

describe('P7: a validator that goes on to a farther round', () => {
  const votersOf = ({ state }: Core, round: number): number[] => {
    const data = state.current?.rounds.get(round);
    return [data?.prevotes, data?.precommits].flatMap((set) =>
      [...(set?.byValue.values() ?? [])].flatMap((votes) => [...votes.keys(), ...(votes.size === 0 ? [-1] : [])]),
    );
  };

  /** Of seven, so that two that have gone ahead are not followed yet. */
  const ofSeven = (): Core => new Core({ ...heightConfig, validators: 7 });
  const proposer = proposerOf(height, 8, 7);

  it('takes back its votes of the one before, not those of others', () => {
    const core = ofSeven();
    for (const type of ['prevote', 'precommit'] as const) {
      core.hear(vote(type, 2, 8, blockA));
      core.hear(vote(type, 2, 8, blockB));
      core.hear(vote(type, 3, 8, blockA));
    }
    expect(votersOf(core, 8)).toEqual([2, 3, 2, 2, 3, 2]);
    core.hear(vote('prevote', 2, 9, null));
    expect(votersOf(core, 8)).toEqual([3, 3]);
    expect(core.state.current?.rounds.get(8)?.prevotes.slots.has(2)).toBe(false);
    expect(core.state.current?.rounds.get(8)?.precommits.conflicted.has(2)).toBe(false);
    core.hear(vote('precommit', 2, 8, blockA));
    expect(votersOf(core, 8)).toEqual([3, 3]);
  });

  it.each(['prevote', 'precommit'] as const)('leaves the round to whose %s is there', (type) => {
    const core = ofSeven();
    core.hear(vote('prevote', 2, 8, blockA));
    core.hear(vote(type, 3, 8, blockA));
    core.hear(vote('prevote', 2, 9, blockA));
    expect(votersOf(core, 8)).toEqual([3]);
    core.hear(vote('prevote', 3, 10, blockA));
    expect(core.state.current?.rounds.has(8)).toBe(false);
  });

  it('takes back its own proposal, not that of another one', () => {
    const core = ofSeven();
    core.hear(proposal(8, blockA, null, 7));
    core.hear(vote('prevote', proposer, 8, blockA));
    core.hear(vote('prevote', 2, 8, blockA));
    core.hear(vote('prevote', 2, 9, blockA));
    expect(proposedRounds(core)).toEqual([8]);
    core.hear(vote('prevote', proposer, 9, blockA));
    expect(core.state.current?.rounds.has(8)).toBe(false);
  });

  it('leaves the proposal of another one where no votes are left', () => {
    const core = ofSeven();
    core.hear(vote('prevote', 2, 8, blockA));
    core.hear(proposal(8, blockA, null, 7));
    core.hear(vote('prevote', 2, 9, blockA));
    expect(proposedRounds(core)).toEqual([8]);
  });

  it('keeps its place in the present round and the next, before and after', () => {
    const core = new Core();
    for (const round of [0, 8, 1, 9]) core.hear(vote('prevote', 2, round, blockA));
    expect([0, 1, 8, 9].map((round) => votersOf(core, round))).toEqual([[2], [2], [], [2]]);
    for (const round of [8, 0, 12]) core.hear(proposal(round, blockA, null));
    expect(proposedRounds(core)).toEqual([0, 12]);
    core.hear(proposal(13, blockA, null));
    expect(proposedRounds(core).sort((a, b) => a - b)).toEqual([0, 12, 13]);
  });

  it('is followed once f+1 are there, never because one says so', () => {
    const core = new Core();
    for (const type of ['prevote', 'precommit'] as const) core.hear(vote(type, 2, 90, blockA));
    expect(core.round).toBe(0);
    core.hear(vote('precommit', 3, 7, null));
    expect(core.round).toBe(7);
    core.hear(vote('precommit', 3, 100, null));
    expect(core.round).toBe(90);
  });
});
