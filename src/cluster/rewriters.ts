import { isRewritten, REWRITER_LISTS, rewrittenBy } from '../change/index.ts';
import type { JsonObject } from '../types/json.ts';
import type { KubeHttp } from './kube-http.ts';

/** Whoever removes such a thing does not make what it changed a moment ago look forged. */
const rememberedMs = 600_000;
/** Objects are judged in rounds; one look serves many. */
const looksEveryMs = 2_000;

/** Which objects somebody else's mutating webhooks and admission policies may change when they are made. */
export class Rewriters {
  readonly #http: Pick<KubeHttp, 'get'>;
  readonly #now: () => number;
  /** `group/resource` patterns, and when each was seen last. */
  readonly #seen = new Map<string, number>();
  #lookedMs = -Infinity;
  #looking: Promise<void> | undefined;

  constructor(http: Pick<KubeHttp, 'get'>, now: () => number) {
    this.#http = http;
    this.#now = now;
  }

  /** Throws CLUSTER_REQUEST. */
  async isRewritten(group: string, resource: string): Promise<boolean> {
    if (this.#now() - this.#lookedMs > looksEveryMs) {
      this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
      await this.#looking;
    }
    const since = this.#now() - rememberedMs;
    return [...this.#seen].some(([pattern, atMs]) => atMs >= since && isRewritten(pattern, group, resource));
  }

  async #look(): Promise<void> {
    for (const path of REWRITER_LISTS) {
      const found = (await this.#http.get(path)) as JsonObject | undefined;
      for (const item of (found?.['items'] ?? []) as JsonObject[])
        for (const pattern of rewrittenBy(item)) this.#seen.set(pattern, this.#now());
    }
    this.#lookedMs = this.#now();
  }
}
