import type { BindingMode } from '../types/change.ts';
import type { Hash } from '../types/brand.ts';
import type { DetailedChange, Proposal, ProposalDetails } from '../types/proposal.ts';
import type { ProposedChange } from '../types/transaction.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { changeDigests } from '../codec/change-digest.ts';
import { changeTitle } from '../codec/change-title.ts';
import { canonicalJson, decodeWith, parseJson, toHex } from '../codec/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { bindingOf, matchedPolicies } from '../governance/match.ts';
import type { Policy } from '../governance/policy.ts';
import { checkCanonical } from './canonical-structure.ts';
import { DETAILS_BYTES_MAX } from './limits.ts';
import { detailsSchema } from './schema/change.ts';

/**
 * The body of a proposal: 500 changes with 256 changed paths each do not fit into a transaction, so the chain lists their digests and the hash of
 * these bytes, canonical JSON `{v, alg, cluster, keyId, user, groups, changes}`. One requester asks for all changes of a proposal, under one key of one
 * cluster. What it says is nobody's word: `checkDetails` recomputes all of it.
 */
export function detailsOf(
  changes: readonly (ProposedChange & { readonly binding: BindingMode })[],
): ProposalDetails | undefined {
  const [first] = changes;
  if (first === undefined) return undefined;
  const { cluster, user, groups } = first.attributes;
  return {
    v: 1,
    alg: 'sha256',
    cluster,
    keyId: first.keyId,
    user,
    groups,
    changes: changes.map(({ attributes, commitment, bodyHash, binding }): DetailedChange => {
      const { cluster: _cluster, user: _user, groups: _groups, ...own } = attributes;
      return { ...own, commitment, bodyHash, binding };
    }),
  };
}

export function encodeDetails(details: ProposalDetails): Uint8Array {
  return canonicalJson(details);
}

/** Throws CODEC_* or LEDGER_NOT_CANONICAL. */
export function decodeDetails(bytes: Uint8Array): ProposalDetails {
  const json = parseJson(bytes, { bytesMax: DETAILS_BYTES_MAX });
  checkCanonical(bytes, json, 'details of a proposal');
  return decodeWith(detailsSchema, json, 'details of a proposal');
}

export const hashOfDetails = (bytes: Uint8Array, sha256: Sha256): Hash => toHex(sha256(bytes)) as Hash;

/** The changes in full, with digests that are computed here. */
export function changesOf(
  { cluster, keyId, user, groups, changes }: ProposalDetails,
  sha256: Sha256,
): readonly (ProposedChange & { readonly binding: BindingMode })[] {
  return changes.map(({ commitment, bodyHash, binding, ...own }) => {
    const attributes = { cluster, ...own, user, groups };
    return { attributes, commitment, digest: changeDigests(sha256, attributes, commitment), bodyHash, keyId, binding };
  });
}

export function digestsOf(details: ProposalDetails, sha256: Sha256): readonly Hash[] {
  return changesOf(details, sha256).map(({ digest, binding }) => digest[binding]);
}

export function titleOf({ changes }: ProposalDetails): string {
  const [first] = changes;
  return first === undefined ? '' : changeTitle(first);
}

/** Digests of the policies that match any of the changes, sorted. */
export function policiesOf(details: ProposalDetails, policies: readonly Policy[], sha256: Sha256): readonly Hash[] {
  const matched = changesOf(details, sha256).flatMap(({ attributes }) => matchedPolicies(policies, attributes));
  return [...new Set(matched.map(({ digest }) => digest))].sort();
}

/**
 * Whether a proposal's body is what the chain says of it, under these policies in force. Whoever holds the body checks it before signing so, and every voter's
 * client again: the chain itself has only the proposer's word. Throws GOVERNANCE_DETAILS naming what differs.
 */
export function checkDetails(
  proposal: Pick<Proposal, 'id' | 'cluster' | 'title' | 'requirements'>,
  digests: readonly Hash[],
  details: ProposalDetails,
  policies: readonly Policy[],
  sha256: Sha256,
): void {
  const refuse = (part: string): ChainError => new ChainError('GOVERNANCE_DETAILS', { proposal: proposal.id, part });
  if (details.cluster !== proposal.cluster) throw refuse('its cluster');
  if (titleOf(details) !== proposal.title) throw refuse('its title');
  const changes = changesOf(details, sha256);
  const isSame = changes.length === digests.length && changes.every((c, i) => c.digest[c.binding] === digests[i]);
  if (!isSame) throw refuse('its digests');
  for (const { attributes, binding } of changes) {
    const matched = matchedPolicies(policies, attributes);
    const title = changeTitle(attributes);
    if (matched.length === 0) throw refuse(`${title}, which no policy matches,`);
    if (bindingOf(matched, attributes) !== binding) throw refuse(`the binding of ${title}`);
  }
  const stated = proposal.requirements.map(({ policyDigest }) => policyDigest).sort();
  const found = policiesOf(details, policies, sha256);
  if (stated.length !== found.length || found.some((digest, i) => digest !== stated[i])) throw refuse('its policies');
}
