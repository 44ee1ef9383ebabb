import type { LeafIndex, OrgId } from '../../types/brand.ts';
import type { Proposal, Vote } from '../../types/proposal.ts';
import type { BallotPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { isBallotExcluded } from '../../governance/author.ts';
import { isUntouched } from '../../governance/transitions.ts';
import { checkVoter, organisation } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { proposalById, saveProposal } from './proposals.ts';
import { revokeIfLost, settle } from './settle.ts';

/** Kept of one organisation: with reasons of the longest kind, those of 23 organisations still fit into one state value. */
const BALLOTS_PER_ORG_MAX = 16;

/** One member's ballot. A later one replaces it until the approval is in use. */
export function executeBallot(x: Execution, payload: BallotPayload, leaf: LeafIndex): Outcome {
  const { org, member, sequence, choice, reason } = payload;
  checkVoter(x.docs, org, member);
  const proposal = proposalById(x, payload.proposal);
  checkBallot(x, proposal, payload);
  const others = proposal.votes.filter((vote) => vote.org !== org || vote.member !== member);
  const votes = [...makeRoom(x, others, org), { org, member, choice, sequence, reason, atMs: x.timeMs, leaf }];
  const voted = saveProposal(x, proposal, { ...proposal, votes });
  if (voted.state === 'APPROVED') revokeIfLost(x, voted);
  else settle(x, voted);
  return done(proposal.id);
}

/** The newest ballots are the ones that count, so the organisation's oldest one goes. Votes stand in the order in which they were cast. */
function makeRoom(x: Execution, votes: readonly Vote[], org: OrgId): readonly Vote[] {
  const keptMax = Math.max(BALLOTS_PER_ORG_MAX, organisation(x.docs, org)?.votesRequired ?? 1);
  const oldest =
    votes.filter((vote) => vote.org === org).length >= keptMax ? votes.find((vote) => vote.org === org) : undefined;
  return votes.filter((vote) => vote !== oldest);
}

function checkBallot(x: Execution, proposal: Proposal, { org, member, sequence, termsHash }: BallotPayload): void {
  const { id, state, deadlineVotingMs } = proposal;
  if (state !== 'OPEN' && state !== 'APPROVED')
    throw new ChainError('GOVERNANCE_PROPOSAL_CLOSED', { proposal: id, state });
  if (state === 'APPROVED' && !isUntouched(proposal)) {
    throw new ChainError('GOVERNANCE_BALLOT_IN_USE', { proposal: id });
  }
  if (state === 'OPEN' && deadlineVotingMs !== null && x.timeMs > deadlineVotingMs) {
    throw new ChainError('GOVERNANCE_BALLOT_LATE', { proposal: id, deadlineMs: deadlineVotingMs });
  }
  if (termsHash !== proposal.termsHash) throw new ChainError('GOVERNANCE_BALLOT_TERMS', { proposal: id });
  if (!proposal.electors.includes(org)) throw new ChainError('GOVERNANCE_BALLOT_STRANGER', { proposal: id, org });
  if (proposal.requirements.every((requirement) => isBallotExcluded(proposal, requirement, { org, member }))) {
    throw new ChainError('GOVERNANCE_BALLOT_EXCLUDED', { proposal: id, org, member });
  }
  const last = proposal.votes.find((vote) => vote.org === org && vote.member === member)?.sequence;
  if (last === sequence) throw new ChainError('GOVERNANCE_BALLOT_REPEATED', { proposal: id, sequence });
  if (last !== undefined && sequence < last)
    throw new ChainError('GOVERNANCE_BALLOT_SUPERSEDED', { proposal: id, sequence, last });
}
