import type { ConfigChange, ProposalPayload } from '../types/transaction.ts';

/** What distinguishes a proposal about the configuration from one about changes of a cluster: it stands on the chain whole, so it has no body, nor what says what a body holds. */
type ConfigProposal = Omit<ProposalPayload, 'v' | 'alg' | 'chain' | 'notAfterMs' | 'org' | 'member'>;

/** A proposal of these configuration changes, to be signed by a member. `nonce`: unlike that of each other proposal of the same member. */
export function configProposal(config: readonly ConfigChange[], nonce: string, reason = ''): ConfigProposal {
  return {
    kind: 'proposal',
    nonce,
    reason,
    cluster: '',
    details: '',
    title: '',
    digests: [],
    policies: [],
    config,
  };
}
