import { changeDigests } from '../codec/change-digest.ts';
import { canonicalText, toHex, utf8Encode } from '../codec/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import type { HmacSha256, Sha256 } from '../ports/crypto.ts';
import type { ClusterId, Hash } from '../types/brand.ts';
import type { ChangeAttestation, ChangeAttributes, PerBinding } from '../types/change.ts';
import type { Json, JsonObject } from '../types/json.ts';
import { encodeBody } from './body.ts';
import { canonicalChanges, commitmentOf, type CanonicalChanges, type WholeChange } from './canonical-change.ts';
import type { ClusterKeys } from './cluster-key.ts';
import { GROUPS_BYTES_MAX, OPTIONS_CHARS_MAX } from './limits.ts';
import { isDryRun, normalise, normaliseDeleteOptions } from './normalise.ts';
import { redact } from './redact.ts';
import { baseVersion, decodeRequest, decodeReview, targetUid, type Review } from './review.ts';
import { hasGeneratedName, replaceServerMade } from './server-made.ts';

export interface AttestContext {
  readonly cluster: ClusterId;
  readonly keys: ClusterKeys;
  readonly sha256: Sha256;
  readonly hmacSha256: HmacSha256;
}

/** A review as the ledger takes it. Nothing here holds a value of a Secret, a token or a command line. */
export interface AttestedChange {
  readonly attestation: ChangeAttestation;
  /** The bytes that `attestation.bodyHash` is of; equal in every node that was asked about the same change. */
  readonly body: Uint8Array;
  /** An UPDATE that changes nothing but bookkeeping: allowed without a vote, not recorded. */
  readonly empty: boolean;
  /** Nothing will be stored: evaluate, record nothing. */
  readonly dryRun: boolean;
}

/** From the raw bytes of an AdmissionReview. Throws CODEC_ and CHANGE_ codes only. */
export function attestReview(bytes: Uint8Array, context: AttestContext): AttestedChange {
  return attest(decodeReview(bytes), context);
}

/** From the `request` member of an AdmissionReview, parsed by parseJson. */
export function attestRequest(request: Json, context: AttestContext): AttestedChange {
  return attest(decodeRequest(request), context);
}

/** Normalise, replace what the server made, redact, digest: in this order, so that redacted bytes are what is committed to. */
export function attest(review: Review, context: AttestContext): AttestedChange {
  const { keys, sha256 } = context;
  const [clearedOld, clearedNew] = cleared(review, context);
  const whole: WholeChange = {
    v: 1,
    operation: review.operation,
    options: boundOptions(review),
    old: clearedOld,
    new: clearedNew,
  };
  const canonical = canonicalChanges(whole);
  const strict = committed(canonical.bytes.strict, context);
  const diff = canonical.bytes.diff === canonical.bytes.strict ? strict : committed(canonical.bytes.diff, context);
  const salts = { diff: diff.salt, strict: strict.salt };
  const commitment: PerBinding = { diff: diff.commitment, strict: strict.commitment };
  const attributes = attributesOf(review, whole, canonical, context.cluster);
  const body = encodeBody(canonical.bytes.strict, salts);
  return {
    attestation: {
      attributes,
      commitment,
      digest: changeDigests(sha256, attributes, commitment),
      bodyHash: toHex(sha256(body)) as Hash,
      keyId: keys.keyId,
      admissionUid: review.admissionUid,
    },
    body,
    empty: isEmpty(review, canonical),
    dryRun: isDryRun(review),
  };
}

function committed(
  change: Uint8Array,
  { keys, sha256, hmacSha256 }: AttestContext,
): { readonly salt: Uint8Array; readonly commitment: Hash } {
  const salt = hmacSha256(keys.salt, change);
  return { salt, commitment: commitmentOf(salt, change, sha256) };
}

/** The new object of a review as its body shows it, without the cost of digests. Null for a DELETE. Throws CODEC_ and CHANGE_ codes only. */
export function clearedObject(request: Json, context: AttestContext): JsonObject | null {
  return cleared(decodeRequest(request), context)[1];
}

function cleared(
  review: Review,
  { keys, hmacSha256 }: AttestContext,
): readonly [old: JsonObject | null, changed: JsonObject | null] {
  const old = review.oldObject && normalise(review.oldObject, review);
  const changed = review.object && replaceServerMade(normalise(review.object, review), review);
  const [clearedOld = null, clearedNew = null] = redact(review, [old, changed], (message) =>
    hmacSha256(keys.redaction, message),
  );
  return [clearedOld, clearedNew];
}

function attributesOf(
  review: Review,
  whole: WholeChange,
  canonical: CanonicalChanges,
  cluster: ClusterId,
): ChangeAttributes {
  const groupsBytes = utf8Encode(canonicalText(review.groups)).length;
  if (groupsBytes > GROUPS_BYTES_MAX) {
    throw new ChainError('CHANGE_LIMIT', { what: 'the length of all groups', max: GROUPS_BYTES_MAX });
  }
  return {
    cluster,
    operation: review.operation,
    group: review.group,
    version: review.version,
    resource: review.resource,
    subresource: review.subresource,
    namespace: review.namespace,
    name: review.name,
    uid: targetUid(review),
    resourceVersion: baseVersion(review),
    user: review.user,
    groups: review.groups,
    generatedName: hasGeneratedName(review),
    options: whole.options,
    paths: canonical.paths.paths,
    pathsTruncated: canonical.paths.pathsTruncated,
  };
}

/** Of all options only DeleteOptions count: field managers differ by tool, dry run and preconditions never widen. */
function boundOptions(review: Review): string {
  if (review.operation !== 'DELETE') return '';
  const options = canonicalText(normaliseDeleteOptions(review.options ?? emptyOptions));
  if (options.length > OPTIONS_CHARS_MAX) {
    throw new ChainError('CHANGE_LIMIT', { what: 'the length of the DeleteOptions', max: OPTIONS_CHARS_MAX });
  }
  return options;
}

const emptyOptions: JsonObject = {};

/** Finalizing a namespace removes it even where the object stays the same, so it is never taken for nothing. */
function isEmpty(review: Review, canonical: CanonicalChanges): boolean {
  return review.operation === 'UPDATE' && review.subresource !== 'finalize' && canonical.changes.length === 0;
}
