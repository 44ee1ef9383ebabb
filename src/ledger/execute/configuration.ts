import type { Proposal } from '../../types/proposal.ts';
import type { ConfigChange } from '../../types/transaction.ts';
import { ChainError, isChainError } from '../../errors/chain-error.ts';
import { checkFeasible } from '../../governance/feasibility.ts';
import { applyConfigChange } from './config-change.ts';
import { organisations, readPolicies } from './committee.ts';
import { attempt, type Execution } from './execution.ts';
import { addDue } from './due.ts';
import { saveProposal, closeProposal, dueId } from './proposals.ts';
import { isHandoverPending } from './validator-sets.ts';
import { reconcileProposals } from './reconcile.ts';

/** A change of the validator set waits until the one before it is handed over, which takes some blocks; it is tried again then. */
const HANDOVER_RETRY_MS = 1_000;

/** Executes an approved configuration proposal: all of it, or nothing and FAILED with the reason's code. */
export function executeConfiguration(x: Execution, proposal: Proposal): Proposal {
  if (proposal.config.some(changesSet) && isHandoverPending(x.docs)) {
    addDue(x, { dueMs: x.timeMs + HANDOVER_RETRY_MS, id: dueId(proposal.id, 'configuration') });
    return proposal;
  }
  try {
    attempt(x, () => applyConfiguration(x, proposal.config));
  } catch (error) {
    if (!isChainError(error)) throw error;
    return closeProposal(x, proposal, 'FAILED', error.code);
  }
  const executed = saveProposal(x, proposal, { ...proposal, state: 'EXECUTED', endCode: 'OK' });
  reconcileProposals(x);
  return executed;
}

/** Tries the changes without keeping them. Throws what would make them fail now. */
export function tryConfiguration(x: Execution, changes: readonly ConfigChange[]): void {
  const tried = new Error('tried');
  try {
    attempt(x, () => {
      applyConfiguration(x, changes);
      throw tried;
    });
  } catch (error) {
    if (error !== tried) throw error;
  }
}

function changesSet({ type }: ConfigChange): boolean {
  return type === 'validator-replace' || type === 'validator-remove';
}

function applyConfiguration(x: Execution, changes: readonly ConfigChange[]): void {
  for (const change of changes) applyConfigChange(x, change);
  x.policies = undefined;
  // Whoever removes a member must not leave a policy that nobody can meet.
  const orgs = organisations(x.docs);
  for (const policy of readPolicies(x.docs)) checkFeasible(policy.name, policy.spec, orgs);
  if (orgs.length === 0)
    throw new ChainError('GOVERNANCE_CONFIG_INVALID', { type: 'orgs', reason: 'no organisation is left' });
}
