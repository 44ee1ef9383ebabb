import { describe, expect, test } from 'vitest';
import type { Hash, OrgId, ValidatorId } from '../../../src/types/brand.ts';
import { OPEN_PER_REQUESTER_MAX } from '../../../src/ledger/execute/proposals.ts';
import { alone, changeOf, hashOf, ORGS, signerOf, type TestChain } from './test-chain.ts';

const byCi = changeOf('image v2');
const byAnn = changeOf('image v2', { user: 'ann@alpha' });
const MANY = OPEN_PER_REQUESTER_MAX;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Proposal 1: asked for by ann of alpha, bodies held, so that voting goes on. */
function voting(options: ConstructorParameters<typeof TestChain>[0] = {}): TestChain {
  const chain = alone(options).ready();
  chain.review(byAnn);
  return chain.held(1);
}

const policies = (require: object, more: object = {}) => [
  {
    name: 'production',
    spec: { clusters: ['*'], match: [{ namespaces: ['prod-*'] }], require: { approvals: 2, ...require }, ...more },
  },
];

describe('a ballot', () => {
  test('is counted and shown with who cast it', () => {
    const chain = voting();
    expect(chain.vote('beta', 1, { reason: 'fine' })).toBe('DONE OK');
    expect(chain.proposal(1).votes).toMatchObject([
      { org: 'beta', member: 'ann', choice: 'approve', reason: 'fine', sequence: 1 },
    ]);
  });

  test('of the author is refused', () => {
    expect(voting().vote('alpha', 1)).toBe('REFUSED GOVERNANCE_BALLOT_EXCLUDED');
  });

  test('of another member of the author is taken under excludeAuthor: person', () => {
    const chain = voting({ policies: policies({ excludeAuthor: 'person' }) });
    expect(chain.vote('alpha', 1)).toBe('REFUSED GOVERNANCE_BALLOT_EXCLUDED');
    expect(chain.vote('alpha', 1, { member: 'bob' })).toBe('DONE OK');
  });

  test('for other terms is refused', () => {
    expect(voting().vote('beta', 1, { termsHash: hashOf('other') })).toBe('REFUSED GOVERNANCE_BALLOT_TERMS');
  });

  test('of somebody without the role is refused', () => {
    expect(voting().vote('beta', 1, { member: 'eve' })).toBe('REFUSED GOVERNANCE_ROLE');
  });

  test('of nobody registered is not let in', () => {
    expect(voting().vote('beta', 1, { member: 'mallory' })).toBe('LEDGER_SIGNER_UNKNOWN');
  });

  test('with the key of somebody else is not let in', () => {
    const chain = voting();
    const forged = chain.sign(chain.ballot('beta', 1), signerOf('ann of gamma'));
    expect(chain.app.checkTx(forged, chain.nowMs)).toMatchObject({ ok: false, code: 'LEDGER_TX_KEY' });
    expect(chain.block(forged).txs).toEqual([]);
  });

  test('on nothing is refused', () => {
    expect(voting().vote('beta', 7)).toBe('REFUSED GOVERNANCE_PROPOSAL_UNKNOWN');
  });

  test('twice with the same sequence is refused, and a lower one too', () => {
    const chain = voting();
    chain.vote('beta', 1, { sequence: 5 });
    // Its natural key is no longer kept: the proposal itself remembers.
    chain.advance(2 * MINUTE_MS);
    expect(chain.vote('beta', 1, { sequence: 4, choice: 'reject' })).toBe('REFUSED GOVERNANCE_BALLOT_SUPERSEDED');
    expect(chain.vote('beta', 1, { sequence: 5, choice: 'reject' })).toBe('REFUSED GOVERNANCE_BALLOT_REPEATED');
    expect(chain.vote('beta', 1, { sequence: 6, choice: 'reject' })).toBe('DONE OK');
    expect(chain.proposal(1).votes).toMatchObject([{ choice: 'reject', sequence: 6 }]);
  });

  test('with other bytes under the same natural key is a conflict', () => {
    const chain = voting();
    chain.vote('beta', 1);
    expect(chain.vote('beta', 1, { choice: 'reject' })).toBe('LEDGER_CONFLICT');
  });

  test('lies ready before enough organisations hold the bodies, and decides nothing until then', () => {
    const chain = alone().ready();
    chain.review(byAnn);
    chain.vote('beta', 1);
    chain.vote('gamma', 1);
    expect(chain.state(1)).toBe('OPEN OPEN');
    expect(chain.hold('beta', 1)).toBe('DONE OK');
    expect(chain.state(1)).toBe('OPEN OPEN');
    chain.hold('gamma', 1);
    expect(chain.state(1)).toBe('APPROVED READY');
  });

  test('after the deadline is refused', () => {
    const chain = voting();
    chain.advance(DAY_MS);
    expect(chain.vote('beta', 1)).toBe('REFUSED GOVERNANCE_PROPOSAL_CLOSED');
    expect(chain.state(1)).toBe('REJECTED OPEN');
    expect(chain.proposal(1).endCode).toBe('GOVERNANCE_VOTING_OVER');
  });

  test('taken back before the approval is used revokes it', () => {
    const chain = voting();
    chain.vote('beta', 1);
    chain.vote('gamma', 1);
    expect(chain.vote('gamma', 1, { choice: 'abstain', sequence: 2 })).toBe('DONE OK');
    expect(chain.state(1)).toBe('APPROVED REVOKED');
    expect(chain.review(byAnn).result).toMatchObject({ decision: 'REFUSED', proposal: 2 });
  });

  test('changes nothing once the approval is in use', () => {
    const chain = voting();
    chain.vote('beta', 1);
    chain.vote('gamma', 1);
    chain.review(byAnn);
    expect(chain.vote('gamma', 1, { choice: 'reject', sequence: 2 })).toBe('REFUSED GOVERNANCE_BALLOT_IN_USE');
  });

  test('of two members makes the vote where an organisation asks for two', () => {
    const chain = voting({ votesRequired: 2 });
    for (const org of ['beta', 'gamma']) chain.vote(org, 1);
    expect(chain.state(1)).toBe('OPEN OPEN');
    for (const org of ['beta', 'gamma']) chain.vote(org, 1, { member: 'bob' });
    expect(chain.state(1)).toBe('APPROVED READY');
  });

  test('of a member beyond the sixteenth of an organisation takes the place of its oldest', () => {
    const genesis = alone().genesis;
    const crowd = Array.from({ length: 17 }, (_, i) => ({
      name: `m${i}`,
      key: signerOf(`m${i} of beta`).publicKey,
      roles: ['member'] as const,
    }));
    const orgs = genesis.orgs.map((org) => (org.name === 'beta' ? { ...org, members: crowd } : org));
    const chain = alone({ ...genesis, orgs }).ready();
    chain.review(byAnn);
    chain.held(1);
    chain.block(...crowd.map(({ name }) => chain.sign(chain.ballot('beta', 1, { member: name, choice: 'abstain' }))));
    expect(chain.proposal(1).votes.map((vote) => vote.member)).toEqual(crowd.slice(1).map(({ name }) => name));
  });

  test('is refused from an organisation that was no elector when the proposal opened', () => {
    const genesis = alone({ votesRequired: 2 }).genesis;
    const orgs = genesis.orgs.map((org) => (org.name === 'delta' ? { ...org, members: org.members.slice(0, 1) } : org));
    const chain = alone({ ...genesis, orgs }).ready();
    chain.review(byAnn);
    chain.held(1);
    expect(chain.vote('delta', 1)).toBe('REFUSED GOVERNANCE_BALLOT_STRANGER');
  });
});

describe('the end of a vote', () => {
  test('is rejection as soon as approval is impossible', () => {
    const chain = voting();
    chain.vote('beta', 1, { choice: 'reject' });
    chain.vote('gamma', 1, { choice: 'reject' });
    expect(chain.proposal(1)).toMatchObject({ state: 'REJECTED', endCode: 'GOVERNANCE_APPROVAL_IMPOSSIBLE' });
  });

  test('is a veto with a reason, where it is listed', () => {
    const chain = voting({ policies: policies({ veto: ['beta'] }) });
    chain.vote('beta', 1, { choice: 'reject', reason: 'freeze' });
    expect(chain.proposal(1)).toMatchObject({ state: 'REJECTED', endCode: 'GOVERNANCE_VETOED' });
  });

  test('is never changed afterwards', () => {
    const chain = voting();
    chain.vote('beta', 1, { choice: 'reject' });
    chain.vote('gamma', 1, { choice: 'reject' });
    const before = chain.proposal(1);
    for (const org of ORGS) chain.vote(org, 1, { sequence: 2 });
    chain.claim('delta', 1);
    chain.hold('delta', 1);
    chain.advance(DAY_MS).block();
    expect(chain.proposal(1)).toEqual(before);
  });

  test('leaves the way open for the next instance, whose ballots are its own', () => {
    const chain = voting();
    const ballot = chain.ballot('beta', 1);
    chain.vote('beta', 1, { choice: 'reject' });
    chain.vote('gamma', 1, { choice: 'reject' });
    chain.review(byAnn);
    chain.held(2);
    expect(chain.proposal(2).instance).toBe(2);
    expect(chain.verdict({ ...ballot, proposal: 2 })).toBe('REFUSED GOVERNANCE_BALLOT_TERMS');
  });

  test('comes after ten minutes without the bodies', () => {
    const chain = alone().ready();
    chain.review(byAnn);
    chain.advance(10 * MINUTE_MS).block();
    expect(chain.proposal(1)).toMatchObject({ state: 'UNAVAILABLE', endCode: 'GOVERNANCE_BODIES_UNAVAILABLE' });
  });
});

describe('a requester whom nobody answers for', () => {
  function unclaimed(): TestChain {
    const chain = alone().ready();
    chain.review(byCi);
    return chain.held(1);
  }

  test('gets neither approval nor rejection before a member claims', () => {
    const chain = unclaimed();
    for (const org of ['beta', 'gamma']) chain.vote(org, 1);
    expect(chain.state(1)).toBe('OPEN OPEN');
    expect(chain.claim('alpha', 1)).toBe('DONE OK');
    expect(chain.state(1)).toBe('APPROVED READY');
  });

  test('cannot be approved by its own author, who claims after voting', () => {
    const chain = unclaimed();
    for (const org of ['beta', 'gamma']) chain.vote(org, 1);
    chain.claim('beta', 1);
    expect(chain.state(1)).toBe('OPEN OPEN');
    expect(chain.vote('beta', 1, { sequence: 2 })).toBe('REFUSED GOVERNANCE_BALLOT_EXCLUDED');
    chain.vote('delta', 1);
    expect(chain.state(1)).toBe('APPROVED READY');
  });

  test('ends in rejection when so many claim that nobody is left to approve', () => {
    const chain = unclaimed();
    for (const org of ['beta', 'gamma', 'delta']) chain.claim(org, 1);
    expect(chain.proposal(1)).toMatchObject({ state: 'REJECTED', endCode: 'GOVERNANCE_APPROVAL_IMPOSSIBLE' });
  });

  test('is open and unclaimed again when the claim is taken back', () => {
    const chain = unclaimed();
    chain.claim('alpha', 1);
    expect(chain.claim('alpha', 1, { claim: false, sequence: 2 })).toBe('DONE OK');
    for (const org of ['beta', 'gamma']) chain.vote(org, 1);
    expect(chain.state(1)).toBe('OPEN OPEN');
    expect(chain.claim('alpha', 1, { sequence: 1, member: 'ann' })).toBe('LEDGER_CONFLICT');
  });

  test('claims come in the order of their sequence, and none is taken back that is not there', () => {
    const chain = unclaimed();
    chain.claim('alpha', 1, { sequence: 4 });
    expect(chain.claim('alpha', 1, { sequence: 3 })).toBe('REFUSED GOVERNANCE_CLAIM_SEQUENCE');
    expect(chain.claim('beta', 1, { claim: false })).toBe('REFUSED GOVERNANCE_CLAIM_MISSING');
  });

  test('expires when nobody claimed before voting ended', () => {
    const chain = unclaimed();
    chain.advance(DAY_MS).block();
    expect(chain.proposal(1)).toMatchObject({ state: 'EXPIRED', endCode: 'GOVERNANCE_UNCLAIMED_TOO_LONG' });
  });

  test('is no question where the author may vote', () => {
    const chain = alone({ policies: policies({ excludeAuthor: 'none' }) }).ready();
    chain.review(byCi);
    chain.held(1);
    for (const org of ['alpha', 'beta']) chain.vote(org, 1);
    expect(chain.state(1)).toBe('APPROVED READY');
  });
});

describe('a proposal by a person', () => {
  test('holds many changes, each used once', () => {
    const chain = alone().ready();
    const other = changeOf('api v2', { name: 'api', uid: 'uid-2' });
    expect(chain.propose('alpha', [byCi, other])).toBe('DONE OK');
    chain.held(1);
    for (const org of ['beta', 'gamma']) chain.vote(org, 1);
    expect(chain.review(other).result.decision).toBe('ADMITTED');
    expect(chain.proposal(1).changes.map((change) => change.state)).toEqual(['READY', 'RESERVED']);
    expect(chain.review(byCi).result.decision).toBe('ADMITTED');
  });

  test('names its author, who does not vote', () => {
    const chain = alone().ready();
    chain.propose('alpha', [byCi]);
    chain.held(1);
    expect(chain.proposal(1).requester).toEqual({ user: 'alpha/ann', org: 'alpha', member: 'ann' });
    expect(chain.vote('alpha', 1, { member: 'bob' })).toBe('REFUSED GOVERNANCE_BALLOT_EXCLUDED');
    expect(chain.claim('beta', 1)).toBe('REFUSED GOVERNANCE_CLAIM_NOT_POSSIBLE');
  });

  test('takes the place of an unclaimed one that a refusal made', () => {
    const chain = alone().ready();
    chain.review(byCi);
    expect(chain.propose('alpha', [byCi])).toBe('DONE OK');
    expect(chain.proposal(1)).toMatchObject({ state: 'SUPERSEDED', endCode: 'GOVERNANCE_PROPOSED_BY_PERSON' });
    expect(chain.proposal(2)).toMatchObject({ state: 'OPEN', instance: 2 });
  });

  test('takes the place of what a service account asked for, also where an organisation owns it: any member may have merged it', () => {
    const { genesis } = alone();
    const robot = {
      cluster: 'prod' as never,
      user: 'system:serviceaccount:gitops:deployer',
      org: 'alpha' as OrgId,
      member: null,
    };
    const chain = alone({ ...genesis, bindings: [...genesis.bindings, robot] }).ready();
    const byRobot = changeOf('image v3', { user: robot.user });
    chain.review(byRobot);
    expect(chain.proposal(1).requester).toMatchObject({ org: 'alpha', member: null });
    expect(chain.propose('beta', [byRobot])).toBe('DONE OK');
    expect(chain.state(1)).toContain('SUPERSEDED');
  });

  test('does not take the place of what somebody answers for', () => {
    const chain = alone().ready();
    chain.review(byCi);
    chain.claim('beta', 1);
    expect(chain.propose('alpha', [byCi])).toBe('REFUSED GOVERNANCE_PROPOSAL_EXISTS');
    chain.review(changeOf('other', { user: 'ann@beta' }));
    expect(chain.propose('alpha', [changeOf('other')])).toBe('REFUSED GOVERNANCE_PROPOSAL_EXISTS');
    expect(chain.propose('beta', [changeOf('other')])).toBe('DONE OK');
  });

  test.each([
    ['the same change twice', [byCi, byCi], {}, 'GOVERNANCE_CHANGE_REPEATED'],
    ['a policy that is not in force', [byCi], { policies: [hashOf('other')] }, 'GOVERNANCE_POLICY_NOT_IN_FORCE'],
  ])('with %s is refused, and leaves nothing', (_what, changes, more, code) => {
    const chain = alone().ready();
    chain.review(byCi);
    expect(chain.propose('alpha', changes, more)).toBe(`REFUSED ${code}`);
    expect(chain.state(1)).toBe('OPEN OPEN');
    expect(chain.app.proposal(2)).toBeUndefined();
  });

  test('is withdrawn by who made it, while it is open', () => {
    const chain = alone().ready();
    chain.propose('alpha', [byCi]);
    expect(chain.withdraw('alpha', 1, 'bob')).toBe('REFUSED GOVERNANCE_WITHDRAWAL_NOT_POSSIBLE');
    expect(chain.withdraw('alpha', 1)).toBe('DONE OK');
    expect(chain.proposal(1)).toMatchObject({ state: 'WITHDRAWN', endCode: 'GOVERNANCE_WITHDRAWN' });
    chain.review(byCi);
    expect(chain.withdraw('alpha', 2)).toBe('REFUSED GOVERNANCE_WITHDRAWAL_NOT_POSSIBLE');
  });

  test('is one of a hundred at most, and the next is refused', () => {
    expect(MANY).toBe(100);
    const chain = alone().ready();
    for (let i = 0; i < MANY; i++) expect(chain.propose('alpha', [changeOf(`c${i}`)])).toBe('DONE OK');
    expect(chain.propose('alpha', [changeOf('next')])).toBe('REFUSED GOVERNANCE_PROPOSALS_CAP');
    chain.withdraw('alpha', 3);
    expect(chain.propose('alpha', [changeOf('next')])).toBe('DONE OK');
  });
});

describe('a flood of refusals', () => {
  test('lets the oldest unclaimed proposal go first', () => {
    const chain = alone().ready();
    for (let i = 0; i < MANY; i++) chain.review(changeOf(`c${i}`));
    chain.claim('alpha', 1);
    expect(chain.review(changeOf('next')).result).toMatchObject({
      code: 'GOVERNANCE_VOTES_REQUIRED',
      proposal: MANY + 1,
    });
    expect(chain.proposal(1).state).toBe('OPEN');
    expect(chain.proposal(2)).toMatchObject({ state: 'EXPIRED', endCode: 'GOVERNANCE_MADE_ROOM' });
  });

  test('is refused without a proposal when all of them are answered for', () => {
    const chain = alone().ready();
    for (let i = 0; i < MANY; i++) {
      chain.review(changeOf(`c${i}`));
      chain.claim('alpha', i + 1);
    }
    expect(chain.review(changeOf('next')).result).toMatchObject({
      code: 'GOVERNANCE_NO_PROPOSAL_OPENED',
      proposal: null,
    });
  });
});

describe("a node's own transactions", () => {
  test('about bodies count once, for all of them, while it matters', () => {
    const chain = alone().ready();
    chain.review(byAnn);
    const held = { kind: 'body-held' as const, node: 'beta' as ValidatorId, proposal: 1 };
    expect(chain.verdict({ ...held, details: hashOf('other') })).toBe('LEDGER_BODY_HELD');
    expect(chain.hold('beta', 1)).toBe('DONE OK');
    expect(
      chain.verdict({ ...held, details: chain.proposal(1).details as Hash, notAfterMs: chain.nowMs + 9_000 }),
    ).toBe('LEDGER_CONFLICT');
    chain.hold('gamma', 1);
    chain.vote('beta', 1);
    chain.vote('gamma', 1);
    expect(chain.hold('delta', 1)).toBe('LEDGER_BODY_HELD');
  });

  test("about bodies do not count for the requester's own organisation", () => {
    const chain = alone().ready();
    chain.review(byAnn);
    chain.held(1, ['alpha', 'beta']);
    expect(chain.proposal(1)).toMatchObject({ bodyHeldBy: ['alpha', 'beta'], deadlineVotingMs: null });
  });

  test('set the key of a cluster once, and only the first organisation of the first hook does', () => {
    const chain = alone().ready();
    const key = {
      kind: 'cluster-key' as const,
      node: 'alpha' as ValidatorId,
      cluster: 'prod' as never,
      keyId: hashOf('second'),
    };
    expect(chain.verdict(key)).toBe('LEDGER_CLUSTER_KEY_SET');
    expect(chain.verdict({ ...key, cluster: 'nowhere' as never })).toBe('LEDGER_CLUSTER_UNKNOWN');
    expect(chain.verdict({ ...key, node: 'beta' as ValidatorId })).toBe('LEDGER_NOT_THE_KEY_MAKER');
    expect(chain.app.clusterKeyId('prod')).toBe(hashOf('cluster key'));
  });

  test('are those of nodes that the cluster names', () => {
    const genesis = alone().genesis;
    const clusters = genesis.clusters.map((cluster) => ({
      ...cluster,
      hooks: [{ name: 'h', orgs: ['alpha' as OrgId] }],
      observers: ['alpha' as OrgId],
    }));
    const chain = alone({ ...genesis, clusters }).ready();
    expect(chain.app.checkTx(chain.attest(byCi, 'beta'), chain.nowMs)).toMatchObject({
      ok: false,
      code: 'LEDGER_NOT_A_HOOK',
    });
    expect(chain.observe('beta', [{ decision: 0 as never, persisted: true, uid: '', resourceVersion: '' }])).toBe(
      'LEDGER_NOT_AN_OBSERVER',
    );
  });

  test('of an observer come in the order of their sequence', () => {
    const chain = alone().ready();
    const results = [{ decision: 0 as never, persisted: true, uid: '', resourceVersion: '' }];
    const observation = {
      kind: 'observation' as const,
      node: 'beta' as ValidatorId,
      cluster: 'prod' as never,
      results,
    };
    expect(chain.verdict({ ...observation, sequence: 3 })).toBe('DONE OK');
    chain.advance(300_000).block();
    expect(chain.verdict({ ...observation, sequence: 3 })).toBe('LEDGER_SEQUENCE');
    expect(chain.verdict({ ...observation, sequence: 2 })).toBe('LEDGER_SEQUENCE');
    expect(chain.app.observationSequence('prod', 'beta')).toBe(3);
  });
});
