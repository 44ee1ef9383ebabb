import type { Proposal } from '../../types/proposal.ts';
import type { BindingMode, ChangeAttributes, PerBinding } from '../../types/change.ts';
import type { ErrorCode } from '../../errors/registry.ts';
import { isUnclaimed } from '../../governance/author.ts';
import { bindingOf } from '../../governance/match.ts';
import type { Policy } from '../../governance/policy.ts';
import { coversPolicies } from '../../governance/requirement.ts';
import { holdsDigest } from '../../governance/transitions.ts';
import type { Documents } from './documents.ts';
import { digestKey } from './keys.ts';
import { boundDigest, readProposal, type DigestDocument } from './proposals.ts';

/** How a change stands before the policies that match it. Read-only: the dry run and the admission use the same answer. */
export type Standing =
  | { readonly kind: 'unmatched' }
  /** An approval is there for exactly this change; `reuse`: it is reserved by an earlier review of the same request. */
  | {
      readonly kind: 'usable';
      readonly binding: BindingMode;
      readonly proposal: Proposal;
      readonly index: number;
      readonly reuse: boolean;
    }
  /** A proposal for it goes on, and this is what it lacks. */
  | { readonly kind: 'pending'; readonly binding: BindingMode; readonly proposal: Proposal; readonly code: ErrorCode }
  /** No proposal for it goes on: a refusal opens one. */
  | { readonly kind: 'unproposed'; readonly binding: BindingMode };

export function standingOf(
  docs: Pick<Documents, 'get'>,
  matched: readonly Policy[],
  attributes: ChangeAttributes,
  digest: PerBinding,
  timeMs: number,
): Standing {
  if (matched.length === 0) return { kind: 'unmatched' };
  const binding = bindingOf(matched, attributes);
  const latest = docs.get<DigestDocument>(digestKey(attributes.cluster, digest[binding]));
  const proposal = latest === undefined ? undefined : readProposal(docs, latest.proposal);
  const index =
    proposal?.changes.findIndex((change) => change.binding === binding && boundDigest(change) === digest[binding]) ??
    -1;
  const change = proposal?.changes[index];
  if (proposal === undefined || change === undefined || !holdsDigest(proposal, change))
    return { kind: 'unproposed', binding };
  if (proposal.state === 'OPEN') return { kind: 'pending', binding, proposal, code: lackOf(proposal) };
  if (!coversPolicies(proposal.requirements, matched))
    return { kind: 'pending', binding, proposal, code: 'GOVERNANCE_APPROVAL_OUTDATED' };
  if (change.state === 'READY' && timeMs <= (proposal.deadlineExecutionMs ?? 0))
    return { kind: 'usable', binding, proposal, index, reuse: false };
  const leaseHolds = change.leaseMs !== null && timeMs < change.leaseMs;
  const sameRequest = change.reservedUid === attributes.uid && change.reusable && change.persistedBy.length === 0;
  if (change.state === 'RESERVED' && leaseHolds && sameRequest)
    return { kind: 'usable', binding, proposal, index, reuse: true };
  return { kind: 'pending', binding, proposal, code: 'GOVERNANCE_APPROVAL_IN_USE' };
}

function lackOf(proposal: Proposal): ErrorCode {
  const excludes = proposal.requirements.some((requirement) => requirement.excludeAuthor !== 'none');
  if (excludes && proposal.electors.length > 1 && isUnclaimed(proposal)) return 'GOVERNANCE_AUTHOR_UNKNOWN';
  return proposal.deadlineVotingMs === null ? 'GOVERNANCE_BODIES_MISSING' : 'GOVERNANCE_VOTES_MISSING';
}
