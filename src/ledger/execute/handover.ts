import type { LeafIndex } from '../../types/brand.ts';
import type { Validator } from '../../types/chain.ts';
import type { HandoverPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { verifyCheckpoint } from '../checkpoint.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { completeHandover, newestSet, setNumber } from './validator-sets.ts';

/**
 * Puts the handover of the newest set on the chain: the quorum before and the one after signed the log that ends with the block that made the
 * change. Throws LEDGER_HANDOVER, LEDGER_CHECKPOINT_* and LEDGER_NOTE_FORM.
 */
export function executeHandover(x: Execution, { set: n, before, after }: HandoverPayload, leaf: LeafIndex): Outcome {
  const refuse = (reason: string): ChainError => new ChainError('LEDGER_HANDOVER', { set: n, reason });
  const set = newestSet(x.docs);
  const previous = setNumber(x.docs, set.n - 1);
  if (set.n !== n || previous === undefined) throw refuse(`the newest set is ${set.n}`);
  if (set.handover !== null) throw refuse('it is on the chain already');
  const { checkpoint } = set;
  if (checkpoint === null) throw refuse('the block that made the change is not followed by another one yet');
  const check = (note: string, validators: readonly Validator[]): void => {
    const found = verifyCheckpoint(note, x.chain.origin, validators, x.chain).checkpoint;
    if (found.size !== checkpoint.size || found.root !== checkpoint.root) throw refuse('a note is of another tree');
  };
  check(before, previous.validators);
  check(after, set.validators);
  completeHandover(x, set, leaf);
  return done();
}
