import { propose, proposeIfOwnTurn } from '../enter-round.ts';
import type { EventOf } from '../event.ts';
import { blockEntry } from '../height-state.ts';
import { advance } from '../rules/advance.ts';
import type { HeightState } from '../state.ts';
import { cancelTimers } from '../timers.ts';
import { trace, type Turn } from '../turn.ts';

/** A block for this node's proposal, if it is still its turn. What was built was executed, so it is valid here. */
export function onBlockBuilt(turn: Turn, event: EventOf<'block-built'>): void {
  const h = turn.state.current;
  if (h === null || h.config.height !== event.height || h.buildingRound !== event.round) return;
  h.buildingRound = -1;
  const { self } = h.config;
  if (event.round !== h.round || h.step !== 'propose' || self === null) return trace(turn, 'built-too-late');
  if (event.built === null) {
    h.txsAvailable = false;
    return idleAgain(turn, h);
  }
  // A lock or a valid value that came meanwhile goes before a new block.
  if (h.validBlock !== null) return proposeValid(turn, h);
  const { blockId, timeMs, appHash } = event.built;
  blockEntry(h, blockId).verdict = { ok: true, proposer: self, timeMs, appHash };
  propose(turn, h, blockId, null);
  advance(turn, h);
}

/** Nothing was usable, and nobody has said anything: back to idle, or the round would end in an empty block. */
function idleAgain(turn: Turn, h: HeightState): void {
  const silent = h.reached.size === 0 && h.polkas.size === 0 && h.commit === null;
  if (h.round > 0 || !silent || [...h.rounds.values()].some((data) => data.proposal !== null)) return;
  cancelTimers(turn, h);
  h.step = 'idle';
}

function proposeValid(turn: Turn, h: HeightState): void {
  proposeIfOwnTurn(turn, h);
  advance(turn, h);
}

/** A named block was executed here. The first verdict stays: execution is deterministic. */
export function onBlockValidated(turn: Turn, event: EventOf<'block-validated'>): void {
  const h = turn.state.current;
  if (h === null || h.config.height !== event.height) return;
  const block = h.blocks.get(event.blockId);
  if (block === undefined || block.verdict !== null) return;
  block.verdict = event.verdict;
  advance(turn, h);
}
