import type { RoundStateMessage, ValidatorIndex, Vote } from '../types/consensus.ts';
import { entryVotes, votesMessage } from './enter-round.ts';
import { newestPolka, roundData } from './height-state.ts';
import { roundNumber } from './rounds.ts';
import type { HeightState } from './state.ts';
import { broadcast, elapsedMs, emit, sendTo, trace, type Turn } from './turn.ts';
import { bitmapOf } from './vote-set.ts';

/** A peer gets at most one answer in this time: a question must not cost less than its answer without end. */
const replyIntervalMs = 200;
/** What one `votes` message may hold on the wire (src/codec/consensus-wire.ts); the rest is asked for again. */
const votesOfMessageMax = 256;
/** Rounds named in a bitmap: the current one and the ones before it, where votes may still be missing. */
const bitmapRounds = 3;

export function roundStateOf(h: HeightState): RoundStateMessage {
  const rounds = [...h.rounds]
    .filter(([round]) => round <= h.round && round > h.round - bitmapRounds)
    .sort(([a], [b]) => b - a)
    .map(([round, { prevotes, precommits }]) => {
      return { round: roundNumber(round), prevotes: bitmapOf(prevotes), precommits: bitmapOf(precommits) };
    });
  return {
    kind: 'round-state',
    height: h.config.height,
    round: h.round,
    active: h.step !== 'idle',
    hasProposal: (h.rounds.get(h.round)?.proposal ?? null) !== null,
    rounds,
  };
}

/** The own messages of the current round, again, and a bitmap: what a node without progress tells everybody. */
export function repeatOwnMessages(turn: Turn, h: HeightState): void {
  const { self } = h.config;
  if (self !== null) {
    const data = roundData(h, h.round);
    if (data.proposal?.proposal.validator === self) broadcast(turn, data.proposal.proposal);
    for (const set of [data.prevotes, data.precommits]) {
      const vote = set.slots.get(self);
      if (vote !== undefined) broadcast(turn, vote);
    }
  }
  broadcast(turn, roundStateOf(h));
}

/** A peer of the same height: return the proposal and votes that it lacks, and what lets it follow into this round. */
export function answerRoundState(
  turn: Turn,
  h: HeightState,
  asked: RoundStateMessage,
  from: ValidatorIndex | null,
): void {
  if (from === null || from === h.config.self || h.step === 'idle' || !mayReply(turn, h, from)) return;
  const votes = new Set<Vote>(asked.round < h.round ? entryVotes(h, h.round) : []);
  for (const { round, prevotes, precommits } of asked.rounds) {
    const data = h.rounds.get(round);
    if (data === undefined) continue;
    for (const vote of [...missing(data.prevotes.slots, prevotes), ...missing(data.precommits.slots, precommits)])
      votes.add(vote);
  }
  // A peer that has not begun, or stands in another round, says nothing of our votes here.
  if (!asked.rounds.some((each) => each.round === h.round)) {
    const mine = roundData(h, h.round);
    for (const vote of [...mine.prevotes.slots.values(), ...mine.precommits.slots.values()]) votes.add(vote);
  }
  const proposal = h.rounds.get(asked.round)?.proposal?.proposal;
  if (!asked.hasProposal && proposal !== undefined) sendTo(turn, from, proposal);
  const polka = newestPolka(h);
  if (votes.size === 0 && polka === null) return;
  trace(turn, 'catch-up');
  sendTo(turn, from, votesMessage(h, [...votes].slice(0, votesOfMessageMax), polka));
}

/** A peer of an earlier height: the certificate of the last one, or the own height, so that it asks for a sync. */
export function answerBehind(turn: Turn, h: HeightState, asked: RoundStateMessage, from: ValidatorIndex | null): void {
  if (from === null || !mayReply(turn, h, from)) return;
  const last = turn.state.lastCertificate;
  trace(turn, 'catch-up');
  if (last !== null && last.height === asked.height) sendTo(turn, from, { kind: 'commit', certificate: last });
  else sendTo(turn, from, roundStateOf(h));
}

/** Peers are ahead: the shell pulls blocks with their certificates. */
export function askSync(turn: Turn, h: HeightState, from: ValidatorIndex | null): void {
  turn.state.syncAsked = Math.max(turn.state.syncAsked, h.ahead);
  trace(turn, 'sync');
  emit(turn, { type: 'request-sync', height: h.ahead, from });
}

function mayReply(turn: Turn, h: HeightState, to: ValidatorIndex): boolean {
  const last = h.replies.get(to);
  if (last !== undefined && elapsedMs(turn, last) < replyIntervalMs) return false;
  h.replies.set(to, turn.nowMs);
  return true;
}

function missing(slots: ReadonlyMap<ValidatorIndex, Vote>, held: number): Vote[] {
  return [...slots.values()].filter((vote) => ((held >>> vote.validator) & 1) === 0);
}
