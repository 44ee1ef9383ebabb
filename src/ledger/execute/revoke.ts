import type { Proposal } from '../../types/proposal.ts';
import type { Execution } from './execution.ts';
import { saveProposal, withUnused } from './proposals.ts';

/** Changes that are approved and not in use lose their approval; so do those in use, should they come free. */
export function revoke(x: Execution, proposal: Proposal, endCode: Proposal['endCode']): Proposal {
  if (proposal.unused !== 'READY') return proposal;
  return saveProposal(x, proposal, { ...withUnused(proposal, 'REVOKED'), endCode });
}
