import { describe, expect, test } from 'vitest';
import {
  CHANGE_TRANSITIONS,
  checkChangeTransition,
  checkProposalTransition,
  holdsDigest,
  isLive,
  isUntouched,
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
  'RESERVED>REVOKED',
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
    const held = changeStates.filter((change) => holdsDigest({ state }, change));
    const expected = state === 'OPEN' ? changeStates : state === 'APPROVED' ? ['READY', 'RESERVED'] : [];
    expect(held.sort()).toEqual([...expected].sort());
  });
});

const counted = (state: ProposalState, counts: Partial<Parameters<typeof isLive>[0]> = {}) =>
  ({
    state,
    kind: 'change',
    changeCount: 3,
    unused: 'READY',
    reserved: [],
    executed: 0,
    uncertain: 0,
    ...counts,
  }) as const;

test('a proposal is live until nothing about it can change', () => {
  expect(isLive(counted('OPEN', { unused: 'OPEN' }))).toBe(true);
  expect(isLive(counted('APPROVED', { executed: 2 }))).toBe(true);
  expect(isLive(counted('APPROVED', { executed: 2, uncertain: 1 }))).toBe(false);
  expect(isLive(counted('APPROVED', { executed: 2, unused: 'LAPSED' }))).toBe(false);
  expect(isLive(counted('APPROVED', { unused: 'LAPSED', reserved: [1] }))).toBe(true);
  expect(isLive(counted('REJECTED', { unused: 'OPEN' }))).toBe(false);
  expect(isLive(counted('APPROVED', { kind: 'configuration', changeCount: 0 }))).toBe(true);
});

test('votes move an approval only while none of it is in use, spent or lost', () => {
  expect(isUntouched(counted('APPROVED'))).toBe(true);
  expect(isUntouched(counted('OPEN', { unused: 'OPEN' }))).toBe(true);
  for (const counts of [{ reserved: [0] }, { executed: 1 }, { uncertain: 1 }, { unused: 'REVOKED' as const }])
    expect(isUntouched(counted('APPROVED', counts))).toBe(false);
});
