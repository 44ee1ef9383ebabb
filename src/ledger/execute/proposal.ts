import type { Hash, LeafIndex } from '../../types/brand.ts';
import type { Proposal } from '../../types/proposal.ts';
import type { ProposalPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { isUnclaimedAutomatic } from '../../governance/author.ts';
import type { Policy } from '../../governance/policy.ts';
import { configurationRequirement, deadlinesOf, requirementsOf } from '../../governance/requirement.ts';
import { versionHash } from '../version-hash.ts';
import { checkVoter, clusterRecord, configPolicy, organisations, readPolicies } from './committee.ts';
import { tryConfiguration } from './configuration.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { closeProposal, heldDigest, openProposal, type Draft } from './proposals.ts';

/** A person proposes changes or a new configuration. Proposing is not voting. */
export function executeProposal(x: Execution, payload: ProposalPayload, leaf: LeafIndex): Outcome {
  checkVoter(x.docs, payload.org, payload.member);
  const opened = openProposal(
    x,
    leaf,
    payload.config.length > 0 ? configurationDraft(x, payload) : changeDraft(x, payload),
  );
  return done(opened.id);
}

/**
 * The digests are taken as they are, and the policies as far as they are in force: who states wrong ones gets an approval that serves no request. Whether
 * they are true is checked by the nodes that hold the body, before voting starts, and by every voter (details.ts).
 */
function changeDraft(x: Execution, payload: ProposalPayload): Draft {
  const { cluster, org, member, details, title, digests } = payload;
  if (clusterRecord(x.docs, cluster) === undefined) throw new ChainError('LEDGER_CLUSTER_UNKNOWN', { cluster });
  const stated = statedPolicies(x, payload.policies);
  checkDistinct(digests);
  for (const digest of digests) supersedeOrRefuse(x, payload, digest);
  return {
    ...personal(payload),
    kind: 'change',
    cluster,
    claims: [{ org, member, sequence: 0 }],
    requirements: requirementsOf(stated),
    details,
    title,
    digests,
    config: [],
    ...deadlinesOf(stated),
  };
}

function statedPolicies(x: Execution, digests: readonly Hash[]): readonly Policy[] {
  const inForce = new Map(readPolicies(x.docs).map((policy) => [policy.digest, policy]));
  return digests.map((digest) => {
    const policy = inForce.get(digest);
    if (policy === undefined) throw new ChainError('GOVERNANCE_POLICY_NOT_IN_FORCE', { digest });
    return policy;
  });
}

function configurationDraft(x: Execution, payload: ProposalPayload): Draft {
  // Whoever proposes hears at once what could never be executed; it is tried again when it is approved.
  tryConfiguration(x, payload.config);
  const policy = configPolicy(x.docs);
  const removed = payload.config.flatMap((change) => (change.type === 'validator-remove' ? [change.org] : []));
  const digest = versionHash(x.chain.sha256, policy);
  const requirement = configurationRequirement(policy, digest, organisations(x.docs), removed);
  return {
    ...personal(payload),
    kind: 'configuration',
    cluster: '',
    claims: [],
    requirements: [requirement],
    details: '',
    title: '',
    digests: [],
    config: payload.config,
    votingMs: policy.votingMs,
    executionMs: policy.delayMs,
  };
}

function personal({
  org,
  member,
  nonce,
  reason,
}: ProposalPayload): Pick<Draft, 'origin' | 'nonce' | 'reason' | 'requester'> {
  return { origin: 'propose', nonce, reason, requester: { user: `${org}/${member}`, org, member } };
}

function checkDistinct(digests: readonly Hash[]): void {
  const index = digests.findIndex((digest, i) => digests.indexOf(digest) !== i);
  if (index >= 0) throw new ChainError('GOVERNANCE_CHANGE_REPEATED', { index });
}

/** At most one proposal goes on for a digest. One that a refusal made and no person answers for gives way to a person's. */
function supersedeOrRefuse(x: Execution, payload: ProposalPayload, digest: Hash): void {
  const other = heldDigest(x.docs, payload.cluster, digest)?.proposal;
  if (other === undefined) return;
  if (!givesWay(other, payload)) throw new ChainError('GOVERNANCE_PROPOSAL_EXISTS', { proposal: other.id });
  closeProposal(x, other, 'SUPERSEDED', 'GOVERNANCE_PROPOSED_BY_PERSON');
}

function givesWay(other: Proposal, { org, member }: ProposalPayload): boolean {
  if (other.state !== 'OPEN' || !isUnclaimedAutomatic(other)) return false;
  const { requester } = other;
  // A service account is nobody in person, also where an organisation owns it: it applies what any member has merged.
  return requester.member === null || (requester.org === org && requester.member === member);
}
