import type { OrgId } from '../types/brand.ts';
import type { Proposal, Requirement, Vote } from '../types/proposal.ts';
import type { BallotChoice } from '../types/transaction.ts';
import { authorOrgs, isBallotExcluded, isOrgExcluded, isUnclaimed } from './author.ts';

export type TallyInput = Pick<Proposal, 'requester' | 'claims' | 'electors' | 'origin' | 'requirements' | 'votes'>;
/** k of the k-of-m rule of an organisation at the time of counting. */
export type VotesRequired = (org: OrgId) => number;

export type Verdict =
  | { readonly kind: 'approved' }
  | { readonly kind: 'rejected'; readonly code: 'GOVERNANCE_APPROVAL_IMPOSSIBLE' | 'GOVERNANCE_VETOED' }
  /** `unclaimed`: the count ends in neither way before somebody answers for the author. */
  | { readonly kind: 'pending'; readonly unclaimed: boolean };

/** How one requirement stands. */
export interface RequirementTally {
  readonly eligible: readonly OrgId[];
  readonly approvedBy: readonly OrgId[];
  readonly undecided: readonly OrgId[];
  /** Required organisations that have neither approved nor are authors. */
  readonly missingOrgs: readonly OrgId[];
  readonly met: boolean;
  readonly impossible: boolean;
  readonly vetoed: boolean;
}

/** The count over all requirements: every one must be met; one that cannot be met any more rejects. */
export function tally(proposal: TallyInput, votesRequired: VotesRequired): Verdict {
  const excludes = proposal.requirements.some((requirement) => requirement.excludeAuthor !== 'none');
  if (excludes && proposal.electors.length > 1 && isUnclaimed(proposal)) return { kind: 'pending', unclaimed: true };
  const counts = proposal.requirements.map((requirement) => countRequirement(proposal, requirement, votesRequired));
  if (counts.some((count) => count.vetoed)) return { kind: 'rejected', code: 'GOVERNANCE_VETOED' };
  if (counts.some((count) => count.impossible)) return { kind: 'rejected', code: 'GOVERNANCE_APPROVAL_IMPOSSIBLE' };
  // A proposal that nothing is required of does not exist; approving it by an empty count would be the worst of faults.
  if (counts.length > 0 && counts.every((count) => count.met)) return { kind: 'approved' };
  return { kind: 'pending', unclaimed: false };
}

export function countRequirement(
  proposal: TallyInput,
  requirement: Requirement,
  votesRequired: VotesRequired,
): RequirementTally {
  const authors = authorOrgs(proposal);
  const eligible = proposal.electors.filter((org) => !isOrgExcluded(proposal, requirement, org));
  const choices = new Map(eligible.map((org) => [org, choiceOf(proposal, requirement, org, votesRequired(org))]));
  const approvedBy = eligible.filter((org) => choices.get(org) === 'approve');
  const undecided = eligible.filter((org) => choices.get(org) === undefined);
  const missingOrgs = requirement.requiredOrgs.filter((org) => !authors.has(org) && choices.get(org) !== 'approve');
  const lost = missingOrgs.some((org) => choices.get(org) !== undefined || !eligible.includes(org));
  return {
    eligible,
    approvedBy,
    undecided,
    missingOrgs,
    met: approvedBy.length >= requirement.approvals && missingOrgs.length === 0,
    impossible: approvedBy.length + undecided.length < requirement.approvals || lost,
    vetoed: requirement.veto.some((org) => choices.get(org) === 'reject' && hasReason(proposal, requirement, org)),
  };
}

/**
 * The organisation's vote: the choice that k of its members share, counted from the newest ballot back, so that for k = 1 the
 * newest ballot of any member replaces the earlier ones.
 */
function choiceOf(proposal: TallyInput, requirement: Requirement, org: OrgId, k: number): BallotChoice | undefined {
  const counts = { approve: 0, reject: 0, abstain: 0 };
  for (const vote of ballotsOf(proposal, requirement, org)) {
    counts[vote.choice] += 1;
    if (counts[vote.choice] >= k) return vote.choice;
  }
  return undefined;
}

function ballotsOf(proposal: TallyInput, requirement: Requirement, org: OrgId): readonly Vote[] {
  return proposal.votes
    .filter((vote) => vote.org === org && !isBallotExcluded(proposal, requirement, vote))
    .sort((a, b) => b.leaf - a.leaf);
}

/** A veto needs a reason: without one it is a plain rejection. */
function hasReason(proposal: TallyInput, requirement: Requirement, org: OrgId): boolean {
  return ballotsOf(proposal, requirement, org).some((vote) => vote.choice === 'reject' && vote.reason.trim() !== '');
}
