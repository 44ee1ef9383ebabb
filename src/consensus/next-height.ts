import type { ConsensusMessage, ValidatorIndex } from '../types/consensus.ts';
import type { EventOf } from './event.ts';
import type { BufferedMessage, HeightState } from './state.ts';
import { trace, type Turn } from './turn.ts';

/** A proposal, both votes of two rounds and a certificate: what one sender can need to say before this node begins the height. */
const messagesOfSenderMax = 6;
const strangerKey = -1;

/** Keeps the newest few messages of each sender for the height after this one. */
export function bufferNextHeight(turn: Turn, h: HeightState, { from, message }: EventOf<'message'>): void {
  const { state } = turn;
  const height = h.config.height + 1;
  if (state.nextHeight === null || state.nextHeight.height !== height)
    state.nextHeight = { height, validatorsHash: h.config.validatorsHash, messages: [] };
  const { messages } = state.nextHeight;
  const sender = senderOf(message, from);
  const ofSender = messages.filter((each) => senderOf(each.message, each.from) === sender);
  if (ofSender.length >= messagesOfSenderMax) {
    const oldest = ofSender[0];
    if (oldest !== undefined) messages.splice(messages.indexOf(oldest), 1);
    trace(turn, 'next-height-dropped');
  }
  messages.push({ from, message });
}

/** What was kept for the height that begins; nothing if the set changed, as the indices then mean other validators. */
export function takeBuffered(turn: Turn, h: HeightState): readonly BufferedMessage[] {
  const { state } = turn;
  const kept = state.nextHeight;
  state.nextHeight = null;
  if (kept === null || kept.height !== h.config.height || kept.validatorsHash !== h.config.validatorsHash) return [];
  return kept.messages;
}

function senderOf(message: ConsensusMessage, from: ValidatorIndex | null): number {
  if (message.kind === 'proposal' || message.kind === 'vote') return message.validator;
  return from ?? strangerKey;
}
