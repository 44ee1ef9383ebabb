import type { OrgId } from '../types/brand.ts';
import type { Proposal } from '../types/proposal.ts';

/** f of n validators, one an organisation: n - q with q = floor(2n/3) + 1. */
export function faultyMax(n: number): number {
  return n - (Math.floor((2 * n) / 3) + 1);
}

/**
 * How many organisations other than the requester's must hold the bodies before voting starts: min(f+1, the others), so that at least one honest
 * one can show the electors what they vote on.
 */
export function bodyHoldersNeeded(requester: OrgId | null, orgs: readonly OrgId[]): number {
  const others = orgs.filter((org) => org !== requester).length;
  return Math.min(faultyMax(orgs.length) + 1, others);
}

export function bodyHolders(proposal: Pick<Proposal, 'bodyHeldBy' | 'requester'>): readonly OrgId[] {
  return proposal.bodyHeldBy.filter((org) => org !== proposal.requester.org);
}
