import type { HeightState } from '../state.ts';
import type { Turn } from '../turn.ts';
import { decide, nilPrecommits, skipRound, waitForPrecommits } from './precommits.ts';
import { nilPolka, polkaOfEarlierRound, polkaOfThisRound, waitForPrevotes } from './prevotes.ts';
import { prevoteNilWhenProposerIsDown, prevoteProposal } from './propose-step.ts';

/** In this order: a decision ends everything, a later round overtakes the current one, then the steps of the round. */
const rules: readonly ((turn: Turn, h: HeightState) => boolean)[] = [
  decide,
  skipRound,
  prevoteProposal,
  prevoteNilWhenProposerIsDown,
  polkaOfThisRound,
  polkaOfEarlierRound,
  nilPolka,
  waitForPrevotes,
  nilPrecommits,
  waitForPrecommits,
];

/** Applies the paper's "upon" rules until none fires. Each one moves the step or round forward or sets a flag, so this ends. */
export function advance(turn: Turn, h: HeightState): void {
  let fired = true;
  while (fired) {
    if (h.step === 'idle' || h.step === 'decided' || turn.state.halted !== null) return;
    fired = rules.some((rule) => rule(turn, h));
    if (fired) h.lastProgressMs = turn.nowMs;
  }
}
