import { isChainError } from '../errors/chain-error.ts';
import { textAt, type AttestContext } from '../change/index.ts';
import type { ChangeAttributes } from '../types/change.ts';
import type { Json, JsonObject } from '../types/json.ts';
import type { ObservedResult } from '../types/transaction.ts';
import type { LeafIndex } from '../types/brand.ts';
import { discoverResources } from './discovery.ts';
import type { KubeHttp } from './kube-http.ts';
import { contentHash, newObjectOf, normalObject } from './normal-object.ts';
import type { Seen } from './object-history.ts';
import {
  ResourceWatch,
  withType,
  type ObjectSink,
  type WatchedResource,
  type WatchPosition,
} from './resource-watch.ts';

/**
 * After a decision an API server may still store the object until its request times out (60 s); only a read that starts later
 * than this says that it never will.
 */
export const settledAfterMs = 65_000;
/** Block time and the own clock differ by less; what was followed since so long before a decision was followed since before it. */
export const clockSlackMs = 500;
const evaluateIntervalMs = 500;
const keepIntervalMs = 1_000;
const discoverIntervalMs = 30_000;

/** An admitted change whose reservation waits for what observers saw. */
export interface PendingDecision {
  readonly decision: LeafIndex;
  readonly attributes: ChangeAttributes;
  /** Body of the admitted review; undefined while it is not here. */
  readonly body: Uint8Array | undefined;
  readonly decidedMs: number;
}

interface Deps {
  readonly http: KubeHttp;
  readonly attestContext: () => AttestContext | undefined;
  /** Whether a policy could match a change of this resource. */
  readonly isGoverned: (group: string, resource: string) => boolean;
  /** Sees every version of every followed object too. */
  readonly sink?: ObjectSink;
  /** How far each resource was read, kept over restarts. */
  readonly positions?: {
    readonly load: (key: string) => WatchPosition | undefined;
    readonly save: (key: string, position: WatchPosition) => void;
  };
  readonly pending: () => readonly PendingDecision[];
  /** Signs and submits; resolves when it is on the log or its outcome is unknown. */
  readonly publish: (results: readonly ObservedResult[]) => Promise<unknown>;
  readonly now: () => number;
  readonly warn: (message: string, details: object) => void;
}

export interface Coverage {
  readonly watched: number;
  readonly synced: number;
  /** All of it is followed at this moment. */
  readonly isComplete: boolean;
  /** Since when all of it is followed without a gap; 0 if nothing is. */
  readonly sinceMs: number;
}

/**
 * What became of admitted changes. It follows every version of the governed resources, and says of each reservation either
 * that exactly the admitted object was stored, or that it was not and never will be. Where it cannot know (it was away while
 * the version after the reviewed one was written), it says nothing, and the reservation ends as uncertain.
 */
export class Observer {
  readonly #d: Deps;
  readonly #watches = new Map<string, ResourceWatch>();
  readonly #said = new Set<number>();
  /** When each pending decision was met first, by a clock that never jumps. */
  readonly #metMs = new Map<number, number>();
  #resources: readonly WatchedResource[] = [];
  /** Each resource that is governed has its watch. */
  #isFollowing = false;
  #discoveredMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #working = false;
  #stopped = false;
  #keptMs = -Infinity;
  readonly #kept = new Map<string, string>();

  constructor(deps: Deps) {
    this.#d = deps;
  }

  start(): void {
    this.#timer = setInterval(() => void this.evaluate(), evaluateIntervalMs);
    void this.evaluate();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    for (const watch of this.#watches.values()) watch.stop();
  }

  /** How many resources are followed, how many of them right now, and whether each one that must be is. */
  get coverage(): Coverage {
    const watches = [...this.#watches.values()];
    // The watch of a kind that was deleted never comes back.
    const isServed = ({ resource }: ResourceWatch): boolean =>
      this.#resources.some((known) => keyOf(known) === keyOf(resource));
    return {
      watched: watches.length,
      synced: watches.filter((watch) => watch.isSynced).length,
      isComplete: this.#isFollowing && watches.every((watch) => watch.isSynced || !isServed(watch)),
      sinceMs: Math.max(0, ...watches.map(({ sinceMs }) => sinceMs).filter(Number.isFinite)),
    };
  }

  kindOf(group: string, resource: string): WatchedResource | undefined {
    return this.#resources.find((known) => known.group === group && known.resource === resource);
  }

  resourceOf(apiVersion: string, kind: string): WatchedResource | undefined {
    return this.#resources.find(
      (known) => known.kind === kind && (known.group === '' ? '' : `${known.group}/`) + known.version === apiVersion,
    );
  }

  /** Whoever follows this resource, in the version asked for if there is a choice. */
  watchOf({
    group,
    version,
    resource,
  }: Pick<WatchedResource, 'group' | 'version' | 'resource'>): ResourceWatch | undefined {
    const watches = [...this.#watches.values()].filter(
      ({ resource: followed }) => followed.group === group && followed.resource === resource,
    );
    return watches.find((watch) => watch.resource.version === version) ?? watches[0];
  }

  async evaluate(): Promise<void> {
    if (this.#working || this.#stopped) return;
    this.#working = true;
    try {
      await this.#follow();
      this.#keepPositions();
      const pending = this.#d.pending();
      this.#meet(pending);
      const results: ObservedResult[] = [];
      for (const decision of pending) {
        if (this.#said.has(decision.decision)) continue;
        const result = await this.#judge(decision);
        if (result !== null) results.push({ decision: decision.decision, ...result });
      }
      const awaited = new Set(pending.map(({ attributes }) => attributes.uid));
      for (const watch of this.#watches.values()) watch.history.prune((uid) => awaited.has(uid), this.#d.now());
      for (const known of this.#said) if (!pending.some(({ decision }) => decision === known)) this.#said.delete(known);
      if (results.length > 0) {
        for (const { decision } of results) this.#said.add(decision);
        await this.#d.publish(results);
        // If it did not reach the log the decision is still pending at the next look, and is said again.
        setTimeout(() => results.forEach(({ decision }) => this.#said.delete(decision)), 5_000).unref();
      }
    } catch (error) {
      this.#d.warn('observer could not look', { reason: (error as Error).message });
    } finally {
      this.#working = false;
    }
  }

  /** What waits to be judged or reported is not passed over: the next process reads it again. */
  #keepPositions(): void {
    const nowMs = this.#d.now();
    if (nowMs - this.#keptMs < keepIntervalMs) return;
    this.#keptMs = nowMs;
    for (const [key, watch] of this.#watches) {
      const { position } = watch;
      if (!watch.isSynced || position === undefined || this.#kept.get(key) === position.resourceVersion) continue;
      if (this.#d.sink?.isSaid(watch.resource) === false) continue;
      this.#kept.set(key, position.resourceVersion);
      this.#d.positions?.save(key, position);
    }
  }

  #meet(pending: readonly PendingDecision[]): void {
    const decisions = new Set<number>(pending.map(({ decision }) => decision));
    for (const known of this.#metMs.keys()) if (!decisions.has(known)) this.#metMs.delete(known);
    for (const decision of decisions) if (!this.#metMs.has(decision)) this.#metMs.set(decision, performance.now());
  }

  /** Starts a watch for each governed resource that has none, before any change of it is decided. */
  async #follow(): Promise<void> {
    if (this.#d.attestContext() === undefined) return;
    if (this.#d.now() - this.#discoveredMs > discoverIntervalMs) {
      this.#resources = await discoverResources(this.#d.http);
      this.#discoveredMs = this.#d.now();
    }
    const pending = this.#d.pending();
    for (const resource of this.#resources) {
      const key = keyOf(resource);
      const isPending = pending.some(({ attributes: a }) => keyOf(a) === key);
      if (this.#watches.has(key) || (!isPending && !this.#d.isGoverned(resource.group, resource.resource))) continue;
      const watch = new ResourceWatch(resource, {
        http: this.#d.http,
        contentOf: (of, object) => this.#contentOf(of, object),
        onChange: () => this.#evaluateSoon(),
        sink: this.#d.sink,
        position: this.#d.positions?.load(key),
        now: this.#d.now,
        warn: this.#d.warn,
      });
      this.#watches.set(key, watch);
      watch.start();
    }
    this.#isFollowing = true;
  }

  #evaluateSoon(): void {
    if (this.#soon !== undefined || this.#stopped) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      void this.evaluate();
    }, 20);
  }

  async #judge(decision: PendingDecision): Promise<Omit<ObservedResult, 'decision'> | null> {
    const { attributes, body } = decision;
    const watch = this.#watches.get(keyOf(attributes));
    if (watch === undefined || !watch.isSynced) return null;
    const { history } = watch;
    const { uid, operation, resourceVersion } = attributes;
    if (operation === 'CREATE') {
      const seen = history.first(uid);
      if (seen.kind === 'version') return { persisted: true, uid, resourceVersion: seen.resourceVersion };
      return this.#neverStored(decision, watch);
    }
    const next = history.after(uid, resourceVersion);
    if (next.kind === 'unchanged') return this.#neverStored(decision, watch);
    if (operation === 'DELETE') return judgeDelete(uid, next, history.current(uid));
    if (body === undefined) return null;
    const context = this.#d.attestContext();
    if (context === undefined) return null;
    const wanted = wantedContent(attributes, body, context);
    if (next.kind === 'version')
      return {
        persisted: isSame(attributes, wanted, next, history.contentAt(uid, resourceVersion)),
        uid,
        resourceVersion: next.resourceVersion,
      };
    // The version after the base may have been missed; the object as it is now can still prove that it was stored.
    const current = history.current(uid);
    const isStored = current.kind === 'version' && wanted.kind === 'content' && current.content === wanted.hash;
    return isStored ? { persisted: true, uid, resourceVersion: current.resourceVersion } : null;
  }

  /**
   * A consistent read that starts late enough and does not show it. What was created may be gone again by then: its absence says something
   * only if everything since before the decision was seen here.
   */
  async #neverStored(
    decision: PendingDecision,
    watch: ResourceWatch,
  ): Promise<Omit<ObservedResult, 'decision'> | null> {
    const { attributes, decidedMs } = decision;
    const metMs = this.#metMs.get(decision.decision);
    if (metMs === undefined || performance.now() - metMs < settledAfterMs) return null;
    const isCovered = watch.history.completeSinceMs + clockSlackMs <= decidedMs;
    if (attributes.operation === 'CREATE' && !isCovered) return null;
    const object = await readObject(this.#d.http, watch.resource, attributes);
    const metadata = (object?.['metadata'] ?? {}) as JsonObject;
    const isThere = object !== undefined && metadata['uid'] === attributes.uid;
    if (attributes.operation === 'CREATE') {
      return isThere
        ? { persisted: true, uid: attributes.uid, resourceVersion: textAt(metadata, 'resourceVersion') }
        : { persisted: false, uid: attributes.uid, resourceVersion: '' };
    }
    // Gone, or at another version: the watch will show which version came first.
    if (!isThere || textAt(metadata, 'resourceVersion') !== attributes.resourceVersion) return null;
    return { persisted: false, uid: attributes.uid, resourceVersion: '' };
  }

  /** Hash of the object as a review of it would be digested. */
  #contentOf(resource: WatchedResource, object: JsonObject): string | null {
    const context = this.#d.attestContext();
    if (context === undefined) return null;
    try {
      return contentHash(normalObject(resource, object, 'UPDATE', context), context);
    } catch (error) {
      // What no review could be attested of must not end the watch: it equals nothing.
      if (isChainError(error)) return null;
      throw error;
    }
  }
}

function isSame(
  { subresource }: ChangeAttributes,
  wanted: Wanted,
  seen: Extract<Seen, { kind: 'version' }>,
  base: string | undefined,
): boolean {
  // What lets a terminating object go is not stored: it vanishes instead.
  if (seen.content === null) return wanted.vanishes;
  if (wanted.kind === 'content') return seen.content === wanted.hash;
  // A subresource's object is not the stored one; that the very next version is ours is what optimistic concurrency gives.
  // But a scale changes the spec: a version that differs in its status alone was written by somebody else, so ours came too late.
  return subresource !== 'scale' || base !== seen.content;
}

type Wanted = ({ readonly kind: 'content'; readonly hash: string } | { readonly kind: 'subresource' }) & {
  readonly vanishes: boolean;
};

function wantedContent(attributes: ChangeAttributes, body: Uint8Array, context: AttestContext): Wanted {
  const object = newObjectOf(body);
  const vanishes = letsGo(object);
  if (attributes.subresource !== '') return { kind: 'subresource', vanishes };
  return { kind: 'content', hash: contentHash(object, context), vanishes };
}

/** An UPDATE to this removes the object: nothing holds it any more (k8s.io/apiserver, ShouldDeleteDuringUpdate; a Namespace has finalizers of its own). */
function letsGo(object: Json): boolean {
  const { metadata, spec } = (object ?? {}) as { metadata?: JsonObject; spec?: JsonObject };
  const isHeld = (finalizers: Json | undefined): boolean => Array.isArray(finalizers) && finalizers.length > 0;
  return (
    metadata?.['deletionTimestamp'] !== undefined &&
    (metadata['deletionGracePeriodSeconds'] ?? 0) === 0 &&
    !isHeld(metadata['finalizers']) &&
    !isHeld(spec?.['finalizers'])
  );
}

function keyOf({ group, version, resource }: Pick<WatchedResource, 'group' | 'version' | 'resource'>): string {
  return `${group}/${version}/${resource}`;
}

/** The one object as a list: a role that may list and watch, and nothing else, opens no subresource (`get pods/exec`, `nodes/proxy`). */
export async function readObject(
  http: KubeHttp,
  resource: WatchedResource,
  of: { readonly namespace: string; readonly name: string },
): Promise<JsonObject | undefined> {
  const list = await listOne(http, resource, of);
  const [found] = (list?.['items'] ?? []) as JsonObject[];
  return found === undefined ? undefined : withType(resource, found);
}

/** A version of the resource that holds everything which was stored before the call; undefined if it is none that could be compared. */
export async function readRevision(
  http: KubeHttp,
  resource: WatchedResource,
  of: { readonly namespace: string; readonly name: string },
): Promise<bigint | undefined> {
  const list = await listOne(http, resource, of);
  const version = textAt(list, 'metadata', 'resourceVersion');
  return /^\d+$/.test(version) ? BigInt(version) : undefined;
}

/** A consistent read: no version is asked for. */
async function listOne(
  http: KubeHttp,
  resource: WatchedResource,
  of: { readonly namespace: string; readonly name: string },
): Promise<JsonObject | undefined> {
  return (await http.get(objectPath(resource, of))) as JsonObject | undefined;
}

function objectPath(
  resource: WatchedResource,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const within = resource.namespaced ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${within}/${resource.resource}?fieldSelector=metadata.name%3D${encodeURIComponent(name)}`;
}

function judgeDelete(uid: string, next: Seen, current: Seen): Omit<ObservedResult, 'decision'> | null {
  if (next.kind === 'version') return { persisted: next.deleting, uid, resourceVersion: next.resourceVersion };
  if (current.kind === 'version' && current.deleting)
    return { persisted: true, uid, resourceVersion: current.resourceVersion };
  return null;
}
