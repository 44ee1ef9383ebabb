import type { Proposal } from '../../types/proposal.ts';
import { executeConfiguration } from './configuration.ts';
import { takeDue, type Due } from './due.ts';
import type { Execution } from './execution.ts';
import { closeProposal, readProposal, saveProposal, stateOfChange, withUnused } from './proposals.ts';
import { endReservation } from './reservation.ts';
import { verdictOn } from './settle.ts';

/** First in every block: whatever happens by time alone, oldest first. */
export function runDueTransitions(x: Execution): void {
  for (const due of takeDue(x)) {
    x.ranDue.add(`${due.dueMs} ${due.id}`);
    runDue(x, due);
  }
}

function runDue(x: Execution, { id }: Due): void {
  const [number, what, change] = id.split('/');
  const proposal = readProposal(x.docs, Number(number));
  if (proposal === undefined) return;
  switch (what) {
    case 'bodies':
      if (proposal.state === 'OPEN' && proposal.deadlineVotingMs === null)
        closeProposal(x, proposal, 'UNAVAILABLE', 'GOVERNANCE_BODIES_UNAVAILABLE');
      return;
    case 'voting':
      return endVoting(x, proposal);
    case 'execution':
      return lapse(x, proposal);
    case 'lease':
      // Nobody said in time whether it was stored: the approval may have been used, so it must not be used again.
      if (stateOfChange(x.docs, proposal, Number(change)) === 'RESERVED')
        endReservation(x, proposal, Number(change), 'UNCERTAIN');
      return;
    case 'configuration':
      if (proposal.state === 'APPROVED') executeConfiguration(x, proposal);
      return;
    default:
      throw new Error(`nothing is known to be due under ${id}`);
  }
}

/** Silence is rejection; nobody who answers for the author is no vote at all. */
function endVoting(x: Execution, proposal: Proposal): void {
  if (proposal.state !== 'OPEN') return;
  const verdict = verdictOn(x, proposal);
  if (verdict.kind === 'pending' && verdict.unclaimed)
    closeProposal(x, proposal, 'EXPIRED', 'GOVERNANCE_UNCLAIMED_TOO_LONG');
  else closeProposal(x, proposal, 'REJECTED', 'GOVERNANCE_VOTING_OVER');
}

/** What is in use by then is decided by the observers; what is not has lapsed. */
function lapse(x: Execution, proposal: Proposal): void {
  if (proposal.state !== 'APPROVED') return;
  if (proposal.unused === 'READY') saveProposal(x, proposal, withUnused(proposal, 'LAPSED'));
}
