import type { LeafIndex } from '../../types/brand.ts';
import type { Proposal, ProposalChange } from '../../types/proposal.ts';
import type { ProposalPayload, ProposedChange } from '../../types/transaction.ts';
import { changeDigests } from '../../codec/change-digest.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { isUnclaimedAutomatic } from '../../governance/author.ts';
import { bindingOf } from '../../governance/match.ts';
import type { Policy } from '../../governance/policy.ts';
import { configurationRequirement, deadlinesOf, requirementsOf, strictest } from '../../governance/requirement.ts';
import { holdsDigest } from '../../governance/transitions.ts';
import { versionHash } from '../version-hash.ts';
import { checkVoter, clusterRecord, configPolicy, matchedNow, organisations } from './committee.ts';
import { tryConfiguration } from './configuration.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { digestKey } from './keys.ts';
import { checkKeyId, newChange } from './mutation.ts';
import {
  boundDigest,
  closeProposal,
  openProposal,
  readProposal,
  type DigestDocument,
  type Draft,
} from './proposals.ts';

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

function changeDraft(x: Execution, payload: ProposalPayload): Draft {
  const { cluster, org, member } = payload;
  if (clusterRecord(x.docs, cluster) === undefined) throw new ChainError('LEDGER_CLUSTER_UNKNOWN', { cluster });
  const matched: Policy[] = [];
  const changes = payload.changes.map((change, index) => {
    checkKeyId(x.docs, cluster, change.keyId);
    checkDigest(x, change);
    const policies = matchedNow(x, change.attributes);
    if (policies.length === 0) throw new ChainError('GOVERNANCE_CHANGE_UNMATCHED', { index });
    matched.push(...policies);
    return newChange(change, bindingOf(policies, change.attributes));
  });
  checkDistinct(changes);
  for (const change of changes) supersedeOrRefuse(x, payload, change);
  return {
    ...personal(payload),
    kind: 'change',
    cluster,
    claims: [{ org, member, sequence: 0 }],
    binding: strictest(changes.map((change) => change.binding)),
    requirements: requirementsOf(matched),
    changes,
    config: [],
    ...deadlinesOf(matched),
  };
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
    binding: 'strict',
    requirements: [requirement],
    changes: [],
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

function checkDigest(x: Execution, { attributes, commitment, digest }: ProposedChange): void {
  const expected = changeDigests(x.chain.sha256, attributes, commitment);
  if (expected.diff !== digest.diff || expected.strict !== digest.strict)
    throw new ChainError('LEDGER_DIGEST', { expected: expected.diff, found: digest.diff });
}

function checkDistinct(changes: readonly ProposalChange[]): void {
  const seen = new Set<string>();
  changes.forEach((change, index) => {
    const digest = boundDigest(change);
    if (seen.has(digest)) throw new ChainError('GOVERNANCE_CHANGE_REPEATED', { index });
    seen.add(digest);
  });
}

/** At most one proposal goes on for a digest. One that a refusal made and nobody answers for gives way to a person's. */
function supersedeOrRefuse(x: Execution, payload: ProposalPayload, change: ProposalChange): void {
  const digest = boundDigest(change);
  const latest = x.docs.get<DigestDocument>(digestKey(payload.cluster, digest));
  const other = latest === undefined ? undefined : readProposal(x.docs, latest.proposal);
  const held = other?.changes.find((candidate) => boundDigest(candidate) === digest);
  if (other === undefined || held === undefined || !holdsDigest(other, held)) return;
  if (!givesWay(other, payload)) throw new ChainError('GOVERNANCE_PROPOSAL_EXISTS', { proposal: other.id });
  closeProposal(x, other, 'SUPERSEDED', 'GOVERNANCE_PROPOSED_BY_PERSON');
}

function givesWay(other: Proposal, { org, member }: ProposalPayload): boolean {
  if (other.state !== 'OPEN' || !isUnclaimedAutomatic(other)) return false;
  const { requester } = other;
  return requester.org === null || (requester.org === org && requester.member === member);
}
