import type { LeafIndex } from '../../types/brand.ts';
import type { DecodedTransaction } from '../transaction.ts';
import { checkNaturalKey, checkTerms, EXPIRED_RECORDED_MS, isPersonal, signerOf } from './admit-tx.ts';
import { executeBallot } from './ballot.ts';
import { executeBodyHeld } from './body-held.ts';
import { executeClaim } from './claim.ts';
import { executeClusterKey } from './cluster-key.ts';
import { executeEvidence } from './evidence.ts';
import { attempt, NO_PREV, verdict, type Execution, type Outcome } from './execution.ts';
import { putExpiring } from './expiry.ts';
import { naturalKeyKey } from './keys.ts';
import { executeFinding } from './finding.ts';
import { executeGuardSeen } from './guard.ts';
import { executeHandover } from './handover.ts';
import { executeKeyRotation, executeMemberKey } from './key-rotation.ts';
import { executeValidatorJoin } from './validator-change.ts';
import { executeMutation } from './mutation.ts';
import type { NaturalKeyDocument } from './natural-key.ts';
import { executeObservation } from './observation.ts';
import { executeProposal } from './proposal.ts';
import { isRefusal } from './refusal.ts';
import { executeRefusals } from './refusals.ts';
import { executeSpooledRecord } from './spooled-record.ts';
import { executeTick } from './tick.ts';
import { executeWithdrawal } from './withdrawal.ts';

/**
 * One transaction, signed by whom this state has registered. Throws a ChainError if it has no place in a block; it then
 * left nothing. A refusal that its signer deserves to see written down is an outcome, and leaves only its natural key.
 */
export function executeTx(x: Execution, tx: DecodedTransaction, leaf: LeafIndex): Outcome {
  const { payload } = tx;
  checkTerms(x.chain, payload, x.timeMs, EXPIRED_RECORDED_MS);
  x.chain.verifyTx(tx, signerOf(x.docs, x.validators, payload).key);
  // Its place in the spool is its natural key, and it has no end.
  if (payload.kind === 'spooled-record') return handleTx(x, tx, leaf);
  const natural = x.chain.facts.naturalKey(payload);
  checkNaturalKey(x.docs, tx, natural, x.timeMs);
  const outcome = x.timeMs > payload.notAfterMs ? expired() : judged(x, tx, leaf);
  const untilMs = payload.notAfterMs + EXPIRED_RECORDED_MS;
  putExpiring(x, naturalKeyKey(natural), { untilMs, tx: tx.hash, leaf } as NaturalKeyDocument);
  return outcome;
}

function judged(x: Execution, tx: DecodedTransaction, leaf: LeafIndex): Outcome {
  try {
    return attempt(x, () => handleTx(x, tx, leaf));
  } catch (error) {
    if (!isRefusal(error) || !isPersonal(tx.payload.kind)) throw error;
    return { result: verdict('REFUSED', error.code), prev: NO_PREV };
  }
}

function expired(): Outcome {
  return { result: verdict('EXPIRED', 'LEDGER_EXPIRED'), prev: NO_PREV };
}

/** What the kind does. Throws a ChainError where it refuses; what was written until then is the caller's to take back. */
export function handleTx(x: Execution, tx: DecodedTransaction, leaf: LeafIndex): Outcome {
  const { payload } = tx;
  switch (payload.kind) {
    case 'mutation':
      return executeMutation(x, tx, payload, leaf);
    case 'observation':
      return executeObservation(x, payload);
    case 'proposal':
      return executeProposal(x, payload, leaf);
    case 'claim':
      return executeClaim(x, payload);
    case 'ballot':
      return executeBallot(x, payload, leaf);
    case 'withdrawal':
      return executeWithdrawal(x, payload);
    case 'body-held':
      return executeBodyHeld(x, payload);
    case 'cluster-key':
      return executeClusterKey(x, payload);
    case 'tick':
      return executeTick(x, payload);
    case 'evidence':
      return executeEvidence(x, payload);
    case 'finding':
      return executeFinding(x, payload, leaf);
    case 'guard-seen':
      return executeGuardSeen(x, payload);
    case 'refusals':
      return executeRefusals(x, payload);
    case 'key-rotation':
      return executeKeyRotation(x, payload);
    case 'member-key':
      return executeMemberKey(x, payload);
    case 'validator-join':
      return executeValidatorJoin(x, payload);
    case 'handover':
      return executeHandover(x, payload, leaf);
    case 'spooled-record':
      return executeSpooledRecord(x, tx, payload, leaf);
  }
}
