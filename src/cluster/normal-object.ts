import { canonicalText, parseJson, toHex, utf8Encode } from '../codec/index.ts';
import { clearedObject, type AttestContext } from '../change/index.ts';
import type { Json, JsonObject } from '../types/json.ts';
import { comparable } from './comparable.ts';
import type { WatchedResource } from './resource-watch.ts';

/** A stored object as the body of a review of it would show it. */
export function normalObject(
  { group, version, resource, kind }: WatchedResource,
  object: JsonObject,
  operation: 'CREATE' | 'UPDATE',
  context: AttestContext,
): JsonObject | null {
  const metadata = (object['metadata'] ?? {}) as JsonObject;
  const request: Json = {
    uid: 'observer',
    kind: { group, version, kind },
    resource: { group, version, resource },
    name: metadata['name'] ?? '',
    namespace: metadata['namespace'] ?? '',
    operation,
    userInfo: { username: 'observer', groups: [] },
    object,
    oldObject: operation === 'CREATE' ? null : object,
    dryRun: false,
    options: null,
  };
  return clearedObject(request, context);
}

/** The object as it is after the change, from a body that was checked when it was stored. */
export function newObjectOf(body: Uint8Array): JsonObject | null {
  return (parseJson(body) as unknown as { readonly change: { readonly new: JsonObject | null } }).change.new;
}

/** Equal for two normalised objects of which nobody changed anything that a record would be about. */
export function contentText(normal: JsonObject | null): string {
  return canonicalText(comparable(normal));
}

export function contentHash(normal: JsonObject | null, { sha256 }: AttestContext): string {
  return toHex(sha256(utf8Encode(contentText(normal))));
}
