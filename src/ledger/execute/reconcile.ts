import type { Proposal } from '../../types/proposal.ts';
import { requirementsOf } from '../../governance/requirement.ts';
import { matchedNow } from './committee.ts';
import type { Execution } from './execution.ts';
import { closeProposal, liveProposalIds, proposalById } from './proposals.ts';
import { revoke } from './revoke.ts';

/**
 * After policies changed: a proposal whose changes are matched by other policies than it was opened under can no longer be used. It ends, so that
 * the next refusal opens one under the policies of today.
 */
export function reconcileProposals(x: Execution): void {
  for (const id of liveProposalIds(x.docs)) {
    const proposal = proposalById(x, id);
    if (proposal.kind !== 'change' || sameRequirements(x, proposal)) continue;
    if (proposal.state === 'OPEN') closeProposal(x, proposal, 'SUPERSEDED', 'GOVERNANCE_POLICY_CHANGED');
    else revoke(x, proposal, 'GOVERNANCE_POLICY_CHANGED');
  }
}

function sameRequirements(x: Execution, proposal: Proposal): boolean {
  const now = requirementsOf(proposal.changes.flatMap((change) => matchedNow(x, change.attributes)));
  const then = proposal.requirements;
  return (
    now.length === then.length && now.every((requirement, i) => requirement.policyDigest === then[i]?.policyDigest)
  );
}
