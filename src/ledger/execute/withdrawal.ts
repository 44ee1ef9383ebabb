import type { WithdrawalPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { checkVoter } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { closeProposal, proposalById } from './proposals.ts';

/** Who proposed takes it back while it is open. What a refusal made is not withdrawn: a claim on it is taken back instead. */
export function executeWithdrawal(x: Execution, { org, member, proposal: id }: WithdrawalPayload): Outcome {
  checkVoter(x.docs, org, member);
  const proposal = proposalById(x, id);
  const refuse = (reason: string): ChainError =>
    new ChainError('GOVERNANCE_WITHDRAWAL_NOT_POSSIBLE', { proposal: id, reason });
  if (proposal.origin !== 'propose') throw refuse('nobody proposed it; take back your claim instead');
  if (proposal.requester.org !== org || proposal.requester.member !== member) throw refuse('somebody else proposed it');
  if (proposal.state !== 'OPEN') throw refuse(`it is ${proposal.state}`);
  closeProposal(x, proposal, 'WITHDRAWN', 'GOVERNANCE_WITHDRAWN');
  return done(id);
}
