import type { Json, JsonObject } from '../types/json.ts';
import type { KubeHttp } from './kube-http.ts';

/** Whoever removes such a thing does not make what it changed a moment ago look forged. */
const rememberedMs = 600_000;
/** Objects are judged in rounds; one look serves many. */
const looksEveryMs = 2_000;
const KINDS = [
  'v1/mutatingwebhookconfigurations',
  ...['v1', 'v1beta1', 'v1alpha1'].map((version) => `${version}/mutatingadmissionpolicies`),
];

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
    return [...this.#seen].some(([pattern, atMs]) => atMs >= since && fits(pattern, group, resource));
  }

  async #look(): Promise<void> {
    for (const kind of KINDS) {
      const found = (await this.#http.get(`/apis/admissionregistration.k8s.io/${kind}`)) as JsonObject | undefined;
      for (const item of list(found?.['items']))
        for (const pattern of patternsOf(item as JsonObject)) this.#seen.set(pattern, this.#now());
    }
    this.#lookedMs = this.#now();
  }
}

function patternsOf(item: JsonObject): string[] {
  const constraints = ((item['spec'] as JsonObject | undefined)?.['matchConstraints'] ?? {}) as JsonObject;
  const rules = [
    ...list(item['webhooks']).flatMap((hook) => list((hook as JsonObject)['rules'])),
    ...list(constraints['resourceRules']),
  ];
  return rules.flatMap((rule) => {
    const { apiGroups, resources } = rule as { apiGroups?: Json; resources?: Json };
    return list(apiGroups).flatMap((group) =>
      list(resources).map((resource) => `${group as string}/${resource as string}`),
    );
  });
}

function fits(pattern: string, group: string, resource: string): boolean {
  const slash = pattern.indexOf('/');
  const [wanted, of] = [pattern.slice(0, slash), pattern.slice(slash + 1)];
  return (wanted === '*' || wanted === group) && (of === '*' || of === '*/*' || of.split('/')[0] === resource);
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}
