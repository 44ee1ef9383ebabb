import type { HeightState } from './state.ts';
import { timeoutMs, type TimeoutKind } from './timeouts.ts';
import { emit, type Turn } from './turn.ts';

export function startTimer(turn: Turn, h: HeightState, kind: TimeoutKind): void {
  const { round } = h;
  h.timers.push({ round, kind });
  emit(turn, {
    type: 'set-timer',
    height: h.config.height,
    round,
    kind,
    durationMs: timeoutMs(h.config.params, kind, round),
  });
}

export function cancelTimers(turn: Turn, h: HeightState): void {
  for (const { round, kind } of h.timers) emit(turn, { type: 'cancel-timer', height: h.config.height, round, kind });
  h.timers.length = 0;
}

/** A timer fired: it needs no cancelling any more. */
export function forgetTimer(h: HeightState, round: number, kind: TimeoutKind): void {
  const at = h.timers.findIndex((timer) => timer.round === round && timer.kind === kind);
  if (at >= 0) h.timers.splice(at, 1);
}
