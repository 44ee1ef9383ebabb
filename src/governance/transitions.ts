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
  RESERVED: ['READY', 'EXECUTED', 'UNCERTAIN', 'LAPSED'],
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

/** True until nothing about the proposal can change any more. */
export function isLive(proposal: Pick<Proposal, 'state' | 'kind' | 'changes'>): boolean {
  if (proposal.state === 'OPEN') return true;
  if (proposal.state !== 'APPROVED') return false;
  return proposal.kind === 'configuration' || proposal.changes.some((change) => isChangePending(change.state));
}

/** True while the digest of this change must not get another proposal. */
export function holdsDigest(proposal: Pick<Proposal, 'state'>, change: { readonly state: ChangeState }): boolean {
  return proposal.state === 'OPEN' || (proposal.state === 'APPROVED' && isChangePending(change.state));
}
