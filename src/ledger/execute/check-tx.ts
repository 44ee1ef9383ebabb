import type { LeafIndex } from '../../types/brand.ts';
import { ChainError } from '../../errors/chain-error.ts';
import type { DecodedTransaction } from '../transaction.ts';
import { checkNaturalKey, checkTerms, signerOf, type TxSigner } from './admit-tx.ts';
import { dueList } from './due.ts';
import type { Execution } from './execution.ts';
import { handleTx } from './execute-tx.ts';
import { checkAttestation } from './mutation.ts';

/** No leaf: nothing of a trial is kept. */
const TRIAL_LEAF = 0 as LeafIndex;

/**
 * Whether a transaction is worth a place in the mempool, judged on an execution that is thrown away. Throws the code that its sender should hear. What changes before it
 * is executed is judged again there.
 */
export function checkTransaction(x: Execution, tx: DecodedTransaction, nowMs: number): TxSigner {
  const { payload } = tx;
  checkTerms(x.chain, payload, x.timeMs, 0);
  const signer = signerOf(x.docs, x.validators, payload);
  x.chain.verifyTx(tx, signer.key);
  if (payload.kind !== 'spooled-record') checkNaturalKey(x.docs, tx, x.chain.facts.naturalKey(payload), x.timeMs);
  switch (payload.kind) {
    case 'mutation':
      // A decision costs more than it tells here: whatever it is, it will be recorded.
      checkAttestation(x.docs, x.chain, x.validators, payload);
      break;
    case 'tick': {
      const { dueMs, id } = payload;
      const isDue = dueMs <= nowMs && dueList(x.docs).some((due) => due.dueMs === dueMs && due.id === id);
      if (!isDue || payload.height !== x.height - 1) throw new ChainError('LEDGER_TICK', { dueMs, id });
      break;
    }
    default:
      handleTx(x, tx, TRIAL_LEAF);
  }
  return signer;
}
