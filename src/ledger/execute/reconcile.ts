import type { Proposal } from '../../types/proposal.ts';
import { readPolicies } from './committee.ts';
import type { Execution } from './execution.ts';
import { closeProposal, liveProposalIds, proposalById } from './proposals.ts';
import { revoke } from './revoke.ts';

/**
 * After policies changed: a proposal under one that is no longer in force as it was can no longer be used. It ends, so that the next refusal opens one under
 * the policies of today. The chain has no attributes of a proposal's changes, so a policy that matches them anew is met at their admission (standing.ts).
 */
export function reconcileProposals(x: Execution): void {
  const inForce = new Set(readPolicies(x.docs).map(({ digest }) => digest));
  for (const id of liveProposalIds(x.docs)) {
    const proposal = proposalById(x, id);
    if (proposal.kind !== 'change') continue;
    if (proposal.requirements.every(({ policyDigest }) => inForce.has(policyDigest))) continue;
    endOutdated(x, proposal);
  }
}

/** Nobody voted on it under the policies of today. */
export function endOutdated(x: Execution, proposal: Proposal): void {
  if (proposal.state === 'OPEN') closeProposal(x, proposal, 'SUPERSEDED', 'GOVERNANCE_POLICY_CHANGED');
  else revoke(x, proposal, 'GOVERNANCE_POLICY_CHANGED');
}
