import type { Hash, LeafIndex, ValidatorId } from '../../types/brand.ts';
import type { AppState, Validator } from '../../types/chain.ts';
import type { ExecutedTx } from '../../ports/application.ts';
import type { DecodedTransaction } from '../transaction.ts';
import { auditEntries, type AuditEntry } from '../audit-index.ts';
import { leafBytes } from '../leaf.ts';
import type { StateOverlay } from '../state-overlay.ts';
import { metaOf } from './committee.ts';
import { Documents, type DocumentReader } from './documents.ts';
import { runDueTransitions } from './due-transitions.ts';
import { attempt, type Chain, type Execution } from './execution.ts';
import { executeTx } from './execute-tx.ts';
import { dropExpired, storeExpiring } from './expiry.ts';
import { KEY } from './keys.ts';
import { noteLastBlock } from './validator-sets.ts';
import { retireProposals } from './retirement.ts';

export interface BlockFacts {
  readonly height: number;
  readonly timeMs: number;
  /** Index of the first leaf of this block. */
  readonly firstLeaf: number;
  /** The block before: its state, and who took part in it. */
  readonly last: { readonly state: AppState; readonly seen: readonly ValidatorId[] };
}

/** A block's transactions, executed; the header and the block leaf are still to be made. */
export interface ExecutedTxs {
  readonly taken: readonly Uint8Array[];
  readonly hashes: readonly Hash[];
  readonly leaves: readonly Uint8Array[];
  readonly txs: readonly ExecutedTx[];
  readonly indexes: readonly AuditEntry[];
  readonly execution: Execution;
}

/** Starts a block on an overlay over the state whose documents `committed` are: expired keys are dropped, then what is due happens, before any transaction. */
export function beginExecution(
  chain: Chain,
  overlay: StateOverlay,
  validators: readonly Validator[],
  facts: BlockFacts,
  committed?: DocumentReader,
): Execution {
  const undo = {
    mark: () => overlay.mark(),
    rollback: (mark: number) => overlay.rollback(mark as ReturnType<StateOverlay['mark']>),
  };
  const docs = new Documents(overlay, undo, committed);
  const x: Execution = {
    chain,
    docs,
    height: facts.height,
    timeMs: facts.timeMs,
    validators,
    policies: undefined,
    changedProposals: new Set(),
    decisions: [],
    ranDue: new Set(),
    retired: [],
    expiring: [],
  };
  return x;
}

/**
 * Runs a block: due transitions, then each transaction in order. `offered` gives the transactions; `onDropped` hears of one that has no place in the block and decides
 * by throwing whether that makes the block invalid.
 */
export function executeTxs(
  x: Execution,
  facts: BlockFacts,
  offered: Iterable<DecodedTransaction>,
  onDropped: (tx: DecodedTransaction, error: unknown) => void,
): ExecutedTxs {
  noteLastBlock(x, facts.last);
  dropExpired(x);
  retireProposals(x);
  runDueTransitions(x);
  const taken: Uint8Array[] = [];
  const hashes: Hash[] = [];
  const leaves: Uint8Array[] = [];
  const txs: ExecutedTx[] = [];
  const indexes: AuditEntry[] = [];
  for (const tx of offered) {
    const leaf = (facts.firstLeaf + taken.length) as LeafIndex;
    let bytes: Uint8Array;
    let result: ExecutedTx['result'];
    try {
      [bytes, result] = attempt(x, () => {
        const outcome = executeTx(x, tx, leaf);
        return [leafBytes({ height: facts.height, index: leaf, ...outcome }, tx.bytes), outcome.result] as const;
      });
    } catch (error) {
      onDropped(tx, error);
      continue;
    }
    taken.push(tx.bytes);
    hashes.push(tx.hash);
    leaves.push(bytes);
    txs.push({ hash: tx.hash, leaf, result });
    indexes.push(...auditEntries(leaf, tx.payload, result, facts.timeMs));
  }
  storeExpiring(x);
  x.docs.put(KEY.meta, { ...metaOf(x.docs), height: facts.height, timeMs: facts.timeMs });
  return { taken, hashes, leaves, txs, indexes, execution: x };
}
