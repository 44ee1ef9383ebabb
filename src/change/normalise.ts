import type { Json, JsonObject } from '../types/json.ts';
import { hasStatusSubresource, losesEmptyLists } from './kinds.ts';
import { isList, isObject, member, newObject, without, withMember } from './json.ts';
import type { Review } from './review.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** Bookkeeping that the server writes anew at each attempt. Never here: finalizers, ownerReferences, labels, annotations. */
const BOOKKEEPING = ['resourceVersion', 'generation', 'managedFields', 'creationTimestamp'];
/** What the server adds when it begins to delete: the second review of one forced deletion has it, the first has not. */
const DELETION_MARKS = ['deletionTimestamp', 'deletionGracePeriodSeconds'];
/** Subresources whose writes cannot reach the status; others (status, approval, resize ...) may be about nothing else. */
const STATUS_UNTOUCHED_BY = ['', 'ephemeralcontainers'];

/** An object of the review without what differs between two attempts at the same change (admission.md). */
export function normalise(object: JsonObject, review: Review): JsonObject {
  if (review.operation === 'CONNECT') return object;
  let result: JsonObject = stripsStatus(review) ? without(object, ['status']) : object;
  const metadata = member(object, 'metadata');
  if (isObject(metadata)) result = withMember(result, 'metadata', normaliseMetadata(metadata, review));
  if (losesEmptyLists(review)) result = withoutEmptyLists(result) as JsonObject;
  return isEviction(review) ? normaliseEviction(result) : result;
}

/**
 * True if nothing comes of it. The API server's own flag, or an eviction's: it has its dry run inside the object. A TokenRequest is never one: the API
 * server makes the token and hands it out, whatever the flag says (registry/core/serviceaccount/storage/token.go reads no options).
 */
export function isDryRun(review: Review): boolean {
  if (review.resource === 'serviceaccounts' && review.subresource === 'token') return false;
  if (review.dryRun) return true;
  if (!isEviction(review)) return false;
  const dryRun = member(member(review.object ?? undefined, 'deleteOptions'), 'dryRun');
  return Array.isArray(dryRun) && dryRun.length > 0 && dryRun.every((stage: Json) => stage === 'All');
}

/** DeleteOptions as they count: their dry run and preconditions never widen what was approved. */
export function normaliseDeleteOptions(options: JsonObject): JsonObject {
  return without(options, ['apiVersion', 'kind', 'dryRun', 'preconditions']);
}

function normaliseMetadata(metadata: JsonObject, review: Review): JsonObject {
  const dropped = [...BOOKKEEPING];
  if (review.operation === 'CREATE') dropped.push('uid');
  if (review.operation === 'DELETE') dropped.push(...DELETION_MARKS);
  const result = without(metadata, dropped);
  const annotations = member(metadata, 'annotations');
  if (!isObject(annotations) || !Object.hasOwn(annotations, LAST_APPLIED)) return result;
  const kept = without(annotations, [LAST_APPLIED]);
  // The map that existed for this annotation only goes with it; an empty map that was sent stays.
  return withMember(result, 'annotations', Object.keys(kept).length === 0 ? undefined : kept);
}

/** A list without elements as it is read back: `rules: []` of a Role becomes null in the store. */
function withoutEmptyLists(value: Json): Json {
  if (isList(value)) return value.length === 0 ? null : value.map(withoutEmptyLists);
  if (!isObject(value)) return value;
  const result = newObject();
  for (const key of Object.keys(value)) result[key] = withoutEmptyLists(value[key] as Json);
  return result;
}

function stripsStatus(review: Review): boolean {
  // A Scale's status is what its parent reports; whoever writes a Scale cannot change it.
  if (review.subresource === 'scale') return review.kind === 'Scale';
  if (!STATUS_UNTOUCHED_BY.includes(review.subresource) || !hasStatusSubresource(review)) return false;
  // A node is created with all its fields, its status among them.
  return !(review.operation === 'CREATE' && review.resource === 'nodes');
}

function isEviction(review: Review): boolean {
  return (
    review.operation === 'CREATE' &&
    review.group === '' &&
    review.resource === 'pods' &&
    review.subresource === 'eviction'
  );
}

function normaliseEviction(eviction: JsonObject): JsonObject {
  const options = member(eviction, 'deleteOptions');
  if (!isObject(options)) return eviction;
  const kept = normaliseDeleteOptions(options);
  return withMember(eviction, 'deleteOptions', Object.keys(kept).length === 0 ? undefined : kept);
}
