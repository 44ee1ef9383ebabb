import type { SignedPosition, WalRecord } from '../types/consensus.ts';
import { ChainError } from '../errors/chain-error.ts';
import { askValidation } from './blocks.ts';
import { repeatOwnMessages } from './catch-up.ts';
import { beginPropose, votesMessage } from './enter-round.ts';
import { blockEntry, keepPolka, newestPolka, roundData, votesOf } from './height-state.ts';
import { roundNumber } from './rounds.ts';
import { comparePositions, positionOf } from './signer.ts';
import { initialState, type ConsensusState, type CoreConfig, type HeightState } from './state.ts';
import { broadcast, trace, type Turn } from './turn.ts';
import { addVote } from './vote-set.ts';

/**
 * The state of a node that starts from its log. `records` are in the order they were written; `position` is the second slot, or null
 * if there is none. If the slot names a position that no record shows, part of the log is lost: that height is only observed.
 */
export function restore(
  core: CoreConfig,
  records: readonly WalRecord[],
  position: SignedPosition | null,
): ConsensusState {
  const state = initialState(core);
  state.replay = records;
  for (const record of records) {
    const message = record.kind === 'vote' ? record.vote : record.kind === 'proposal' ? record.proposal : null;
    if (message === null) continue;
    const at = positionOf(message);
    if (comparePositions(at, state.signed) < 0)
      throw new ChainError('CONSENSUS_CONFIG_INVALID', {
        reason: `the log shows signatures out of order at height ${at.height}`,
      });
    state.signed = at;
    state.signedMessage = message;
  }
  if (position !== null && comparePositions(position, state.signed) > 0) {
    // The log of a committed height is dropped, so a slot may rightly stand alone; then its height never begins again.
    state.observeThrough = position.height;
    state.signed = position;
    state.signedMessage = null;
  }
  return state;
}

/**
 * Takes the records of the height that begins. Resumes at the highest round written, never at 0; the lock comes back, and
 * valid = locked; the own messages of that round are sent again.
 */
export function resumeHeight(turn: Turn, h: HeightState): void {
  const { state } = turn;
  const { height } = h.config;
  const records = state.replay.filter((record) => heightOfRecord(record) === height);
  state.replay = state.replay.filter((record) => heightOfRecord(record) > height);
  if (records.length === 0) return;
  trace(turn, 'resume');
  h.step = 'propose';
  for (const record of records) apply(h, record);
  h.validRound = h.lockedRound;
  h.validBlock = h.lockedBlock;
  for (const [blockId, block] of h.blocks) if (block.persisted) askValidation(turn, h, blockId);
  h.step = stepReached(state, h);
  const polka = newestPolka(h);
  if (polka !== null) broadcast(turn, votesMessage(h, [], polka));
  repeatOwnMessages(turn, h);
  if (h.step === 'propose') beginPropose(turn, h);
}

function apply(h: HeightState, record: WalRecord): void {
  switch (record.kind) {
    case 'round-entry':
      h.round = roundNumber(Math.max(h.round, record.round));
      return;
    case 'proposal':
      h.round = roundNumber(Math.max(h.round, record.proposal.round));
      roundData(h, record.proposal.round).proposal = { proposal: record.proposal, receivedMs: 0 };
      return;
    case 'vote': {
      const { vote } = record;
      h.round = roundNumber(Math.max(h.round, vote.round));
      addVote(votesOf(roundData(h, vote.round), vote.type), vote, true);
      h.reached.set(vote.validator, Math.max(vote.round, h.reached.get(vote.validator) ?? 0));
      return;
    }
    case 'lock':
      h.lockedRound = record.round;
      h.lockedBlock = record.blockId;
      return;
    case 'polka':
      keepPolka(h, record.polka);
      for (const { validator, signature } of record.polka.signatures) {
        const { round, blockId } = record.polka;
        addVote(
          roundData(h, round).prevotes,
          { kind: 'vote', type: 'prevote', height: record.polka.height, round, blockId, validator, signature },
          true,
        );
      }
      return;
    case 'block':
      blockEntry(h, record.blockId).persisted = true;
      return;
    case 'decision':
      h.commit = record.certificate;
      return;
    default:
      return record satisfies never;
  }
}

function stepReached(state: ConsensusState, h: HeightState): 'propose' | 'prevote' | 'precommit' {
  const { signed } = state;
  if (signed.height !== h.config.height || signed.round !== h.round || signed.step < 2) return stepFromVotes(h);
  return signed.step === 2 ? 'prevote' : 'precommit';
}

/** The log may hold heights beyond this one, and then the last signature is not of this height. */
function stepFromVotes(h: HeightState): 'propose' | 'prevote' | 'precommit' {
  const { self } = h.config;
  const data = roundData(h, h.round);
  if (self !== null && data.precommits.slots.has(self)) return 'precommit';
  return self !== null && data.prevotes.slots.has(self) ? 'prevote' : 'propose';
}

/** Height that a record of the log belongs to. */
export function heightOfRecord(record: WalRecord): number {
  switch (record.kind) {
    case 'proposal':
      return record.proposal.height;
    case 'vote':
      return record.vote.height;
    case 'polka':
      return record.polka.height;
    case 'decision':
      return record.certificate.height;
    default:
      return record.height;
  }
}
