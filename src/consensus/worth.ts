import type { ConsensusMessage } from '../types/consensus.ts';
import { retains, votesOf } from './height-state.ts';
import type { ConsensusState } from './state.ts';
import { hasQuorumFor, hasVote } from './vote-set.ts';

/**
 * Whether it pays to verify this message: false for what the core would drop anyway, for what it has, and for votes
 * beyond a quorum that is verified already. Never decides anything; a message that is not verified is not delivered.
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
      const set = votesOf(data, message.type);
      return !hasVote(set, message.validator, message.blockId) && !hasQuorumFor(set, message.blockId);
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
