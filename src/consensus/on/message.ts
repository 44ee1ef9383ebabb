import type { Height } from '../../types/brand.ts';
import type { ConsensusMessage, Proposal, ValidatorIndex } from '../../types/consensus.ts';
import { answerBehind, answerRoundState, askSync } from '../catch-up.ts';
import { activate } from '../enter-round.ts';
import type { EventOf } from '../event.ts';
import { makesRoomForFuture, retains, roundData } from '../height-state.ts';
import { bufferNextHeight } from '../next-height.ts';
import { proposerOf } from '../proposer.ts';
import { advance } from '../rules/advance.ts';
import type { HeightState } from '../state.ts';
import { emit, trace, type Turn } from '../turn.ts';
import { recordCommit, recordPolka, recordVote, reportFork } from '../votes.ts';

/** A verified message of whatever height. */
export function onMessage(turn: Turn, event: EventOf<'message'>): void {
  const { state } = turn;
  const h = state.current;
  if (h === null) return;
  const { message, from } = event;
  const height = message.kind === 'commit' ? message.certificate.height : message.height;
  const own = h.config.height;
  if (height < own) return onEarlierHeight(turn, h, message, from);
  if (height > own) return onLaterHeight(turn, h, event, height);
  if (h.step === 'decided') return onDecidedHeight(turn, message, from);
  deliver(turn, h, message, from);
  advance(turn, h);
}

/** A message of the current height; also for those that were buffered until the height began. */
export function deliver(turn: Turn, h: HeightState, message: ConsensusMessage, from: ValidatorIndex | null): void {
  // Only what somebody signed ends idling: a reconnect must not set an idle chain going.
  if (message.kind === 'round-state') return answerRoundState(turn, h, message, from);
  activate(turn, h);
  switch (message.kind) {
    case 'proposal':
      return recordProposal(turn, h, message);
    case 'vote':
      return recordVote(turn, h, message, false);
    case 'votes':
      for (const vote of message.votes) recordVote(turn, h, vote, false);
      if (message.polka !== null) recordPolka(turn, h, message.polka);
      return;
    case 'commit':
      return recordCommit(turn, h, message.certificate);
    default:
      return message satisfies never;
  }
}

/** The first proposal of the round's proposer stays; a different second one is evidence. */
function recordProposal(turn: Turn, h: HeightState, proposal: Proposal): void {
  const { height, round, validator, blockId, polRound, polka } = proposal;
  if (validator !== proposerOf(height, round, h.config.validators) || polRound >= round) return;
  if (polka !== null) recordPolka(turn, h, polka);
  if (!retains(h, validator, round) || !makesRoomForFuture(h, validator, round)) return trace(turn, 'proposal-dropped');
  const data = roundData(h, round);
  const first = data.proposal?.proposal;
  if (first === undefined) {
    data.proposal = { proposal, receivedMs: turn.nowMs };
    h.lastProgressMs = turn.nowMs;
    return;
  }
  if ((first.blockId === blockId && first.polRound === polRound) || data.proposalConflict) return;
  data.proposalConflict = true;
  trace(turn, 'equivocation');
  emit(turn, { type: 'evidence', equivocation: { kind: 'proposal', first, second: proposal } });
}

function onEarlierHeight(turn: Turn, h: HeightState, message: ConsensusMessage, from: ValidatorIndex | null): void {
  const last = turn.state.lastCertificate;
  if (message.kind === 'commit') {
    const other = message.certificate;
    if (last !== null && last.height === other.height && last.blockId !== other.blockId) reportFork(turn, last, other);
  } else if (message.kind === 'round-state') answerBehind(turn, h, message, from);
}

/** The block is decided, the next height has not begun: peers still get the certificate. */
function onDecidedHeight(turn: Turn, message: ConsensusMessage, from: ValidatorIndex | null): void {
  const last = turn.state.lastCertificate;
  if (last === null) return;
  if (message.kind === 'round-state' && from !== null)
    emit(turn, { type: 'send', to: from, message: { kind: 'commit', certificate: last } });
  if (message.kind === 'commit' && message.certificate.blockId !== last.blockId)
    reportFork(turn, last, message.certificate);
}

function onLaterHeight(turn: Turn, h: HeightState, event: EventOf<'message'>, height: Height): void {
  const next = h.config.height + 1;
  if (height === next && event.message.kind !== 'round-state') bufferNextHeight(turn, h, event);
  if (height > h.ahead) h.ahead = height;
  // One above may be a message that overtook its decision; a node that idles has missed that decision.
  if (h.step === 'decided' || (height === next && h.step !== 'idle')) return;
  if (height > turn.state.syncAsked) askSync(turn, h, event.from);
}
