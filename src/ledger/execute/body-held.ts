import type { BodyHeldPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { validatorById } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { beginVotingIfHeld, proposalById } from './proposals.ts';
import { settle } from './settle.ts';

/** A node holds a proposal's body and those of all its changes, and checked them, so its organisation can vote and others can fetch from it. Throws LEDGER_BODY_HELD. */
export function executeBodyHeld(x: Execution, { node, proposal: id, details }: BodyHeldPayload): Outcome {
  const proposal = proposalById(x, id);
  const { org } = validatorById(x.validators, node);
  const refuse = (reason: string): ChainError => new ChainError('LEDGER_BODY_HELD', { proposal: id, reason });
  if (proposal.state !== 'OPEN') throw refuse(`it is ${proposal.state}`);
  if (proposal.bodyHeldBy.includes(org)) throw refuse(`${org} said so before`);
  if (proposal.kind !== 'change' || details !== proposal.details) throw refuse('it has another body');
  const noted = { ...proposal, bodyHeldBy: [...proposal.bodyHeldBy, org].sort() };
  settle(x, beginVotingIfHeld(x, noted));
  return done(id);
}
