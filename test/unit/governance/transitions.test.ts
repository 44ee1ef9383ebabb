import { describe, expect, test } from 'vitest';
import {
  CHANGE_TRANSITIONS,
  checkChangeTransition,
  checkProposalTransition,
  holdsDigest,
  isLive,
  PROPOSAL_TRANSITIONS,
} from '../../../src/governance/transitions.ts';
import type { ChangeState, ProposalState } from '../../../src/types/proposal.ts';

const proposalStates = Object.keys(PROPOSAL_TRANSITIONS) as ProposalState[];
const changeStates = Object.keys(CHANGE_TRANSITIONS) as ChangeState[];

/** The arrows as the design page draws them; the table must have these and no others. */
const proposalArrows = [
  'OPEN>APPROVED',
  'OPEN>REJECTED',
  'OPEN>WITHDRAWN',
  'OPEN>EXPIRED',
  'OPEN>SUPERSEDED',
  'OPEN>UNAVAILABLE',
  'APPROVED>EXECUTED',
  'APPROVED>FAILED',
];
const changeArrows = [
  'OPEN>READY',
  'READY>RESERVED',
  'READY>EXECUTED',
  'READY>LAPSED',
  'READY>REVOKED',
  'READY>STALE',
  'RESERVED>READY',
  'RESERVED>EXECUTED',
  'RESERVED>UNCERTAIN',
  'RESERVED>LAPSED',
];

function allowed<S extends string>(states: readonly S[], check: (from: S, to: S) => void): string[] {
  return states.flatMap((from) =>
    states.flatMap((to) => {
      try {
        check(from, to);
        return [`${from}>${to}`];
      } catch {
        return [];
      }
    }),
  );
}

test('a proposal goes exactly the ways that are drawn', () => {
  expect(allowed(proposalStates, checkProposalTransition).sort()).toEqual([...proposalArrows].sort());
});

test('a change goes exactly the ways that are drawn', () => {
  expect(allowed(changeStates, checkChangeTransition).sort()).toEqual([...changeArrows].sort());
});

test('a way that is not drawn is a coded fault', () => {
  expect(() => checkProposalTransition('REJECTED', 'APPROVED')).toThrow(
    expect.objectContaining({ code: 'GOVERNANCE_TRANSITION' }),
  );
  expect(() => checkChangeTransition('EXECUTED', 'READY')).toThrow(
    expect.objectContaining({ code: 'GOVERNANCE_TRANSITION' }),
  );
});

describe('a digest is held while its approval may come or be used', () => {
  test.each(proposalStates)('%s', (state) => {
    const held = changeStates.filter((change) => holdsDigest({ state }, { state: change }));
    const expected = state === 'OPEN' ? changeStates : state === 'APPROVED' ? ['READY', 'RESERVED'] : [];
    expect(held.sort()).toEqual([...expected].sort());
  });
});

test('a proposal is live until nothing about it can change', () => {
  const live = (state: ProposalState, ...changes: ChangeState[]) =>
    isLive({ state, kind: 'change', changes: changes.map((s) => ({ state: s })) as never });
  expect([
    live('OPEN', 'OPEN'),
    live('APPROVED', 'EXECUTED', 'READY'),
    live('APPROVED', 'EXECUTED', 'LAPSED'),
    live('REJECTED', 'OPEN'),
  ]).toEqual([true, true, false, false]);
  expect(isLive({ state: 'APPROVED', kind: 'configuration', changes: [] })).toBe(true);
});
