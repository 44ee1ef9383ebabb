import { decodeWalRecord, type LoggedRecord } from '../codec/consensus-wal.ts';
import { BLOCK_BYTES_CAP } from '../ledger/limits.ts';
import type { SignedTriple, WalReplay, WriteAheadLog } from '../ports/log-file.ts';
import type { openWal, Store } from '../store/index.ts';

/** Node-local value: a log was made for this store, so that one that is gone is noticed. */
export const walCreatedKey = 'wal/created';

export interface ConsensusLog {
  readonly wal: WriteAheadLog;
  readonly records: readonly LoggedRecord[];
  readonly position: SignedTriple | null;
  /** Why this node must not sign; empty if it may. */
  readonly observeReason: string;
}

/**
 * Opens the consensus log of a store. A node whose log is damaged or gone may have signed what it no longer knows: it takes
 * part as an observer, signs nothing, and says why, until an operator decides. Its log stays as it is.
 */
export async function openConsensusLog(store: Store, dir: string, open: typeof openWal): Promise<ConsensusLog> {
  const isKnown = store.local.get(walCreatedKey) !== undefined;
  const { wal, replay } = await open(dir, { mode: isKnown ? 'resume' : 'create' });
  if (!isKnown) await store.local.put(walCreatedKey, new Uint8Array([1]));
  if (replay.condition === 'damaged' || replay.condition === 'missing') return observing(wal, replay);
  const records = replay.records.map((bytes) => decodeWalRecord(bytes, BLOCK_BYTES_CAP));
  return { wal, records, position: replay.triple, observeReason: '' };
}

function observing(wal: WriteAheadLog, replay: WalReplay): ConsensusLog {
  return {
    // Nothing is signed, so nothing must be remembered here; what was decided is in the store, and with the q that signed it.
    wal: { append: async () => undefined, truncateBefore: async () => undefined, close: () => wal.close() },
    records: [],
    position: replay.triple,
    observeReason: `consensus log ${replay.condition}: ${replay.detail}`,
  };
}
