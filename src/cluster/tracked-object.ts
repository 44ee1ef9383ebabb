import { textAt } from '../change/index.ts';
import type { FoundObject } from '../types/finding.ts';
import type { JsonObject } from '../types/json.ts';
import type { WatchedResource } from './resource-watch.ts';

/** Changes of one object that wait to be judged. Beyond it what came between is not known, as after an absence: nothing is said of it. */
const waitingMax = 64;

export interface ObjectName {
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

export interface ShownObject {
  readonly resource: WatchedResource;
  readonly object: JsonObject;
}

/** One stored version that holds another content than the one before it, or the deletion. */
export interface ObjectVersion {
  readonly resourceVersion: bigint;
  /** The version before it; null if one may have been missed. */
  readonly previous: string | null;
  /** When it was seen, by a clock that never jumps. */
  readonly seenMs: number;
  readonly isDeleted: boolean;
  /** Since when only what the log holds is waited for. */
  behindMs?: number;
  /** By served version: each is watched on its own. */
  readonly objects: Map<string, ShownObject>;
}

/** What was found, and at which version of the cluster. */
export interface FoundAt {
  readonly at: bigint;
  readonly object: FoundObject;
  /** When its version was seen, since when only the log was waited for, and when it was found, by the same clock. */
  readonly seenMs: number;
  readonly behindMs: number;
  readonly foundMs: number;
}

/** What is known of one object: what was judged last, and what waits. */
export class TrackedObject {
  readonly name: ObjectName;
  readonly uid: string;
  waiting: ObjectVersion[] = [];
  /** Highest version that was seen. */
  last = -1n;
  /** What was judged last, whatever came of it; a change is looked at from there. */
  base: ReadonlyMap<string, ShownObject> | undefined;
  /** What is wrong with the base. */
  problem: FoundAt | undefined;
  /** Content of the latest version seen, by served version; equal content is bookkeeping or status. */
  readonly #content = new Map<string, string>();

  constructor({ group, resource, namespaced }: WatchedResource, object: JsonObject) {
    const name = textAt(object, 'metadata', 'name');
    // The API server reviews a Namespace as being in itself.
    const own = !namespaced && group === '' && resource === 'namespaces' ? name : '';
    this.name = { group, resource, namespace: textAt(object, 'metadata', 'namespace') || own, name };
    this.uid = uidOf(object);
  }

  /** `content` tells equal contents; null if it cannot be told. `isOnlyVersion`: no other served version could show a difference. */
  saw(
    resourceVersion: bigint,
    shown: ShownObject,
    state: {
      readonly content: string | null;
      readonly isDeleted: boolean;
      readonly isComplete: boolean;
      readonly isOnlyVersion: boolean;
      readonly nowMs: number;
    },
  ): void {
    const { version } = shown.resource;
    const known = this.waiting.find((waits) => waits.resourceVersion === resourceVersion);
    if (known !== undefined) known.objects.set(version, shown);
    else if (resourceVersion === this.last && this.base !== undefined)
      this.base = new Map([...this.base, [version, shown]]);
    if (known !== undefined || resourceVersion <= this.last) return;
    const previous = state.isComplete && this.last >= 0n ? String(this.last) : null;
    this.last = resourceVersion;
    const isSame = state.content !== null && this.#content.get(version) === state.content;
    if (state.content === null) this.#content.delete(version);
    else this.#content.set(version, state.content);
    // Status is written often, and many times while one change waits for its record.
    if (isSame && state.isOnlyVersion && !state.isDeleted) return;
    const { isDeleted, nowMs: seenMs } = state;
    this.waiting.push({ resourceVersion, previous, seenMs, isDeleted, objects: new Map([[version, shown]]) });
    if (this.waiting.length > waitingMax)
      this.waiting = this.waiting.slice(-1).map((latest) => ({ ...latest, previous: null }));
  }

  /** Not in a list taken at `resourceVersion` any more: that it is gone was seen, not when it went. */
  vanished(resourceVersion: bigint, nowMs: number): void {
    if (this.last >= resourceVersion || this.waiting.some(({ isDeleted }) => isDeleted)) return;
    this.waiting.push({
      resourceVersion,
      previous: null,
      seenMs: nowMs,
      isDeleted: true,
      objects: new Map(this.waiting.at(-1)?.objects ?? this.base),
    });
  }

  /** All observers name the last version that they saw: of what vanished, each learns at another one. */
  found(version: ObjectVersion, reason: FoundObject['reason'], foundMs: number): FoundAt {
    const { resourceVersion: at, isDeleted, seenMs, behindMs = foundMs } = version;
    const resourceVersion = String(isDeleted ? this.last : at);
    return { at, object: { ...this.name, uid: this.uid, resourceVersion, reason }, seenMs, behindMs, foundMs };
  }
}

export function uidOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'uid');
}
