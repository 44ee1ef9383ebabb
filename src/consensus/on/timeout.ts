import { enterRound } from '../enter-round.ts';
import type { EventOf } from '../event.ts';
import { advance } from '../rules/advance.ts';
import { precommitNil } from '../rules/prevotes.ts';
import { prevote } from '../rules/propose-step.ts';
import { roundNumber } from '../rounds.ts';
import type { HeightState } from '../state.ts';
import { forgetTimer } from '../timers.ts';
import { trace, type Turn } from '../turn.ts';

/** One of another height or round does nothing. */
export function onTimeout(turn: Turn, event: EventOf<'timeout'>): void {
  const h = turn.state.current;
  if (h === null || h.config.height !== event.height || h.round !== event.round) return;
  if (h.step === 'idle' || h.step === 'decided') return;
  forgetTimer(h, event.round, event.kind);
  fire(turn, h, event);
  advance(turn, h);
}

function fire(turn: Turn, h: HeightState, { kind }: EventOf<'timeout'>): void {
  switch (kind) {
    case 'propose': // L57-L60
      if (h.step !== 'propose') return;
      trace(turn, 'L57');
      return prevote(turn, h, null);
    case 'prevote': // L61-L64
      if (h.step !== 'prevote') return;
      trace(turn, 'L61');
      return precommitNil(turn, h);
    case 'precommit': // L65-L67
      trace(turn, 'L65');
      return enterRound(turn, h, roundNumber(h.round + 1));
    default:
      return kind satisfies never;
  }
}
