import type { ConsensusMessage, ValidatorIndex, WalRecord } from '../types/consensus.ts';
import type { Effect } from './effect.ts';
import type { ConsensusState } from './state.ts';

/**
 * One call of `step`: collects what it writes and what it does.
 *
 * The durability contract is kept here and nowhere else. Whatever a step signs goes into `records`; all records of a step
 * become one `persist` with the next seq, which is the first effect; and every message and decision of the step waits for the
 * newest seq there is. As the log is one append-only file, whatever an earlier step wrote is then durable as well. So:
 *   - a proposal and the own prevote wait for the body, the POL polka and both signatures (one sync);
 *   - a prevote waits for its own record; a precommit for v for lock, polka, body and signature; nil for the vote;
 *   - a message of round r waits for the entry into r, which was written when r was entered;
 *   - the first signature at h+1 waits for the certificate and the body of h, which were written when h was decided.
 * Relayed votes of others wait too: they may stand beside an own one, and a sync is short.
 */
export interface Turn {
  readonly state: ConsensusState;
  readonly nowMs: number;
  readonly records: WalRecord[];
  readonly drafts: Draft[];
}

type Held = Extract<Effect, { readonly afterSeq: number }>;
type WithoutSeq<E> = E extends unknown ? Omit<E, 'afterSeq'> : never;
type Draft = Exclude<Effect, Held | { readonly type: 'persist' }> | WithoutSeq<Held>;

export function beginTurn(state: ConsensusState, nowMs: number): Turn {
  return { state, nowMs, records: [], drafts: [] };
}

export function write(turn: Turn, ...records: readonly WalRecord[]): void {
  turn.records.push(...records);
}

export function emit(turn: Turn, effect: Draft): void {
  turn.drafts.push(effect);
}

export function broadcast(turn: Turn, message: ConsensusMessage): void {
  emit(turn, { type: 'broadcast', message });
}

export function sendTo(turn: Turn, to: ValidatorIndex, message: ConsensusMessage): void {
  emit(turn, { type: 'send', to, message });
}

export function trace(turn: Turn, rule: string): void {
  turn.state.core.trace?.(rule);
}

/** A clock that was set back must not silence this node until it has caught up again. */
export function elapsedMs(turn: Turn, sinceMs: number): number {
  return turn.nowMs < sinceMs ? Number.POSITIVE_INFINITY : turn.nowMs - sinceMs;
}

export function finishTurn(turn: Turn): readonly Effect[] {
  const { state, records, drafts } = turn;
  const effects: Effect[] = [];
  if (records.length > 0) {
    state.seq += 1;
    effects.push({ type: 'persist', seq: state.seq, records, position: state.signed });
  }
  for (const draft of drafts) effects.push(isHeld(draft) ? ({ ...draft, afterSeq: state.seq } as Held) : draft);
  return effects;
}

function isHeld(draft: Draft): draft is WithoutSeq<Held> {
  return draft.type === 'broadcast' || draft.type === 'send' || draft.type === 'decide';
}
