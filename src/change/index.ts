/** The public door: a review becomes a canonical, redacted, digested change; a body is checked and shown. */
export {
  attest,
  attestRequest,
  clearedObject,
  attestReview,
  type AttestContext,
  type AttestedChange,
} from './attest.ts';
export { verifyBody, type Attested, type VerifiedBody } from './body.ts';
export { CLUSTER_KEY_BYTES, clusterKeyId, deriveClusterKeys, type ClusterKeys } from './cluster-key.ts';
export type { WholeChange } from './canonical-change.ts';
export type { Change, ElementKey, Segment } from './difference.ts';
export {
  classOf,
  excludedBy,
  EXCLUSIONS,
  exclusionsFor,
  type ChangeClass,
  type Exclusion,
  type ExclusionSettings,
} from './exclusions.ts';
export { ownersOf } from './owners.ts';
export { renderDiff } from './render.ts';
export { replayed } from './replay.ts';
export { admissionUidOf, decodeReview, type DecodedReview, type Review } from './review.ts';
export {
  RECORD_HOOK,
  webhookConfiguration,
  type HookProfile,
  type WebhookConfigurationOptions,
} from './webhook-configuration.ts';
export { textAt } from './json.ts';
export { isRewritten, REWRITER_LISTS, rewrittenBy, TEMPLATED } from './rewriting.ts';
export { hookClientHash, hookEntryHash, hookEntryName, hookEntryProblems } from './hook-entry.ts';
export { GUARD_NAME, guardManifests } from './guard-manifests.ts';
export { staticGuardEntryName, staticGuardManifest } from './static-guard.ts';
