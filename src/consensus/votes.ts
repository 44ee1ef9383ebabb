import type { Hash } from '../types/brand.ts';
import type { PolkaCertificate, Vote, VoteType } from '../types/consensus.ts';
import type { Certificate } from '../types/chain.ts';
import { dropSupersededFuture, keepPolka, pastRoundsKept, retains, roundData, votesOf } from './height-state.ts';
import { signVote } from './signer.ts';
import type { HeightState } from './state.ts';
import { broadcast, emit, trace, type Turn } from './turn.ts';
import { addVote } from './vote-set.ts';

/** Puts a verified vote where it belongs; a second, different one of a validator becomes evidence. */
export function recordVote(turn: Turn, h: HeightState, vote: Vote, certified: boolean): void {
  if (vote.validator >= h.config.validators) return;
  if (!certified) {
    if (!retains(h, vote.validator, vote.round)) return trace(turn, 'vote-dropped');
    dropSupersededFuture(h, vote.validator, vote.round);
  }
  const { added, conflictsWith } = addVote(votesOf(roundData(h, vote.round), vote.type), vote, certified);
  h.reached.set(vote.validator, Math.max(vote.round, h.reached.get(vote.validator) ?? 0));
  if (added) h.lastProgressMs = turn.nowMs;
  if (conflictsWith === null) return;
  trace(turn, 'equivocation');
  emit(turn, { type: 'evidence', equivocation: { kind: 'vote', first: conflictsWith, second: vote } });
}

/** Signs, counts and sends an own vote of the current round. An observer moves on without one. */
export function castVote(turn: Turn, h: HeightState, type: VoteType, blockId: Hash | null): void {
  const vote = signVote(turn, h, type, blockId);
  if (vote === null) return;
  recordVote(turn, h, vote, true);
  broadcast(turn, vote);
}

/** The votes of a verified polka count, even where a slot holds another value. */
export function recordPolka(turn: Turn, h: HeightState, polka: PolkaCertificate): void {
  keepPolka(h, polka);
  recordCertified(turn, h, 'prevote', polka);
}

/** q verified precommits: L49 needs no more than the block. */
export function recordCommit(turn: Turn, h: HeightState, certificate: Certificate): void {
  recordCertified(turn, h, 'precommit', certificate);
  if (h.commit === null) h.commit = certificate;
  else if (h.commit.blockId !== certificate.blockId) reportFork(turn, h.commit, certificate);
}

/** Two quorums for one height: more than f signed twice. Nothing that this node could do repairs it. */
export function reportFork(turn: Turn, decided: Certificate, other: Certificate): void {
  if (turn.state.halted !== null) return;
  turn.state.halted = { code: 'CONSENSUS_FORK', height: decided.height, decided, other };
  trace(turn, 'fork');
  emit(turn, { type: 'halt', reason: turn.state.halted });
}

function recordCertified(turn: Turn, h: HeightState, type: VoteType, certificate: PolkaCertificate): void {
  const { height, round, blockId } = certificate;
  // A round that is not kept any more: the certificate itself is all that is needed of it.
  if (round < h.round - pastRoundsKept) return;
  for (const { validator, signature } of certificate.signatures)
    recordVote(turn, h, { kind: 'vote', type, height, round, blockId, validator, signature }, true);
}
