import { ChainError } from '../errors/chain-error.ts';
import type { ChangeState, Proposal, ProposalState } from '../types/proposal.ts';

/** Closed tables (governance.md): what is not listed does not happen. A state without an arrow is terminal and never changes. */
export const PROPOSAL_TRANSITIONS: { readonly [S in ProposalState]: readonly ProposalState[] } = {
  OPEN: ['APPROVED', 'REJECTED', 'WITHDRAWN', 'EXPIRED', 'SUPERSEDED', 'UNAVAILABLE'],
  // Of a configuration proposal only; for changes APPROVED is the end of the vote, and each change goes on by itself.
  APPROVED: ['EXECUTED', 'FAILED'],
  REJECTED: [],
  WITHDRAWN: [],
  EXPIRED: [],
  SUPERSEDED: [],
  UNAVAILABLE: [],
  EXECUTED: [],
  FAILED: [],
};

export const CHANGE_TRANSITIONS: { readonly [S in ChangeState]: readonly ChangeState[] } = {
  OPEN: ['READY'],
  READY: ['RESERVED', 'EXECUTED', 'LAPSED', 'REVOKED', 'STALE'],
  RESERVED: ['READY', 'EXECUTED', 'UNCERTAIN', 'LAPSED', 'REVOKED'],
  EXECUTED: [],
  UNCERTAIN: [],
  LAPSED: [],
  REVOKED: [],
  STALE: [],
};

/** Throws GOVERNANCE_TRANSITION unless the table has the arrow. */
export function checkProposalTransition(from: ProposalState, to: ProposalState): void {
  if (!PROPOSAL_TRANSITIONS[from].includes(to)) throw new ChainError('GOVERNANCE_TRANSITION', { from, to });
}

export function checkChangeTransition(from: ChangeState, to: ChangeState): void {
  if (!CHANGE_TRANSITIONS[from].includes(to)) throw new ChainError('GOVERNANCE_TRANSITION', { from, to });
}

/** READY or RESERVED: the approval of this change may still be used or its use be confirmed. */
export function isChangePending(state: ChangeState): boolean {
  return state === 'READY' || state === 'RESERVED';
}

type Counted = Pick<Proposal, 'state' | 'kind' | 'changeCount' | 'unused' | 'reserved' | 'executed' | 'uncertain'>;

/** How many changes have no `ChangeUse`: they are all in the state `unused`. */
export function unusedCount({
  changeCount,
  reserved,
  executed,
  uncertain,
}: Pick<Proposal, 'changeCount' | 'reserved' | 'executed' | 'uncertain'>): number {
  return changeCount - reserved.length - executed - uncertain;
}

/** True until nothing about the proposal can change any more. */
export function isLive(proposal: Counted): boolean {
  if (proposal.state === 'OPEN') return true;
  if (proposal.state !== 'APPROVED') return false;
  if (proposal.kind === 'configuration' || proposal.reserved.length > 0) return true;
  return proposal.unused === 'READY' && unusedCount(proposal) > 0;
}

/** True while none of the approvals is in use, spent or lost: only then may votes still change them. */
export function isUntouched(proposal: Counted): boolean {
  return unusedCount(proposal) === proposal.changeCount && (proposal.unused === 'OPEN' || proposal.unused === 'READY');
}

/** True while the digest of this change must not get another proposal. */
export function holdsDigest(proposal: Pick<Proposal, 'state'>, change: ChangeState): boolean {
  return proposal.state === 'OPEN' || (proposal.state === 'APPROVED' && isChangePending(change));
}
