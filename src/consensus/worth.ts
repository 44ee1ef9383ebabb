import type { ConsensusMessage } from '../types/consensus.ts';
import { retains, votesOf } from './height-state.ts';
import type { ConsensusState } from './state.ts';
import { hasVote } from './vote-set.ts';

/**
 * Whether it pays to verify this message: false for what the core would drop anyway, and for what it has. A vote beyond a quorum decides nothing any more, but it must be
 * known for the other vote of its signer to be found. Never decides anything; a message that is not verified is not delivered.
 */
export function isWorthVerifying(state: ConsensusState, message: ConsensusMessage): boolean {
  const h = state.current;
  if (h === null || state.halted !== null) return false;
  const height = message.kind === 'commit' ? message.certificate.height : message.height;
  if (height !== h.config.height)
    return message.kind === 'round-state' || message.kind === 'commit' || height > h.config.height;
  if (h.step === 'decided') return message.kind === 'round-state' || message.kind === 'commit';
  switch (message.kind) {
    case 'vote': {
      if (!retains(h, message.validator, message.round)) return false;
      const data = h.rounds.get(message.round);
      if (data === undefined) return true;
      return !hasVote(votesOf(data, message.type), message.validator, message.blockId);
    }
    case 'proposal': {
      if (!retains(h, message.validator, message.round)) return false;
      const held = h.rounds.get(message.round)?.proposal?.proposal;
      return held === undefined || held.blockId !== message.blockId || held.polRound !== message.polRound;
    }
    default:
      return true;
  }
}
