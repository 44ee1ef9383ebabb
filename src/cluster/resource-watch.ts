import { textAt } from '../change/index.ts';
import type { Json, JsonObject } from '../types/json.ts';
import type { KubeHttp } from './kube-http.ts';
import { ObjectHistory } from './object-history.ts';

/** Objects of one page of a list. */
const pageObjects = 500;
const backoffMinMs = 250;
const backoffMaxMs = 10_000;
/** A watch that ends so soon is told two seconds before its end how far it was (k8s.io/apiserver, cacher); an open one each minute. */
const hurriedSeconds = 3;
const hurriedAgainMs = 10_000;

export interface WatchedResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** What else wants to see whole objects, each version once. */
export interface ObjectSink {
  /** It will be followed: its list comes. */
  following(resource: WatchedResource): void;
  /** It is not followed for the moment. */
  lost(resource: WatchedResource): void;
  /** Everything that was seen of it has been said: nobody need see it again. */
  isSaid(resource: WatchedResource): boolean;
  /** Everything that a list taken at this version shows: what is not among it is gone. */
  listed(resource: WatchedResource, objects: readonly JsonObject[], listVersion: bigint): void;
  /** `content` is equal for two versions between which nothing but bookkeeping or status changed; null if that cannot be told. */
  changed(resource: WatchedResource, object: JsonObject, isDeleted: boolean, content: string | null): void;
}

/** How far a former process had read, with everything before it said. */
export interface WatchPosition {
  readonly resourceVersion: string;
  /** When that was. */
  readonly atMs: number;
  /** Since when nothing was missed. */
  readonly sinceMs: number;
}

interface Deps {
  readonly position?: WatchPosition | undefined;
  readonly sink?: ObjectSink | undefined;
  readonly http: KubeHttp;
  /** Hash of the normalised, redacted object, comparable with what was approved; null if it cannot be made. */
  readonly contentOf: (resource: WatchedResource, object: JsonObject) => string | null;
  readonly onChange: () => void;
  readonly now: () => number;
  readonly warn: (message: string, details: object) => void;
}

/** Lists one resource in all namespaces, then follows every change of it; resumes where it was, or lists again. */
export class ResourceWatch {
  readonly resource: WatchedResource;
  readonly history = new ObjectHistory();
  readonly #d: Deps;
  #stopWatch: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #resourceVersion = '';
  #backoffMs = backoffMinMs;
  #synced = false;
  #sinceMs = Infinity;
  #isResumed = false;
  #hurriedMs = -Infinity;

  constructor(resource: WatchedResource, deps: Deps) {
    this.resource = resource;
    this.#d = deps;
  }

  /** True while the history follows the API server. */
  get isSynced(): boolean {
    return this.#synced;
  }

  /** Everything up to here was handed over; undefined before the first list. */
  get position(): WatchPosition | undefined {
    if (this.#resourceVersion === '') return undefined;
    return { resourceVersion: this.#resourceVersion, atMs: this.#d.now(), sinceMs: this.#sinceMs };
  }

  /** Since when nothing was missed, also by the processes before this one; infinite before the first list. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  start(): void {
    this.#d.sink?.following(this.resource);
    void this.#cycle();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stopWatch?.();
    this.#d.sink?.lost(this.resource);
  }

  /** Has the API server say soon how far this was read, also where nothing happens. No version is missed by it. */
  hurry(): void {
    const nowMs = performance.now();
    if (!this.#synced || this.#stopped || nowMs - this.#hurriedMs < hurriedAgainMs) return;
    this.#hurriedMs = nowMs;
    this.#stopWatch?.();
    this.#watch(`&timeoutSeconds=${hurriedSeconds}`);
  }

  async #cycle(): Promise<void> {
    if (this.#stopped) return;
    try {
      if (this.#resourceVersion === '' && !(await this.#resume())) await this.#list();
      this.#watch();
    } catch (error) {
      this.#again(error as Error);
    }
  }

  /**
   * As it was when a former process stopped, as long as the API server still has that (etcd keeps five minutes); the watch then tells everything that happened since,
   * also what was made and removed again. Tried once.
   */
  async #resume(): Promise<boolean> {
    const { position } = this.#d;
    if (position === undefined || this.#isResumed) return false;
    this.#isResumed = true;
    try {
      await this.#list(position);
      return true;
    } catch {
      return false;
    }
  }

  async #list(from?: WatchPosition): Promise<void> {
    const found: { uid: string; resourceVersion: string; content: string; deleting: boolean }[] = [];
    const objects: JsonObject[] = [];
    const exact = from === undefined ? '' : `&resourceVersion=${from.resourceVersion}&resourceVersionMatch=Exact`;
    let token = '';
    let version = '';
    do {
      const page = (await this.#d.http.get(
        `${pathOf(this.resource)}?limit=${pageObjects}${token === '' ? exact : `&continue=${encodeURIComponent(token)}`}`,
      )) as JsonObject | undefined;
      if (page === undefined) throw new Error('it is not served');
      const metadata = (page['metadata'] ?? {}) as JsonObject;
      token = typeof metadata['continue'] === 'string' ? metadata['continue'] : '';
      version = textAt(metadata, 'resourceVersion');
      for (const item of (page['items'] ?? []) as JsonObject[]) {
        const object = withType(this.resource, item);
        objects.push(object);
        const seen = this.#read(object);
        if (seen !== null) found.push({ ...seen, content: seen.content ?? '' });
      }
    } while (token !== '');
    this.history.relist(version, found, from?.atMs ?? this.#d.now());
    this.#sinceMs = from?.sinceMs ?? this.#d.now();
    this.#d.sink?.listed(this.resource, objects, BigInt(version));
    this.#resourceVersion = version;
  }

  #watch(limit = ''): void {
    const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${this.#resourceVersion}${limit}`;
    this.#synced = true;
    this.#d.onChange();
    this.#stopWatch = this.#d.http.watch(`${pathOf(this.resource)}?${query}`, {
      onEvent: (event) => this.#onEvent(event as JsonObject),
      onEnd: (error) => this.#again(error),
    });
  }

  #onEvent(event: JsonObject): void {
    const object = event['object'] as JsonObject;
    const metadata = (object['metadata'] ?? {}) as JsonObject;
    if (event['type'] === 'ERROR') {
      // 410 Gone: the version is too old to resume from.
      this.#resourceVersion = '';
      this.#stopWatch?.();
      return this.#again(new Error(textAt(object, 'message') || 'the watch was refused'));
    }
    this.#backoffMs = backoffMinMs;
    this.#resourceVersion = textAt(metadata, 'resourceVersion') || this.#resourceVersion;
    if (event['type'] === 'BOOKMARK') return;
    const seen = this.#read(object);
    if (seen === null) return;
    const isDeleted = event['type'] === 'DELETED';
    this.history.saw(
      seen.uid,
      seen.resourceVersion,
      isDeleted ? null : (seen.content ?? ''),
      isDeleted || seen.deleting,
    );
    this.#d.sink?.changed(this.resource, object, isDeleted, seen.content);
    this.#d.onChange();
  }

  #read(
    object: JsonObject,
  ): { uid: string; resourceVersion: string; content: string | null; deleting: boolean } | null {
    const metadata = (object['metadata'] ?? {}) as JsonObject;
    const { uid, resourceVersion } = metadata as { uid?: Json; resourceVersion?: Json };
    if (typeof uid !== 'string' || typeof resourceVersion !== 'string') return null;
    return {
      uid,
      resourceVersion,
      content: this.#d.contentOf(this.resource, object),
      deleting: metadata['deletionTimestamp'] !== undefined,
    };
  }

  #again(error: Error | null): void {
    this.#synced = false;
    if (this.#stopped) return;
    if (error !== null) this.#d.sink?.lost(this.resource);
    if (error !== null) this.#d.warn('watch interrupted', { resource: this.resource.resource, reason: error.message });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#cycle(), error === null ? 0 : this.#backoffMs);
    if (error !== null) this.#backoffMs = Math.min(backoffMaxMs, this.#backoffMs * 2);
  }
}

/** Path of the list of a resource in all namespaces. */
function pathOf({ group, version, resource }: WatchedResource): string {
  return group === '' ? `/api/${version}/${resource}` : `/apis/${group}/${version}/${resource}`;
}

/** Items of a list come without apiVersion and kind. */
export function withType({ group, version, kind }: WatchedResource, item: JsonObject): JsonObject {
  return Object.assign(
    Object.create(null) as object,
    { apiVersion: group === '' ? version : `${group}/${version}`, kind },
    item,
  ) as JsonObject;
}
