import type { Hash } from '../../types/brand.ts';
import { requestBlock, writeBody } from '../blocks.ts';
import { isValidHere, keepPolka, roundData } from '../height-state.ts';
import { roundNumber } from '../rounds.ts';
import type { HeightState } from '../state.ts';
import { startTimer } from '../timers.ts';
import { trace, write, type Turn } from '../turn.ts';
import { hasQuorumFor, hasQuorumOfAny, quorumBlock, signaturesFor, votersFor } from '../vote-set.ts';
import { castVote } from '../votes.ts';
import { mayTakePart } from '../signer.ts';

/** L36-L43, current round only: lock, set valid and precommit; already precommitted: set valid only. */
export function polkaOfThisRound(turn: Turn, h: HeightState): boolean {
  const { round } = h;
  if (h.validRound >= round) return false;
  const { prevotes } = roundData(h, round);
  const blockId = quorumBlock(prevotes);
  if (blockId === null) return false;
  keepPolka(h, { height: h.config.height, round, blockId, signatures: signaturesFor(prevotes, blockId) });
  if (!isValidHere(h, blockId)) {
    requestBlock(turn, h, blockId, votersFor(prevotes, blockId));
    return false;
  }
  if (h.step === 'propose') return false;
  trace(turn, 'L36');
  if (h.step === 'prevote') lockAndPrecommit(turn, h, blockId);
  h.validRound = round;
  h.validBlock = blockId;
  return true;
}

/** L37-L41. An observer keeps the lock as well, so that it could take part later. */
function lockAndPrecommit(turn: Turn, h: HeightState, blockId: Hash): void {
  const { round } = h;
  const { height } = h.config;
  const polka = h.polkas.get(round);
  h.lockedRound = round;
  h.lockedBlock = blockId;
  h.step = 'precommit';
  if (mayTakePart(turn, h)) {
    writeBody(turn, h, blockId);
    if (polka !== undefined) write(turn, { kind: 'polka', polka });
    write(turn, { kind: 'lock', height, round, blockId });
  }
  castVote(turn, h, 'precommit', blockId);
}

/**
 * A polka of an earlier round that became known late, through a certificate or late prevotes, still makes a valid value. It
 * never locks. Without this a proposer that missed it would go on proposing what the locked ones must refuse. The paper
 * reaches the same by gossiping all prevotes before the next round's timeout.
 */
export function polkaOfEarlierRound(turn: Turn, h: HeightState): boolean {
  for (const [number, { prevotes }] of h.rounds) {
    const round = roundNumber(number);
    if (round >= h.round || round <= h.validRound || h.polkas.has(round)) continue;
    const blockId = quorumBlock(prevotes);
    if (blockId !== null)
      keepPolka(h, { height: h.config.height, round, blockId, signatures: signaturesFor(prevotes, blockId) });
  }
  const newest = Math.max(-1, ...[...h.polkas.keys()].filter((round) => round < h.round));
  const polka = h.polkas.get(newest);
  if (polka === undefined || newest <= h.validRound) return false;
  if (!isValidHere(h, polka.blockId)) {
    requestBlock(
      turn,
      h,
      polka.blockId,
      polka.signatures.map((each) => each.validator),
    );
    return false;
  }
  trace(turn, 'late-polka');
  h.validRound = newest;
  h.validBlock = polka.blockId;
  return true;
}

/** L44-L46, current round only. */
export function nilPolka(turn: Turn, h: HeightState): boolean {
  if (h.step !== 'prevote' || !hasQuorumFor(roundData(h, h.round).prevotes, null)) return false;
  trace(turn, 'L44');
  precommitNil(turn, h);
  return true;
}

/** L34: q prevotes for anything, the first time. A timer only for "mixed" votes would leave a polka without its block stuck. */
export function waitForPrevotes(turn: Turn, h: HeightState): boolean {
  const data = roundData(h, h.round);
  if (h.step !== 'prevote' || data.prevoteTimer || !hasQuorumOfAny(data.prevotes)) return false;
  trace(turn, 'L34');
  data.prevoteTimer = true;
  startTimer(turn, h, 'prevote');
  return true;
}

/** Also L61, where timeoutPrevote ends the wait. */
export function precommitNil(turn: Turn, h: HeightState): void {
  h.step = 'precommit';
  castVote(turn, h, 'precommit', null);
}
