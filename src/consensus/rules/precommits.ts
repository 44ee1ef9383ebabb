import { requestBlock, writeBody } from '../blocks.ts';
import { enterRound } from '../enter-round.ts';
import { roundData } from '../height-state.ts';
import { faultyMax } from '../quorum.ts';
import { roundNumber } from '../rounds.ts';
import type { HeightState } from '../state.ts';
import { cancelTimers, startTimer } from '../timers.ts';
import { emit, trace, write, type Turn } from '../turn.ts';
import { hasQuorumFor, hasQuorumOfAny, quorumBlocks, signaturesFor } from '../vote-set.ts';
import { reportFork } from '../votes.ts';

/** L49-L54: q precommits for one block in any round, and the block. Valid by a quorum but invalid here is divergence. */
export function decide(turn: Turn, h: HeightState): boolean {
  findCommit(turn, h);
  const { commit } = h;
  if (commit === null || turn.state.halted !== null) return false;
  const verdict = h.blocks.get(commit.blockId)?.verdict ?? null;
  if (verdict === null) {
    requestBlock(
      turn,
      h,
      commit.blockId,
      commit.signatures.map((each) => each.validator),
    );
    return false;
  }
  if (verdict.ok !== true) {
    diverge(turn, h, verdict.detail);
    return false;
  }
  trace(turn, 'L49');
  writeBody(turn, h, commit.blockId);
  write(turn, { kind: 'decision', certificate: commit });
  h.step = 'decided';
  turn.state.lastCertificate = commit;
  cancelTimers(turn, h);
  emit(turn, { type: 'decide', certificate: commit });
  return true;
}

function findCommit(turn: Turn, h: HeightState): void {
  for (const [number, { precommits }] of h.rounds) {
    for (const blockId of quorumBlocks(precommits)) {
      if (blockId === h.commit?.blockId) continue;
      const [{ height }, round] = [h.config, roundNumber(number)];
      const found = { height, round, blockId, signatures: signaturesFor(precommits, blockId) };
      if (h.commit === null) h.commit = found;
      else reportFork(turn, h.commit, found);
    }
  }
}

function diverge(turn: Turn, h: HeightState, detail: string): void {
  if (h.commit === null) return;
  trace(turn, 'divergence');
  const { height, blockId } = h.commit;
  turn.state.halted = { code: 'STATE_DIVERGENCE', height, blockId, certificate: h.commit, detail };
  cancelTimers(turn, h);
  emit(turn, { type: 'halt', reason: turn.state.halted });
}

/**
 * L55-L56: to the highest round that f+1 senders have reached, never to the highest that one of them names. Votes count, as
 * only they were verified to be the sender's.
 */
export function skipRound(turn: Turn, h: HeightState): boolean {
  const descending = [...h.reached.values()].sort((a, b) => b - a);
  const reached = descending[faultyMax(h.config.validators)];
  if (reached === undefined || reached <= h.round) return false;
  trace(turn, 'L55');
  enterRound(turn, h, roundNumber(reached));
  return true;
}

/** q nil precommits of this round: nothing can be decided in it any more. */
export function nilPrecommits(turn: Turn, h: HeightState): boolean {
  if (!hasQuorumFor(roundData(h, h.round).precommits, null)) return false;
  trace(turn, 'nil-precommits');
  enterRound(turn, h, roundNumber(h.round + 1));
  return true;
}

/** L47: q precommits for anything, the first time. */
export function waitForPrecommits(turn: Turn, h: HeightState): boolean {
  const data = roundData(h, h.round);
  if (data.precommitTimer || !hasQuorumOfAny(data.precommits)) return false;
  trace(turn, 'L47');
  data.precommitTimer = true;
  startTimer(turn, h, 'precommit');
  return true;
}
