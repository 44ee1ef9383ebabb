import type { LeafIndex, OrgId } from '../../types/brand.ts';
import type { ClusterRecord } from '../../types/chain.ts';
import type { ChangeAttestation, ChangeAttributes } from '../../types/change.ts';
import type { ProposalDetails } from '../../types/proposal.ts';
import type { MutationPayload, Prev, TxResult } from '../../types/transaction.ts';
import { ChainError, isChainError } from '../../errors/chain-error.ts';
import { bindingOf } from '../../governance/match.ts';
import type { Policy } from '../../governance/policy.ts';
import { deadlinesOf, requirementsOf } from '../../governance/requirement.ts';
import { detailsOf, encodeDetails, hashOfDetails, titleOf } from '../details.ts';
import type { DecodedTransaction } from '../transaction.ts';
import { bindingFor, clusterRecord, matchedNow, validatorById } from './committee.ts';
import type { Documents } from './documents.ts';
import { attempt, verdict, type Chain, type Execution, type Outcome } from './execution.ts';
import { clusterKeyIdKey, namespaceKey, objectKey } from './keys.ts';
import { pairWitness } from './pairing.ts';
import { openProposal, type Draft } from './proposals.ts';
import { endOutdated } from './reconcile.ts';
import { noteAdmitted, reserve } from './reservation.ts';
import { standingOf } from './standing.ts';
import type { Validator } from '../../types/chain.ts';

interface LeafDocument {
  readonly leaf: number;
}

/**
 * One node's attestation of one admission review. With w hooks the w-th equal attestation of different hooks decides; the others wait.
 * Throws LEDGER_CLUSTER_UNKNOWN, _NOT_A_HOOK, _CLUSTER_KEY, _DIGEST.
 */
export function executeMutation(
  x: Execution,
  tx: DecodedTransaction,
  payload: MutationPayload,
  leaf: LeafIndex,
): Outcome {
  const { attestation, notAfterMs } = payload;
  const { cluster, hook, org } = checkAttestation(x.docs, x.chain, x.validators, payload);
  const partners = pairWitness(x, cluster, attestation, { hook, org, tx: tx.hash, leaf, notAfterMs });
  const prev = chainLeaf(x, attestation.attributes, leaf);
  if (partners === undefined) return { result: verdict('WAITING', 'OK'), prev };
  const witnesses = partners.map((partner) => partner.leaf).sort((a, b) => a - b);
  const result = { ...decide(x, tx, attestation, leaf), witnesses };
  for (const hash of [...partners.map((partner) => partner.tx), tx.hash]) x.decisions.push({ tx: hash, leaf, result });
  return { result, prev };
}

/** What can be said of an attestation without deciding it: the node may attest, the key is the cluster's, the digests are those of what is attested. */
export function checkAttestation(
  docs: Pick<Documents, 'get'>,
  chain: Chain,
  validators: readonly Validator[],
  { node, attestation }: MutationPayload,
): { readonly cluster: ClusterRecord; readonly hook: string; readonly org: OrgId } {
  const { attributes, digest, keyId } = attestation;
  const cluster = clusterRecord(docs, attributes.cluster);
  if (cluster === undefined) throw new ChainError('LEDGER_CLUSTER_UNKNOWN', { cluster: attributes.cluster });
  const { org } = validatorById(validators, node);
  const hook = cluster.hooks.find((candidate) => candidate.orgs.includes(org));
  if (hook === undefined) throw new ChainError('LEDGER_NOT_A_HOOK', { cluster: cluster.name, node });
  checkKeyId(docs, cluster.name, keyId);
  const expected = chain.facts.digests(attestation);
  if (expected.diff !== digest.diff || expected.strict !== digest.strict)
    throw new ChainError('LEDGER_DIGEST', { expected: expected.diff, found: digest.diff });
  return { cluster, hook: hook.name, org };
}

/** Throws LEDGER_CLUSTER_KEY unless commitments under this key can be compared with those of the cluster's other nodes. */
export function checkKeyId(docs: Pick<Documents, 'get'>, cluster: string, keyId: string): void {
  const registered = docs.get<{ readonly keyId: string }>(clusterKeyIdKey(cluster))?.keyId;
  if (registered !== keyId)
    throw new ChainError('LEDGER_CLUSTER_KEY', { cluster, expected: registered ?? '', found: keyId });
}

function decide(x: Execution, tx: DecodedTransaction, attestation: ChangeAttestation, leaf: LeafIndex): TxResult {
  const { attributes, digest } = attestation;
  const matched = matchedNow(x, attributes);
  const standing = standingOf(x.docs, matched, attributes, digest, x.timeMs);
  switch (standing.kind) {
    case 'unmatched':
      noteAdmitted(x, attributes, undefined);
      return verdict('ADMITTED', 'OK');
    case 'usable': {
      const { proposal, index, binding } = standing;
      noteAdmitted(x, attributes, { proposal: proposal.id, change: index });
      reserve(x, proposal, index, attributes, leaf);
      return verdict('ADMITTED', 'OK', { proposal: proposal.id, binding });
    }
    case 'pending':
      return verdict('REFUSED', standing.code, { proposal: standing.proposal.id, binding: standing.binding });
    case 'outdated':
      endOutdated(x, standing.proposal);
      return refuseAndPropose(x, tx, attestation, leaf, matched);
    case 'unproposed':
      return refuseAndPropose(x, tx, attestation, leaf, matched);
  }
}

/** The first refusal of a matched change is its proposal. */
function refuseAndPropose(
  x: Execution,
  tx: DecodedTransaction,
  attestation: ChangeAttestation,
  leaf: LeafIndex,
  matched: readonly Policy[],
): TxResult {
  const { attributes } = attestation;
  const binding = bindingOf(matched, attributes);
  const details = detailsOf([{ ...attestation, binding }]) as ProposalDetails;
  const owner = bindingFor(x.docs, x.chain, attributes.cluster, attributes.user);
  const draft: Draft = {
    kind: 'change',
    origin: 'refusal',
    cluster: attributes.cluster,
    // Nobody chose it, and no two proposals share it.
    nonce: tx.hash,
    reason: '',
    requester: { user: attributes.user, org: owner?.org ?? null, member: owner?.member ?? null },
    claims: [],
    requirements: requirementsOf(matched),
    details: hashOfDetails(encodeDetails(details), x.chain.sha256),
    title: titleOf(details),
    digests: [attestation.digest[binding]],
    config: [],
    ...deadlinesOf(matched),
  };
  try {
    const { id } = attempt(x, () => openProposal(x, leaf, draft));
    return verdict('REFUSED', 'GOVERNANCE_VOTES_REQUIRED', { proposal: id, binding });
  } catch (error) {
    if (!isChainError(error, 'GOVERNANCE_PROPOSALS_CAP')) throw error;
    return verdict('REFUSED', 'GOVERNANCE_NO_PROPOSAL_OPENED', { binding });
  }
}

/** Every record of an object and of a namespace names the one before it, so that a history can be shown to be complete. */
export function chainLeaf(x: Execution, attributes: ChangeAttributes, leaf: LeafIndex): Prev {
  return {
    object: swapLatest(x, objectKey(x.chain.sha256, attributes), leaf),
    namespace: attributes.namespace === '' ? null : swapLatest(x, namespaceKey(x.chain.sha256, attributes), leaf),
  };
}

function swapLatest(x: Execution, key: string, leaf: LeafIndex): number | null {
  const before = x.docs.get<LeafDocument>(key)?.leaf ?? null;
  x.docs.put(key, { leaf } satisfies LeafDocument);
  return before;
}
