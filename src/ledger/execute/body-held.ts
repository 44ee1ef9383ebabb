import type { BodyHeldPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { validatorById } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { beginVotingIfHeld, proposalById } from './proposals.ts';
import { settle } from './settle.ts';

/** A node holds all bodies of a proposal, so its organisation can vote and others can fetch from it. Throws LEDGER_BODY_HELD. */
export function executeBodyHeld(x: Execution, { node, proposal: id, bodies }: BodyHeldPayload): Outcome {
  const proposal = proposalById(x, id);
  const { org } = validatorById(x.validators, node);
  const refuse = (reason: string): ChainError => new ChainError('LEDGER_BODY_HELD', { proposal: id, reason });
  if (proposal.state !== 'OPEN') throw refuse(`it is ${proposal.state}`);
  if (proposal.bodyHeldBy.includes(org)) throw refuse(`${org} said so before`);
  const held = new Set(bodies);
  if (!proposal.changes.every((change) => held.has(change.bodyHash))) throw refuse('a body is missing');
  const noted = { ...proposal, bodyHeldBy: [...proposal.bodyHeldBy, org].sort() };
  settle(x, beginVotingIfHeld(x, noted));
  return done(id);
}
