import { describe, expect, test } from 'vitest';
import { isBallotExcluded, isUnclaimed } from '../../../src/governance/author.ts';
import { bodyHolders, bodyHoldersNeeded } from '../../../src/governance/body-holders.ts';
import { configurationApprovals } from '../../../src/governance/requirement.ts';
import { tally, type TallyInput } from '../../../src/governance/tally.ts';
import type { Hash, LeafIndex, OrgId } from '../../../src/types/brand.ts';
import type { Requirement, Vote } from '../../../src/types/proposal.ts';
import type { BallotChoice } from '../../../src/types/transaction.ts';

const org = (name: string) => name as OrgId;
const requirement: Requirement = {
  policy: 'p',
  policyDigest: 'd' as Hash,
  approvals: 2,
  requiredOrgs: [],
  veto: [],
  excludeAuthor: 'org',
  binding: 'diff',
};

function vote(by: string, choice: BallotChoice, more: Partial<Vote> = {}): Vote {
  const [name = '', member = 'm'] = by.split('/');
  return { org: org(name), member, choice, sequence: 1, reason: '', atMs: 0, leaf: 0 as LeafIndex, ...more };
}

function proposal(
  votes: readonly Vote[],
  requirements: readonly Partial<Requirement>[] = [{}],
  more: Partial<TallyInput> = {},
): TallyInput {
  return {
    requester: { user: 'u', org: org('a'), member: 'm' },
    claims: [],
    electors: ['a', 'b', 'c', 'd'].map(org),
    origin: 'refusal',
    requirements: requirements.map((fields) => ({ ...requirement, ...fields })),
    votes: votes.map((v, i) => ({ ...v, leaf: i as LeafIndex })),
    ...more,
  };
}
const verdict = (input: TallyInput, k = 1): string => {
  const found = tally(input, () => k);
  if (found.kind === 'rejected') return found.code.replace('GOVERNANCE_', '');
  return found.kind === 'pending' && found.unclaimed ? 'unclaimed' : found.kind;
};
const yes = (...by: string[]) => by.map((name) => vote(name, 'approve'));
const no = (...by: string[]) => by.map((name) => vote(name, 'reject'));

describe('approval', () => {
  test('needs as many eligible organisations as the policy says', () => {
    expect(verdict(proposal(yes('b')))).toBe('pending');
    expect(verdict(proposal(yes('b', 'c')))).toBe('approved');
    expect(verdict(proposal(yes('b', 'c'), [{ approvals: 3 }]))).toBe('pending');
  });

  test('counts an organisation once, however many of its members approve', () => {
    expect(verdict(proposal(yes('b/m', 'b/n')))).toBe('pending');
  });

  test('counts no stranger and no abstention', () => {
    expect(verdict(proposal(yes('b', 'x')))).toBe('pending');
    expect(verdict(proposal([...yes('b'), vote('c', 'abstain')]))).toBe('pending');
  });

  test('needs every one of several policies', () => {
    expect(verdict(proposal(yes('b', 'c'), [{}, { approvals: 3 }]))).toBe('pending');
    expect(verdict(proposal(yes('b', 'c', 'd'), [{}, { approvals: 3 }]))).toBe('approved');
  });

  test('is never had where nothing is required', () => {
    expect(verdict(proposal(yes('b', 'c'), []))).toBe('pending');
  });
});

describe('required organisations', () => {
  const requiredOrgs = [org('d')];

  test('must approve, whatever the others say', () => {
    expect(verdict(proposal(yes('b', 'c'), [{ requiredOrgs }]))).toBe('pending');
    expect(verdict(proposal(yes('b', 'd'), [{ requiredOrgs }]))).toBe('approved');
  });

  test.each(['reject', 'abstain'] as const)('end it when they %s', (choice) => {
    expect(verdict(proposal([...yes('b', 'c'), vote('d', choice)], [{ requiredOrgs }]))).toBe('APPROVAL_IMPOSSIBLE');
  });

  test('approve by being the author', () => {
    expect(verdict(proposal(yes('b', 'c'), [{ requiredOrgs: [org('a')] }]))).toBe('approved');
    expect(
      verdict(
        proposal(yes('b', 'c'), [{ requiredOrgs: [org('d')] }], {
          claims: [{ org: org('d'), member: 'm', sequence: 1 }],
        }),
      ),
    ).toBe('approved');
  });
});

describe('rejection', () => {
  test('comes as soon as approval is impossible, and not before', () => {
    expect(verdict(proposal(no('b')))).toBe('pending');
    expect(verdict(proposal(no('b', 'c')))).toBe('APPROVAL_IMPOSSIBLE');
    expect(verdict(proposal([...yes('d'), ...no('b')]))).toBe('pending');
  });

  test('comes when too many claim to be the author', () => {
    const claims = [org('b'), org('c')].map((o) => ({ org: o, member: 'm', sequence: 1 }));
    expect(verdict(proposal([], [{}], { claims }))).toBe('APPROVAL_IMPOSSIBLE');
  });
});

describe('veto', () => {
  const veto = [org('b')];

  test('ends it with a reason, where it is listed', () => {
    const objection = [...yes('c'), vote('b', 'reject', { reason: 'freeze' })];
    expect(verdict(proposal(objection, [{ veto }]))).toBe('VETOED');
    expect(verdict(proposal(objection))).toBe('pending');
  });

  test('is a plain rejection without a reason', () => {
    expect(verdict(proposal([...yes('c'), vote('b', 'reject', { reason: ' ' })], [{ veto }]))).toBe('pending');
  });
});

describe('the author', () => {
  test('is taken out as an organisation', () => {
    expect(verdict(proposal(yes('a', 'b')))).toBe('pending');
    expect(verdict(proposal(yes('a', 'b'), [{ excludeAuthor: 'none' }]))).toBe('approved');
  });

  test('is taken out as a person only', () => {
    const person = [{ excludeAuthor: 'person' as const }];
    expect(verdict(proposal(yes('a/m', 'b'), person))).toBe('pending');
    expect(verdict(proposal(yes('a/n', 'b'), person))).toBe('approved');
  });

  test('who claims later loses the ballot cast before', () => {
    const claims = [{ org: org('b'), member: 'm', sequence: 1 }];
    expect(verdict(proposal(yes('b', 'c')))).toBe('approved');
    expect(verdict(proposal(yes('b', 'c'), [{}], { claims }))).toBe('pending');
  });

  test('unknown, holds up both approval and rejection', () => {
    const requester = { user: 'ci', org: null, member: null };
    expect(isUnclaimed({ requester, claims: [] })).toBe(true);
    expect(verdict(proposal(yes('a', 'b', 'c', 'd'), [{}], { requester }))).toBe('unclaimed');
    expect(verdict(proposal(no('a', 'b', 'c', 'd'), [{}], { requester }))).toBe('unclaimed');
    expect(verdict(proposal(yes('a', 'b'), [{ excludeAuthor: 'none' }], { requester }))).toBe('approved');
  });

  test('is not excluded where there is one elector only', () => {
    expect(verdict(proposal(yes('a'), [{ approvals: 1 }], { electors: [org('a')] }))).toBe('approved');
  });

  test('of one policy may vote under another', () => {
    const both = proposal(yes('a', 'b', 'c'), [{}, { approvals: 3, excludeAuthor: 'none' }]);
    expect(both.requirements.map((r) => isBallotExcluded(both, r, { org: org('a'), member: 'm' }))).toEqual([
      true,
      false,
    ]);
    expect(verdict(both)).toBe('approved');
  });
});

describe('k of m inside an organisation', () => {
  test('the choice that k members share is the vote', () => {
    expect(verdict(proposal(yes('b/m', 'c/m')), 2)).toBe('pending');
    expect(verdict(proposal(yes('b/m', 'b/n', 'c/m', 'c/n')), 2)).toBe('approved');
    expect(verdict(proposal([...yes('b/m', 'c/m', 'c/n'), vote('b/n', 'reject')]), 2)).toBe('pending');
  });

  test('with k = 1 the newest ballot of any member is the vote', () => {
    expect(verdict(proposal([...yes('b/m', 'c'), vote('b/n', 'reject')]))).toBe('pending');
    expect(verdict(proposal([vote('b/n', 'reject'), ...yes('b/m', 'c')]))).toBe('approved');
  });
});

describe('bodies', () => {
  const orgs = (n: number) => 'abcdefg'.slice(0, n).split('').map(org);

  test.each([
    [1, 'a', 0],
    [1, null, 1],
    [2, 'a', 1],
    [3, 'a', 1],
    [4, 'a', 2],
    [4, null, 2],
    [7, 'a', 3],
  ])('of %i organisations, asked for by %s, must be held by %i others', (n, requester, needed) => {
    expect(bodyHoldersNeeded(requester === null ? null : org(requester), orgs(n))).toBe(needed);
  });

  test("the requester's own node does not count", () => {
    const held = { bodyHeldBy: orgs(2), requester: { user: 'u', org: org('a'), member: 'm' } };
    expect(bodyHolders(held)).toEqual(['b']);
  });
});

test('the configuration always needs a majority, and two organisations where there are three', () => {
  const approvals = (rule: 'majority' | 'two-thirds' | 'all') =>
    [1, 2, 3, 4, 7].map((n) => configurationApprovals(rule, n));
  expect(approvals('majority')).toEqual([1, 2, 2, 3, 4]);
  expect(approvals('two-thirds')).toEqual([1, 2, 3, 3, 5]);
  expect(approvals('all')).toEqual([1, 2, 3, 4, 7]);
});
