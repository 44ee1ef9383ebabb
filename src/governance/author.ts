import type { OrgId } from '../types/brand.ts';
import type { Proposal, Requirement, Vote } from '../types/proposal.ts';

type Authored = Pick<Proposal, 'requester' | 'claims' | 'electors' | 'origin'>;

/**
 * Organisations that stand behind the proposal: the requester's by binding (for a service account its owner's) and those of all claimants.
 */
export function authorOrgs(proposal: Pick<Proposal, 'requester' | 'claims'>): ReadonlySet<OrgId> {
  const orgs = new Set<OrgId>(proposal.claims.map((claim) => claim.org));
  if (proposal.requester.org !== null) orgs.add(proposal.requester.org);
  return orgs;
}

/** True while nobody answers for the requester: neither a binding nor a claim. */
export function isUnclaimed(proposal: Pick<Proposal, 'requester' | 'claims'>): boolean {
  return proposal.requester.org === null && proposal.claims.length === 0;
}

/** Made by a refusal and claimed by nobody: what a person's own proposal replaces, and what makes room first. */
export function isUnclaimedAutomatic(proposal: Pick<Proposal, 'claims' | 'origin'>): boolean {
  return proposal.origin === 'refusal' && proposal.claims.length === 0;
}

/**
 * Whether the requirement takes this organisation out of numerator and denominator. Where there is one elector only, its own
 * vote counts: nobody else could ever decide.
 */
export function isOrgExcluded(proposal: Authored, requirement: Requirement, org: OrgId): boolean {
  if (requirement.excludedOrgs?.includes(org) === true) return true;
  return requirement.excludeAuthor === 'org' && proposal.electors.length > 1 && authorOrgs(proposal).has(org);
}

/** Whether this member's ballot counts for the requirement. */
export function isBallotExcluded(
  proposal: Authored,
  requirement: Requirement,
  vote: Pick<Vote, 'org' | 'member'>,
): boolean {
  if (isOrgExcluded(proposal, requirement, vote.org)) return true;
  return requirement.excludeAuthor === 'person' && proposal.electors.length > 1 && isAuthor(proposal, vote);
}

function isAuthor(proposal: Authored, person: Pick<Vote, 'org' | 'member'>): boolean {
  const { requester, claims } = proposal;
  if (requester.org === person.org && requester.member === person.member) return true;
  return claims.some((claim) => claim.org === person.org && claim.member === person.member);
}
