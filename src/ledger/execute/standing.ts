import type { ChangeUse, Proposal } from '../../types/proposal.ts';
import type { BindingMode, ChangeAttributes, PerBinding } from '../../types/change.ts';
import type { ErrorCode } from '../../errors/registry.ts';
import { isUnclaimed } from '../../governance/author.ts';
import { bindingOf } from '../../governance/match.ts';
import type { Policy } from '../../governance/policy.ts';
import { coversPolicies } from '../../governance/requirement.ts';
import type { PolicyDocument } from './committee.ts';
import type { Documents } from './documents.ts';
import { policyKey } from './keys.ts';
import { heldDigest, useOf } from './proposals.ts';

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
  | {
      readonly kind: 'pending';
      readonly binding: BindingMode;
      readonly proposal: Proposal;
      readonly code: ErrorCode;
      /** Of the approval, if an earlier request holds it. */
      readonly use: ChangeUse | undefined;
    }
  /** A proposal for it goes on that nobody could open under the policies of today: it ends, and a refusal opens another. */
  | { readonly kind: 'outdated'; readonly binding: BindingMode; readonly proposal: Proposal }
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
  const held = heldDigest(docs, attributes.cluster, digest[binding]);
  if (held === undefined) return { kind: 'unproposed', binding };
  const { proposal, index } = held;
  const use = useOf(docs, proposal.id, index);
  const pending = (code: ErrorCode): Standing => ({ kind: 'pending', binding, proposal, code, use });
  if (!coversPolicies(proposal.requirements, matched)) {
    // What is in use is decided by the observers; and a policy of another requester's is no reason to end a vote.
    if (use === undefined && hasNewPolicy(docs, proposal, matched)) return { kind: 'outdated', binding, proposal };
    if (proposal.state !== 'OPEN') return pending('GOVERNANCE_APPROVAL_OUTDATED');
  }
  if (proposal.state === 'OPEN') return pending(lackOf(proposal));
  if (use === undefined && timeMs <= (proposal.deadlineExecutionMs ?? 0))
    return { kind: 'usable', binding, proposal, index, reuse: false };
  const leaseHolds = use !== undefined && use.leaseMs !== null && timeMs < use.leaseMs;
  const sameRequest = use?.reservedUid === attributes.uid && use.reusable && use.persistedBy.length === 0;
  if (leaseHolds && sameRequest) return { kind: 'usable', binding, proposal, index, reuse: true };
  return pending('GOVERNANCE_APPROVAL_IN_USE');
}

/** A matching policy that came into force after the proposal was opened: it could not be named then. */
function hasNewPolicy(docs: Pick<Documents, 'get'>, proposal: Proposal, matched: readonly Policy[]): boolean {
  return matched.some(
    (policy) =>
      !coversPolicies(proposal.requirements, [policy]) &&
      (docs.get<PolicyDocument>(policyKey(policy.name))?.sinceHeight ?? 0) >= proposal.openedHeight,
  );
}

function lackOf(proposal: Proposal): ErrorCode {
  const excludes = proposal.requirements.some((requirement) => requirement.excludeAuthor !== 'none');
  if (excludes && proposal.electors.length > 1 && isUnclaimed(proposal)) return 'GOVERNANCE_AUTHOR_UNKNOWN';
  return proposal.deadlineVotingMs === null ? 'GOVERNANCE_BODIES_MISSING' : 'GOVERNANCE_VOTES_MISSING';
}
