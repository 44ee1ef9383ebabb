import { canonicalJson, fromBase64, toHex, utf8Decode } from '../codec/index.ts';
import { isChainError } from '../errors/chain-error.ts';
import type { Json, JsonObject } from '../types/json.ts';
import { isObject, mapAt, member, newObject, textAt } from './json.ts';
import type { Review } from './review.ts';
import { stableName } from './server-made.ts';

/** HMAC-SHA-256 under the redaction sub-key of K_cluster. */
export type RedactionMac = (message: Uint8Array) => Uint8Array;

/** Marks a redacted value; the rest is its HMAC in hexadecimal. Equal values of one place stay equal, so a change still shows. */
const REDACTED_PREFIX = 'hmac-sha256:';

/** What of a Secret is not secret. Every other field, known or not, is redacted. */
const SECRET_CLEAR_FIELDS = ['apiVersion', 'kind', 'metadata', 'type', 'immutable'];
/** Shorter values occur in annotations by accident ("1", "true"). */
const LEAK_CHARS_MIN = 4;

/**
 * Both objects of a review with secrets replaced by HMACs: values of Secrets and annotations that repeat them, issued
 * tokens, command lines of exec. What is hidden is bound to the object and place, so that equal values elsewhere do not
 * show as equal. The environment of a container stays clear (README).
 */
export function redact(
  review: Review,
  objects: readonly (JsonObject | null)[],
  mac: RedactionMac,
): (JsonObject | null)[] {
  const place = [review.group, review.resource, review.subresource, review.namespace, stableName(review)];
  const hide = (path: readonly string[], value: Json): string =>
    REDACTED_PREFIX + toHex(mac(canonicalJson([...place, [...path], value])));
  const leaks = objects.flatMap((object) => (object !== null && isSecret(review, object) ? clearValues(object) : []));
  return objects.map((object) => {
    if (object === null) return null;
    if (isSecret(review, object)) return redactSecret(object, leaks, hide);
    return redactRequest(object, review, hide);
  });
}

type Hide = (path: readonly string[], value: Json) => string;

function isSecret(review: Review, object: JsonObject): boolean {
  if (review.group === '' && review.resource === 'secrets') return true;
  return object['kind'] === 'Secret' && object['apiVersion'] === 'v1';
}

function redactSecret(secret: JsonObject, leaks: readonly string[], hide: Hide): JsonObject {
  const result = newObject();
  for (const key of Object.keys(secret)) {
    const value = secret[key] as Json;
    if (SECRET_CLEAR_FIELDS.includes(key)) result[key] = value;
    else result[key] = isObject(value) ? hideEach(key, value, hide) : hide([key], value);
  }
  return mapAt(result, ['metadata', 'annotations'], (annotations) => redactAnnotations(annotations, leaks, hide));
}

/** Keys of a Secret's data are names and stay; each value goes. */
function hideEach(field: string, values: JsonObject, hide: Hide): JsonObject {
  const result = newObject();
  for (const key of Object.keys(values)) result[key] = hide([field, key], values[key] as Json);
  return result;
}

/**
 * Tools keep whole objects in annotations under names of their own (`kapp.k14s.io/original`, `objectset.rio.cattle.io/applied`
 * ...), sometimes packed: in a Secret whatever is structured, long and opaque, or repeats a value is hidden as a whole.
 */
function redactAnnotations(annotations: Json, leaks: readonly string[], hide: Hide): Json {
  if (!isObject(annotations)) return hide(['metadata', 'annotations'], annotations);
  const result = newObject();
  const isCrowded = Object.keys(annotations).length > SEARCHED_MAX;
  for (const key of Object.keys(annotations)) {
    const value = annotations[key] as Json;
    result[key] = isCrowded || mayRepeatSecret(value, leaks) ? hide(['metadata', 'annotations', key], value) : value;
  }
  return result;
}

/** Characters compared for one annotation: some milliseconds. */
const SEARCH_CHARS_MAX = 2_000_000;
/** Annotations of one Secret that are searched; people write fewer. */
const SEARCHED_MAX = 50;

/** Packed objects are base64 without spaces; names, dates, uids and digests are shorter. */
const OPAQUE = /^[A-Za-z0-9+/=_-]{96,}$/;

function mayRepeatSecret(value: Json, leaks: readonly string[]): boolean {
  // A search that would hold up everybody else is not made: then it is hidden unsearched.
  if (typeof value !== 'string' || value.length * leaks.length > SEARCH_CHARS_MAX) return true;
  return /[{["\n]/.test(value) || OPAQUE.test(value) || leaks.some((leak) => value.includes(leak));
}

/** The values of a Secret in every form in which a careless tool may repeat them. */
function clearValues(secret: JsonObject): string[] {
  const found: string[] = [];
  for (const field of ['data', 'stringData']) {
    const values = member(secret, field);
    if (!isObject(values)) continue;
    for (const value of Object.values(values)) {
      if (typeof value !== 'string') continue;
      found.push(value);
      if (field === 'data') found.push(decodedText(value).trim());
    }
  }
  return found.filter((value) => value.length >= LEAK_CHARS_MIN);
}

function decodedText(base64: string): string {
  try {
    return utf8Decode(fromBase64(base64));
  } catch (error) {
    // Binary data, or no base64: then there is no text to be repeated.
    if (isChainError(error)) return '';
    throw error;
  }
}

/** Subresources and reviews that carry a secret in one field. */
function redactRequest(object: JsonObject, review: Review, hide: Hide): JsonObject {
  const hideAt = (path: readonly string[]): JsonObject => mapAt(object, path, (value) => hide(path, value));
  // As a whole: the words of a command line would be easy to guess one by one.
  if (review.operation === 'CONNECT') return hideAt(['command']);
  const kind = textAt(object, 'kind');
  if (kind === 'TokenRequest') return hideAt(['status', 'token']);
  if (kind === 'TokenReview') return hideAt(['spec', 'token']);
  return object;
}

const REDACTED = new RegExp(`^${REDACTED_PREFIX}[0-9a-f]{64}$`);

/** True for text of the form that stands for a redacted value. */
export function isRedacted(value: Json | undefined): boolean {
  return typeof value === 'string' && REDACTED.test(value);
}
