import type { BindingMode, ChangeAttributes, PerBinding } from '../types/change.ts';
import type { Hash } from '../types/brand.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { canonicalJson } from './json-canonical.ts';
import { toHex } from './hex.ts';
import { utf8Encode } from './utf8.ts';

const DOMAIN = utf8Encode('kubectl-chain/digest/v1\0');

/**
 * What is approved (admission.md, "The digest of a change"): computed from attributes and commitment only, so that
 * everyone who holds the transaction can recompute it, and nobody can guess the content from it.
 *
 * The uid counts for UPDATE and DELETE only: on CREATE it is fresh at every attempt, on CONNECT it is not part of the request.
 * The mode is part of it, so the digests of the two modes never meet even where their content is the same.
 */
export function changeDigest(
  sha256: Sha256,
  attributes: ChangeAttributes,
  commitment: Hash,
  binding: BindingMode,
): Hash {
  const bindsUid = attributes.operation === 'UPDATE' || attributes.operation === 'DELETE';
  const content = canonicalJson({
    v: 1,
    alg: 'sha256',
    cluster: attributes.cluster,
    operation: attributes.operation,
    group: attributes.group,
    version: attributes.version,
    resource: attributes.resource,
    subresource: attributes.subresource,
    namespace: attributes.namespace,
    name: digestName(attributes),
    // Some names may hold asterisks (RBAC): the literal one is not the generated one.
    ...(attributes.generatedName ? { generatedName: true } : {}),
    uid: bindsUid ? attributes.uid : '',
    options: attributes.options,
    commitment,
    binding,
  });
  return toHex(sha256(DOMAIN, content)) as Hash;
}

/** Random characters that the API server appends to generateName. */
const GENERATED_SUFFIX_CHARS = 5;

/**
 * The name as the digest has it. One that the server made up is another one at each attempt (and in the dry run), so its
 * random end is replaced by asterisks.
 */
export function digestName(attributes: Pick<ChangeAttributes, 'name' | 'generatedName'>): string {
  if (!attributes.generatedName) return attributes.name;
  return attributes.name.slice(0, -GENERATED_SUFFIX_CHARS) + '*'.repeat(GENERATED_SUFFIX_CHARS);
}

/** Both digests of one change. */
export function changeDigests(sha256: Sha256, attributes: ChangeAttributes, commitment: PerBinding): PerBinding {
  return {
    diff: changeDigest(sha256, attributes, commitment.diff, 'diff'),
    strict: changeDigest(sha256, attributes, commitment.strict, 'strict'),
  };
}
