import type { OrgId } from '../types/brand.ts';
import type { Member, Organisation } from '../types/chain.ts';

/** Members whose ballots count. */
export function voters(org: Organisation): readonly Member[] {
  return org.members.filter((member) => member.roles.includes('member'));
}

/** False if the organisation's own k-of-m rule can never be met. */
export function canVote(org: Organisation): boolean {
  return voters(org).length >= org.votesRequired;
}

/** Organisations that vote on a proposal that opens now, by name. */
export function electorsOf(orgs: readonly Organisation[]): readonly OrgId[] {
  return orgs
    .filter(canVote)
    .map((org) => org.name)
    .sort();
}
