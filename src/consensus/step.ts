import type { Effect } from './effect.ts';
import type { ConsensusEvent } from './event.ts';
import { onBlockBuilt, onBlockValidated } from './on/block.ts';
import { onMessage } from './on/message.ts';
import { onPeerDown, onPeerUp } from './on/peer.ts';
import { onStart } from './on/start.ts';
import { onSyncedBlock } from './on/synced-block.ts';
import { onTick } from './on/tick.ts';
import { onTimeout } from './on/timeout.ts';
import { onTxsAvailable } from './on/txs.ts';
import type { ConsensusState } from './state.ts';
import { beginTurn, finishTurn, type Turn } from './turn.ts';

/**
 * The state machine: one event in, effects out, to be carried out in order. Synchronous and deterministic; `state` is mutated in
 * place. A halted core does nothing any more. Throws CONSENSUS_CONFIG_INVALID for an impossible `start`.
 */
export function step(state: ConsensusState, event: ConsensusEvent): readonly Effect[] {
  if (state.halted !== null) return [];
  const turn = beginTurn(state, event.nowMs);
  dispatch(turn, event);
  return finishTurn(turn);
}

function dispatch(turn: Turn, event: ConsensusEvent): void {
  switch (event.type) {
    case 'start': // L10
      return onStart(turn, event);
    case 'message': // L22, L28, L34, L36, L44, L47, L49, L55
      return onMessage(turn, event);
    case 'txs-available': // L10, delayed until there is work
      return onTxsAvailable(turn);
    case 'block-built': // L18
      return onBlockBuilt(turn, event);
    case 'block-validated': // valid(v) of L23, L29, L36, L50
      return onBlockValidated(turn, event);
    case 'timeout': // L57, L61, L65
      return onTimeout(turn, event);
    case 'persist-done': // the shell releases what waited; the core only remembers
      turn.state.durableSeq = Math.max(turn.state.durableSeq, event.seq);
      return;
    case 'peer-down':
      return onPeerDown(turn, event);
    case 'peer-up':
      return onPeerUp(turn, event);
    case 'synced-block':
      return onSyncedBlock(turn, event);
    case 'tick':
      return onTick(turn);
    default:
      return event satisfies never;
  }
}
