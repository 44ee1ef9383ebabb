import { describe, expect, test } from 'vitest';
import { checkedTerms } from '../../../cmd/kubectl-chain/proposal.ts';
import type { Proposal } from '../../../src/types/proposal.ts';
import { newChain, refused } from './world.ts';

const made = newChain();
refused(made, 'v1', 'v2');
const { genesisHash } = made.chain.app;
const proposal = made.chain.proposal(1);
const [change] = proposal.changes;
if (change === undefined) throw new Error('the proposal holds no change');

describe('the terms that a ballot signs', () => {
  test('are computed here, and are those of the chain', () => {
    expect(checkedTerms(genesisHash, proposal)).toBe(proposal.termsHash);
  });

  test.each<[string, Partial<Proposal>]>([
    ['another reason', { reason: 'another' }],
    ['another requester', { requester: { ...proposal.requester, user: 'mallory' } }],
    [
      'weaker requirements',
      { requirements: proposal.requirements.map((requirement) => ({ ...requirement, approvals: 1 })) },
    ],
    ['fewer electors', { electors: proposal.electors.slice(1) }],
    ['another content', { changes: [{ ...change, bodyHash: proposal.termsHash }] }],
    ['another target', { changes: [{ ...change, attributes: { ...change.attributes, namespace: 'dev' } }] }],
    ['a later instance', { instance: 2 }],
  ])('of a proposal with %s are not signed', (_what, altered) => {
    expect(() => checkedTerms(genesisHash, { ...proposal, ...altered })).toThrow(
      expect.objectContaining({ code: 'CLI_TERMS' }) as Error,
    );
  });

  test('do not depend on the votes', () => {
    expect(checkedTerms(genesisHash, { ...proposal, votes: [], state: 'APPROVED' })).toBe(proposal.termsHash);
  });
});
