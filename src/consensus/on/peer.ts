import { roundStateOf } from '../catch-up.ts';
import type { EventOf } from '../event.ts';
import { advance } from '../rules/advance.ts';
import { sendTo, type Turn } from '../turn.ts';

/** The connection to a validator has been down for 20 ms: if it is the proposer, its round is as good as lost. */
export function onPeerDown(turn: Turn, event: EventOf<'peer-down'>): void {
  turn.state.down.add(event.validator);
  const h = turn.state.current;
  if (h !== null) advance(turn, h);
}

/** On reconnect a node says where it stands; the peer returns what is missing, in both directions. */
export function onPeerUp(turn: Turn, event: EventOf<'peer-up'>): void {
  turn.state.down.delete(event.validator);
  const h = turn.state.current;
  if (h === null || event.validator === h.config.self) return;
  h.replies.delete(event.validator);
  sendTo(turn, event.validator, roundStateOf(h));
}
