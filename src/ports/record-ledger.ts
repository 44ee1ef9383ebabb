import type { Hash } from '../types/brand.ts';
import type { RecordedChange } from '../types/transaction.ts';

export type RecordOutcome =
  /** A quorum has committed it. */
  | { readonly kind: 'committed'; readonly height: number; readonly leaf: number }
  /** It is in this node's spool, durable, and will be anchored. */
  | { readonly kind: 'spooled' }
  /** The spool is full or its disk too slow: it is counted as lost, unless it is anchored later all the same. */
  | { readonly kind: 'lost'; readonly reason: string };

/** The record hook's way to the log. */
export interface RecordLedger {
  /** Never rejects; resolves by `deadlineMs` (epoch) at the latest, in whatever state chain and disk are. */
  record(change: RecordedChange, keyId: Hash, deadlineMs: number): Promise<RecordOutcome>;
  /** A write of the control plane that could not even be offered: it is counted with those that the spool did not take. */
  missed(): void;
}
