import type { OrgId } from '../../types/brand.ts';
import type { Proposal } from '../../types/proposal.ts';
import { tally, type Verdict } from '../../governance/tally.ts';
import { configPolicy, organisation } from './committee.ts';
import { executeConfiguration } from './configuration.ts';
import { addDue } from './due.ts';
import type { Execution } from './execution.ts';
import { closeProposal, dueId, saveProposal, withUnused } from './proposals.ts';
import { revoke } from './revoke.ts';

/** The count as it stands, with the organisations' own rules as they are now. */
export function verdictOn(x: Execution, proposal: Proposal): Verdict {
  return tally(proposal, (org: OrgId) => organisation(x.docs, org)?.votesRequired ?? 1);
}

/** After anything that moves the count of an open proposal: approves or rejects it as soon as that is certain. */
export function settle(x: Execution, proposal: Proposal): Proposal {
  // Before enough organisations hold the bodies nothing is decided, though ballots may lie there already.
  if (proposal.state !== 'OPEN' || proposal.deadlineVotingMs === null) return proposal;
  const verdict = verdictOn(x, proposal);
  switch (verdict.kind) {
    case 'approved':
      return approve(x, proposal);
    case 'rejected':
      return closeProposal(x, proposal, 'REJECTED', verdict.code);
    case 'pending':
      return proposal;
  }
}

function approve(x: Execution, proposal: Proposal): Proposal {
  if (proposal.kind === 'configuration') return approveConfiguration(x, proposal);
  const deadlineExecutionMs = x.timeMs + proposal.executionMs;
  addDue(x, { dueMs: deadlineExecutionMs, id: dueId(proposal.id, 'execution') });
  return saveProposal(x, proposal, { ...withUnused(proposal, 'READY'), state: 'APPROVED', deadlineExecutionMs });
}

function approveConfiguration(x: Execution, proposal: Proposal): Proposal {
  const { delayMs } = configPolicy(x.docs);
  const deadlineExecutionMs = x.timeMs + delayMs;
  const approved = saveProposal(x, proposal, { ...proposal, state: 'APPROVED', deadlineExecutionMs });
  if (delayMs === 0) return executeConfiguration(x, approved);
  addDue(x, { dueMs: deadlineExecutionMs, id: dueId(proposal.id, 'configuration') });
  return approved;
}

/** After a ballot on an approved proposal: one that fell below its threshold is revoked before it is used. */
export function revokeIfLost(x: Execution, proposal: Proposal): Proposal {
  if (verdictOn(x, proposal).kind === 'approved') return proposal;
  if (proposal.kind === 'configuration') return closeProposal(x, proposal, 'FAILED', 'GOVERNANCE_APPROVAL_IMPOSSIBLE');
  return revoke(x, proposal, 'GOVERNANCE_APPROVAL_IMPOSSIBLE');
}
