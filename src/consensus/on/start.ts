import { ChainError } from '../../errors/chain-error.ts';
import { roundStateOf } from '../catch-up.ts';
import { activate } from '../enter-round.ts';
import type { EventOf, HeightConfig } from '../event.ts';
import { newHeight } from '../height-state.ts';
import { takeBuffered } from '../next-height.ts';
import { validatorsMax } from '../quorum.ts';
import { resumeHeight } from '../restore.ts';
import { advance } from '../rules/advance.ts';
import type { ConsensusState } from '../state.ts';
import { broadcast, trace, type Turn } from '../turn.ts';
import { deliver } from './message.ts';

/** A height begins: from the log where it has records of it, otherwise idle until there is work. */
export function onStart(turn: Turn, event: EventOf<'start'>): void {
  const { state } = turn;
  const isFirst = state.current === null;
  checkConfig(state, event.config);
  const h = newHeight(event.config, event.txsAvailable, turn.nowMs);
  state.current = h;
  state.down.clear();
  for (const validator of event.down) state.down.add(validator);
  resumeHeight(turn, h);
  const buffered = takeBuffered(turn, h);
  if (event.txsAvailable) activate(turn, h);
  for (const { message, from } of buffered) {
    trace(turn, 'buffered-delivered');
    deliver(turn, h, message, from);
  }
  // Peers may have connected, and decided, before this node took part. Nobody said so to it, and on an idle chain nobody will unless it asks.
  if (isFirst && h.step === 'idle') broadcast(turn, roundStateOf(h));
  advance(turn, h);
}

function checkConfig(state: ConsensusState, config: HeightConfig): void {
  const { validators, self, height } = config;
  const reason =
    validators < 1 || validators > validatorsMax
      ? `${validators} validators; 1 to ${validatorsMax} are possible`
      : self !== null && (self < 0 || self >= validators)
        ? `own index ${self} of ${validators} validators`
        : state.current !== null && height <= state.current.config.height
          ? `height ${height} begins again after ${state.current.config.height}`
          : null;
  if (reason !== null) throw new ChainError('CONSENSUS_CONFIG_INVALID', { reason });
}
