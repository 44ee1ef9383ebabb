import type { Hash, Round } from '../types/brand.ts';
import type { PolkaCertificate, Vote, VotesMessage } from '../types/consensus.ts';
import { writeBody } from './blocks.ts';
import { dropPastRounds, newestPolka, roundData } from './height-state.ts';
import { proposerOf } from './proposer.ts';
import { faultyMax } from './quorum.ts';
import { firstRound } from './rounds.ts';
import { mayTakePart, signProposal } from './signer.ts';
import type { HeightState } from './state.ts';
import { cancelTimers, startTimer } from './timers.ts';
import { broadcast, emit, trace, write, type Turn } from './turn.ts';
import { hasQuorumOfAny } from './vote-set.ts';

/** From this round on the polka of the valid value goes along: a lock that few know of would otherwise hide for ever. */
const lockPolkaFromRound = 2;

/** L11: StartRound(round). The entry is written, so a restart never resumes below it. */
export function enterRound(turn: Turn, h: HeightState, round: Round): void {
  trace(turn, 'L11');
  cancelTimers(turn, h);
  const why = round > 0 ? entryVotes(h, round) : [];
  h.round = round;
  h.step = 'propose';
  h.lastProgressMs = turn.nowMs;
  dropPastRounds(h);
  if (round > 0) {
    write(turn, { kind: 'round-entry', height: h.config.height, round });
    const polka = round >= lockPolkaFromRound ? newestPolka(h) : null;
    broadcast(turn, votesMessage(h, why, polka));
  }
  beginPropose(turn, h);
}

/** Idle until there is work: then every node starts timeoutPropose of round 0. */
export function activate(turn: Turn, h: HeightState): void {
  if (h.step === 'idle') enterRound(turn, h, firstRound);
}

/** L14-L21. Every node starts the timer, the proposer too: building may fail. */
export function beginPropose(turn: Turn, h: HeightState): void {
  startTimer(turn, h, 'propose');
  proposeIfOwnTurn(turn, h);
}

/** L14-L19: the valid value with its polka, or a new block. No empty block in round 0. */
export function proposeIfOwnTurn(turn: Turn, h: HeightState): void {
  const { height, validators, self } = h.config;
  if (self !== proposerOf(height, h.round, validators) || !mayTakePart(turn, h)) return;
  if (h.step !== 'propose' || roundData(h, h.round).proposal !== null) return;
  if (h.validBlock !== null) {
    const polka = h.polkas.get(h.validRound);
    // L16: valid value and valid round; the polka was kept with them.
    if (polka !== undefined) propose(turn, h, h.validBlock, polka);
    return;
  }
  if (h.buildingRound === h.round || (h.round === 0 && !h.txsAvailable)) return;
  h.buildingRound = h.round;
  emit(turn, { type: 'build-block', height, round: h.round, allowEmpty: h.round > 0 });
}

export function propose(turn: Turn, h: HeightState, blockId: Hash, polka: PolkaCertificate | null): void {
  const proposal = signProposal(turn, h, blockId, polka);
  if (proposal === null) return;
  trace(turn, polka === null ? 'L18' : 'L16');
  writeBody(turn, h, blockId);
  if (polka !== null) write(turn, { kind: 'polka', polka });
  roundData(h, h.round).proposal = { proposal, receivedMs: turn.nowMs };
  broadcast(turn, proposal);
}

export function votesMessage(h: HeightState, votes: readonly Vote[], polka: PolkaCertificate | null): VotesMessage {
  return { kind: 'votes', height: h.config.height, votes, polka };
}

/** What lets a peer follow into `round`: the precommits of the round before, or f+1 senders that have reached it. */
export function entryVotes(h: HeightState, round: number): readonly Vote[] {
  const before = h.rounds.get(round - 1);
  if (before !== undefined && hasQuorumOfAny(before.precommits)) return [...before.precommits.slots.values()];
  const reached = new Map<number, Vote>();
  for (const [each, data] of h.rounds) {
    if (each < round) continue;
    for (const vote of [...data.prevotes.slots.values(), ...data.precommits.slots.values()])
      reached.set(vote.validator, vote);
  }
  return reached.size > faultyMax(h.config.validators) ? [...reached.values()] : [];
}
