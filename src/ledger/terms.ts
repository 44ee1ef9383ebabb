import type { Hash } from '../types/brand.ts';
import type { Proposal } from '../types/proposal.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { canonicalJson } from '../codec/index.ts';
import { domainHashHex } from './domain-hash.ts';

type Terms = Omit<
  Proposal,
  | 'state'
  | 'openedLeaf'
  | 'claims'
  | 'withdrawnClaims'
  | 'bodyHeldBy'
  | 'deadlineVotingMs'
  | 'deadlineExecutionMs'
  | 'termsHash'
  | 'votes'
  | 'endCode'
  | 'unused'
  | 'reserved'
  | 'executed'
  | 'uncertain'
  | 'changeCount'
>;

/**
 * What a ballot signs: everything about a proposal that never changes after it opened, and the chain it belongs to. The voter's client
 * computes it from the proposal that it read, and from the digests of what it showed.
 */
export function termsHashOf(sha256: Sha256, chain: Hash, proposal: Terms, digests: readonly Hash[]): Hash {
  const terms = {
    v: 1,
    chain,
    cluster: proposal.cluster,
    id: proposal.id,
    instance: proposal.instance,
    kind: proposal.kind,
    origin: proposal.origin,
    openedMs: proposal.openedMs,
    openedHeight: proposal.openedHeight,
    nonce: proposal.nonce,
    reason: proposal.reason,
    requester: proposal.requester,
    requirements: proposal.requirements,
    electors: proposal.electors,
    details: proposal.details,
    title: proposal.title,
    digests,
    config: proposal.config,
    votingMs: proposal.votingMs,
    executionMs: proposal.executionMs,
  };
  return domainHashHex(sha256, 'terms', canonicalJson(terms));
}
