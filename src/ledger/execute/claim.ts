import type { ClaimPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { checkVoter } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { proposalById, saveProposal } from './proposals.ts';
import { settle } from './settle.ts';

/**
 * "I am the author" of what a refusal proposed, or no longer. Claimants are taken out of the vote from then on, and a ballot that they cast before stops
 * counting; taken back, the proposal is open and unclaimed again.
 */
export function executeClaim(x: Execution, { org, member, proposal: id, sequence, claim }: ClaimPayload): Outcome {
  checkVoter(x.docs, org, member);
  const proposal = proposalById(x, id);
  const refuse = (reason: string): ChainError =>
    new ChainError('GOVERNANCE_CLAIM_NOT_POSSIBLE', { proposal: id, reason });
  if (proposal.kind !== 'change' || proposal.origin !== 'refusal') throw refuse('its author is known');
  if (proposal.state !== 'OPEN') throw refuse(`it is ${proposal.state}`);
  const mine = (other: { readonly org: string; readonly member: string }): boolean =>
    other.org === org && other.member === member;
  const last = [...proposal.claims, ...proposal.withdrawnClaims].find(mine)?.sequence;
  if (last !== undefined && sequence <= last)
    throw new ChainError('GOVERNANCE_CLAIM_SEQUENCE', { proposal: id, sequence, last });
  if (!claim && !proposal.claims.some(mine)) throw new ChainError('GOVERNANCE_CLAIM_MISSING', { proposal: id });
  const mark = { org, member, sequence };
  const claims = proposal.claims.filter((other) => !mine(other));
  const withdrawnClaims = proposal.withdrawnClaims.filter((other) => !mine(other));
  settle(
    x,
    saveProposal(x, proposal, {
      ...proposal,
      claims: claim ? [...claims, mark] : claims,
      withdrawnClaims: claim ? withdrawnClaims : [...withdrawnClaims, mark],
    }),
  );
  return done(id);
}
