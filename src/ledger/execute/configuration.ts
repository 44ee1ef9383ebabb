import type { Proposal } from '../../types/proposal.ts';
import type { ConfigChange } from '../../types/transaction.ts';
import { ChainError, isChainError } from '../../errors/chain-error.ts';
import { checkFeasible } from '../../governance/feasibility.ts';
import { applyConfigChange } from './config-change.ts';
import { organisations, readPolicies } from './committee.ts';
import { attempt, type Execution } from './execution.ts';
import { saveProposal, closeProposal } from './proposals.ts';
import { reconcileProposals } from './reconcile.ts';

/** Executes an approved configuration proposal: all of it, or nothing and FAILED with the reason's code. */
export function executeConfiguration(x: Execution, proposal: Proposal): Proposal {
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

function applyConfiguration(x: Execution, changes: readonly ConfigChange[]): void {
  for (const change of changes) applyConfigChange(x, change);
  x.policies = undefined;
  // Whoever removes a member must not leave a policy that nobody can meet.
  const orgs = organisations(x.docs);
  for (const policy of readPolicies(x.docs)) checkFeasible(policy.name, policy.spec, orgs);
  if (orgs.length === 0)
    throw new ChainError('GOVERNANCE_CONFIG_INVALID', { type: 'orgs', reason: 'no organisation is left' });
}
