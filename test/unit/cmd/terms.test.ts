import { describe, expect, test } from 'vitest';
import { checkedTerms } from '../../../cmd/kubectl-chain/proposal.ts';
import type { Proposal, ProposalDetails } from '../../../src/types/proposal.ts';
import { newChain, refused } from './world.ts';

const made = newChain();
const { change } = refused(made, 'v1', 'v2');
const { genesisHash } = made.chain.app;
const proposal: Proposal = made.chain.app.proposal(1) as Proposal;
const details = made.chain.details([change]);

describe('the terms that a ballot signs', () => {
  test('are computed here, and are those of the chain', () => {
    expect(checkedTerms(genesisHash, proposal, details)).toBe(proposal.termsHash);
  });

  test.each<[string, Partial<Proposal>]>([
    ['another reason', { reason: 'another' }],
    ['another requester', { requester: { ...proposal.requester, user: 'mallory' } }],
    [
      'weaker requirements',
      { requirements: proposal.requirements.map((requirement) => ({ ...requirement, approvals: 1 })) },
    ],
    ['fewer electors', { electors: proposal.electors.slice(1) }],
    ['another body', { details: proposal.termsHash }],
    ['another title', { title: 'DELETE pods dev/web' }],
    ['a later instance', { instance: 2 }],
  ])('of a proposal with %s are not signed', (_what, altered) => {
    expect(() => checkedTerms(genesisHash, { ...proposal, ...altered }, details)).toThrow(
      expect.objectContaining({ code: 'CLI_TERMS' }) as Error,
    );
  });

  test.each<[string, ProposalDetails]>([
    [
      'another content',
      {
        ...details,
        changes: details.changes.map((c) => ({ ...c, commitment: { ...c.commitment, diff: proposal.termsHash } })),
      },
    ],
    ['another target', { ...details, changes: details.changes.map((c) => ({ ...c, namespace: 'dev' })) }],
    ['one change more', { ...details, changes: [...details.changes, ...details.changes] }],
  ])('are not those of a body with %s: what the chain would approve is not what it shows', (_what, other) => {
    expect(() => checkedTerms(genesisHash, proposal, other)).toThrow(
      expect.objectContaining({ code: 'CLI_TERMS' }) as Error,
    );
  });

  test('do not depend on the votes', () => {
    expect(checkedTerms(genesisHash, { ...proposal, votes: [], state: 'APPROVED' }, details)).toBe(proposal.termsHash);
  });
});
