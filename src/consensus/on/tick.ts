import { askSync, repeatOwnMessages } from '../catch-up.ts';
import { advance } from '../rules/advance.ts';
import { elapsedMs, trace, type Turn } from '../turn.ts';

/** Longer than a round among well-connected nodes, so that a working chain repeats nothing. */
const noProgressMs = 1_000;

/**
 * Each second without progress, and each second of a round after the first: own messages and bitmap again, missing blocks and heights asked for
 * again. Idle: silence. In later rounds a vote or a new round is no progress: where some pairs do not hear each other these go on for ever, and
 * only a third node can tell each what the other said.
 */
export function onTick(turn: Turn): void {
  const h = turn.state.current;
  if (h === null || h.step === 'decided') return;
  if (h.round === 0 && elapsedMs(turn, h.lastProgressMs) < noProgressMs) return;
  if (h.ahead > h.config.height) askSync(turn, h, null);
  if (h.step === 'idle') return;
  trace(turn, 'repeat');
  for (const block of h.blocks.values()) {
    block.requested = false;
    block.asked = false;
  }
  repeatOwnMessages(turn, h);
  advance(turn, h);
}
