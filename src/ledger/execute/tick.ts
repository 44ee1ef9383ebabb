import type { TickPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { done, type Execution, type Outcome } from './execution.ts';

/** Asks for the block that it is in: the due transition ran at its start. One that finds nothing to ask for has no place in a block. Throws LEDGER_TICK. */
export function executeTick(x: Execution, { dueMs, id, height }: TickPayload): Outcome {
  if (height !== x.height - 1 || !x.ranDue.has(`${dueMs} ${id}`)) throw new ChainError('LEDGER_TICK', { dueMs, id });
  return done();
}
