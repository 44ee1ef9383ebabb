import type { EventOf } from '../event.ts';
import { cancelTimers } from '../timers.ts';
import { trace, type Turn } from '../turn.ts';
import { reportFork } from '../votes.ts';

/** The ledger holds the block: this height needs no consensus here. Also tells a fresh core the last certificate. */
export function onSyncedBlock(turn: Turn, { certificate }: EventOf<'synced-block'>): void {
  const { state } = turn;
  const h = state.current;
  const last = state.lastCertificate;
  if (last !== null && last.height === certificate.height && last.blockId !== certificate.blockId)
    return reportFork(turn, last, certificate);
  if (last !== null && last.height >= certificate.height) return;
  trace(turn, 'synced');
  state.lastCertificate = certificate;
  if (h === null || h.config.height > certificate.height) return;
  cancelTimers(turn, h);
  h.step = 'decided';
}
