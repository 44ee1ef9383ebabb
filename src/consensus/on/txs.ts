import { activate, proposeIfOwnTurn } from '../enter-round.ts';
import { advance } from '../rules/advance.ts';
import type { Turn } from '../turn.ts';

/** The own mempool is not empty: ends idling, and lets a waiting proposer of round 0 build. */
export function onTxsAvailable(turn: Turn): void {
  const h = turn.state.current;
  if (h === null || h.step === 'decided') return;
  h.txsAvailable = true;
  if (h.step === 'idle') activate(turn, h);
  else proposeIfOwnTurn(turn, h);
  advance(turn, h);
}
