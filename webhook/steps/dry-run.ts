import { changeTitle } from '../../src/codec/change-title.ts';
import { commandsOf, plural } from '../wording.ts';
import type { Step } from './step.ts';

/**
 * Evaluates, records nothing and allows: kubectl diff, Flux and Argo dry-run before they apply, and would stop at a refusal.
 * The warning says what the real request will meet.
 */
export const dryRun: Step = ({ review: { change } }, { ledger }) => {
  if (change === undefined || !change.dryRun) return undefined;
  const { attributes, digest } = change.attestation;
  const evaluation = ledger.evaluate(attributes, digest);
  switch (evaluation.kind) {
    case 'unmatched':
      return { outcome: 'dry-run' };
    case 'approved':
      return {
        outcome: 'dry-run',
        warnings: [`kubectl-chain: ${changeTitle(attributes)} is approved by proposal/${evaluation.proposal}`],
      };
    case 'needs-votes': {
      const { approvals, policies, proposal } = evaluation;
      const next =
        proposal === null
          ? 'kubectl chain propose change -f FILE'
          : [
              `proposal/${proposal.id} is ${proposal.state}`,
              ...commandsOf(proposal, attributes).map(({ who, command }) => `${who}: ${command}`),
            ].join('; ');
      const needs = `needs ${plural(approvals, 'approval')} (${policies.join(', ')})`;
      return { outcome: 'dry-run', warnings: [`kubectl-chain: ${changeTitle(attributes)} ${needs}: ${next}`] };
    }
  }
};
