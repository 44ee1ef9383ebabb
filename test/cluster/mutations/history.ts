import { setTimeout as sleep } from 'node:timers/promises';
import { KubeHttp } from '../../../src/cluster/kube-http.ts';
import type { Json, JsonObject } from '../../../src/types/json.ts';
import type { Playground } from '../../playground/playground.ts';

/** What controllers make of what people ask for, and nothing else writes much of. */
export const WATCHED = [
  'v1/pods',
  'v1/persistentvolumeclaims',
  'v1/endpoints',
  'apps/v1/replicasets',
  'apps/v1/controllerrevisions',
  'batch/v1/jobs',
  'discovery.k8s.io/v1/endpointslices',
] as const;

const POLL_INTERVAL_MS = 200;
const CAUGHT_UP_MS = 60_000;

/** One state of an object as it was stored. */
export interface StoredVersion {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly how: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: JsonObject;
  /** The state before; undefined for the first one. */
  readonly previous: JsonObject | undefined;
}

/** Every version of every object of the watched resources, from the beginning on, as the API server tells it. */
export class History {
  readonly #http: KubeHttp;
  readonly #stops = new Map<string, () => void>();
  readonly #last = new Map<string, JsonObject>();
  readonly #seenTo = new Map<string, bigint>();
  readonly #versions: StoredVersion[] = [];
  #isStopped = false;
  #broken: Error | undefined;

  private constructor(kubeconfig: string) {
    this.#http = new KubeHttp(kubeconfig, 'admin');
  }

  static async start({ cluster }: Playground): Promise<History> {
    const history = new History(cluster.kubeconfig);
    await Promise.all(WATCHED.map((resource) => history.#watch(resource)));
    return history;
  }

  get versions(): readonly StoredVersion[] {
    if (this.#broken !== undefined) throw this.#broken;
    return this.#versions;
  }

  async #watch(resource: string): Promise<void> {
    const list = (await this.#http.get(pathOf(resource))) as JsonObject;
    const from = textOf(list, 'metadata', 'resourceVersion');
    this.#seenTo.set(resource, BigInt(from));
    for (const item of (list['items'] ?? []) as JsonObject[]) this.#last.set(textOf(item, 'metadata', 'uid'), item);
    this.#follow(resource);
  }

  /** The API server ends a watch that reads too slowly; the next one goes on where it was. */
  #follow(resource: string): void {
    const query = `watch=1&allowWatchBookmarks=1&timeoutSeconds=7200&resourceVersion=${this.#seenTo.get(resource) ?? 0n}`;
    const stop = this.#http.watch(`${pathOf(resource)}?${query}`, {
      onEvent: (event) => this.#saw(resource, event as JsonObject),
      onEnd: () => void sleep(POLL_INTERVAL_MS).then(() => this.#isStopped || this.#follow(resource)),
    });
    this.#stops.set(resource, stop);
  }

  #saw(resource: string, event: JsonObject): void {
    const how = event['type'] as StoredVersion['how'] | 'BOOKMARK' | 'ERROR';
    // Too old to go on: something was missed.
    if (how === 'ERROR') {
      this.#broken ??= new Error(`watch of ${resource}: ${JSON.stringify(event)}`);
      return;
    }
    const object = event['object'] as JsonObject;
    const resourceVersion = textOf(object, 'metadata', 'resourceVersion');
    this.#seenTo.set(resource, BigInt(resourceVersion));
    if (how === 'BOOKMARK') return;
    const [uid, namespace, name] = ['uid', 'namespace', 'name'].map((key) => textOf(object, 'metadata', key)) as [
      string,
      string,
      string,
    ];
    const previous = this.#last.get(uid);
    this.#last.set(uid, object);
    this.#versions.push({ resource, namespace, name, uid, resourceVersion, how, object, previous });
  }

  /** Everything that was stored before the call has been seen. @throws Error if that does not come. */
  async catchUp(): Promise<void> {
    const deadline = performance.now() + CAUGHT_UP_MS;
    for (const resource of WATCHED) {
      const list = (await this.#http.get(`${pathOf(resource)}?limit=1`)) as JsonObject;
      const newest = ((list['items'] ?? []) as JsonObject[]).length === 0 ? 0n : await this.#newestOf(resource);
      while ((this.#seenTo.get(resource) ?? 0n) < newest) {
        if (performance.now() > deadline) throw new Error(`the watch of ${resource} stays behind`);
        await sleep(POLL_INTERVAL_MS);
      }
    }
  }

  async #newestOf(resource: string): Promise<bigint> {
    const list = (await this.#http.get(pathOf(resource))) as JsonObject;
    const versions = ((list['items'] ?? []) as JsonObject[]).map((item) =>
      BigInt(textOf(item, 'metadata', 'resourceVersion')),
    );
    return versions.reduce((newest, version) => (version > newest ? version : newest), 0n);
  }

  stop(): void {
    this.#isStopped = true;
    for (const stop of this.#stops.values()) stop();
    this.#http.close();
  }
}

function pathOf(resource: string): string {
  return resource.startsWith('v1/') ? `/api/${resource}` : `/apis/${resource}`;
}

export function textOf(object: Json | undefined, ...keys: readonly string[]): string {
  let at: unknown = object;
  for (const key of keys) at = (at as Record<string, unknown> | undefined)?.[key];
  return typeof at === 'string' ? at : '';
}
