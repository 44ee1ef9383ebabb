import type { Proposal } from '../../types/proposal.ts';
import type { Execution } from './execution.ts';
import { saveProposal, withChange } from './proposals.ts';

/** Changes that are approved and not in use lose their approval. */
export function revoke(x: Execution, proposal: Proposal, endCode: Proposal['endCode']): Proposal {
  const revoked = proposal.changes.reduce(
    (next, change, i) => (change.state === 'READY' ? withChange(next, i, 'REVOKED', {}) : next),
    proposal,
  );
  return saveProposal(x, proposal, { ...revoked, endCode });
}
