import type { Hash } from '../../types/brand.ts';
import { askValidation } from '../blocks.ts';
import { roundData } from '../height-state.ts';
import type { BlockVerdict } from '../event.ts';
import { proposerOf } from '../proposer.ts';
import type { HeightState, ReceivedProposal } from '../state.ts';
import { isTimely } from '../timely.ts';
import { trace, type Turn } from '../turn.ts';
import { hasQuorumFor } from '../vote-set.ts';
import { castVote } from '../votes.ts';

/** L22 and L28: what this node prevotes on the first proposal of the round. */
export function prevoteProposal(turn: Turn, h: HeightState): boolean {
  const received = roundData(h, h.round).proposal;
  if (h.step !== 'propose' || received === null) return false;
  const { blockId, polRound } = received.proposal;
  // L28 without its polka waits for it, until timeoutPropose.
  if (polRound >= 0 && !hasPolka(h, polRound, blockId)) return false;
  const verdict = h.blocks.get(blockId)?.verdict ?? null;
  if (verdict === null) {
    askValidation(turn, h, blockId);
    return false;
  }
  if (polRound === -1) prevoteFresh(turn, h, received, verdict);
  else prevoteAgain(turn, h, received, verdict);
  return true;
}

/** L22-L26. The header's proposer must be this round's: a block of another one has to come with its polka. */
function prevoteFresh(turn: Turn, h: HeightState, received: ReceivedProposal, verdict: BlockVerdict): void {
  trace(turn, 'L22');
  const { blockId, validator } = received.proposal;
  const { config } = h;
  const acceptable =
    verdict.ok === true &&
    verdict.proposer === validator &&
    (validator === config.self ||
      isTimely(config.params, h.round, verdict.timeMs, received.receivedMs, config.lastBlockTimeMs)) &&
    (h.lockedRound === -1 || h.lockedBlock === blockId);
  prevote(turn, h, acceptable ? blockId : null);
}

/** L28-L33. A polka at or above the lock's round frees from the lock. */
function prevoteAgain(turn: Turn, h: HeightState, received: ReceivedProposal, verdict: BlockVerdict): void {
  trace(turn, 'L28');
  const { blockId, polRound } = received.proposal;
  const acceptable = verdict.ok === true && (h.lockedRound <= polRound || h.lockedBlock === blockId);
  prevote(turn, h, acceptable ? blockId : null);
}

/** Nil at once where the proposer cannot be reached; nil is always safe. */
export function prevoteNilWhenProposerIsDown(turn: Turn, h: HeightState): boolean {
  if (h.step !== 'propose' || roundData(h, h.round).proposal !== null) return false;
  const { height, validators, self } = h.config;
  const proposer = proposerOf(height, h.round, validators);
  if (proposer === self || !turn.state.down.has(proposer)) return false;
  trace(turn, 'proposer-down');
  prevote(turn, h, null);
  return true;
}

/** Also L57, where timeoutPropose ends the wait. */
export function prevote(turn: Turn, h: HeightState, blockId: Hash | null): void {
  h.step = 'prevote';
  castVote(turn, h, 'prevote', blockId);
}

function hasPolka(h: HeightState, round: number, blockId: Hash): boolean {
  if (h.polkas.get(round)?.blockId === blockId) return true;
  const data = h.rounds.get(round);
  return data !== undefined && hasQuorumFor(data.prevotes, blockId);
}
