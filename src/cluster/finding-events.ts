import type { OrgId } from '../types/brand.ts';
import type { Finding, FindingKind } from '../types/finding.ts';
import type { Json } from '../types/json.ts';
import type { KubeHttp } from './kube-http.ts';

/** Events of cluster-scoped things: events.k8s.io takes them in this namespace. */
const SYSTEM_NAMESPACE = 'kube-system';
const GROUP = 'events.k8s.io';
const REPORTER = 'kubectl-chain.dev/observer';
/** Length of an Event's note (k8s.io/api/events/v1). */
const noteCharsMax = 1_024;
/** Objects of a finding that get an Event of their own; the finding lists 50. */
const objectsMax = 20;
const timeoutMs = 10_000;
/** An Event is lost rather than written for ever: the finding on the log is what counts. */
const attemptsMax = 5;

interface Deps {
  readonly http: Pick<KubeHttp, 'send'>;
  readonly org: OrgId;
  /** How a resource is named as an object; undefined while it is not known. */
  readonly kindOf: (
    group: string,
    resource: string,
  ) => { readonly version: string; readonly kind: string; readonly namespaced: boolean } | undefined;
  readonly written: () => void;
  readonly warn: (message: string, details: object) => void;
}

interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
}

const REASONS = { CONFIRMED: 'BypassFound', REPAIRED: 'BypassRepaired', RATIFIED: 'BypassRatified' } as const;

/**
 * What the chain says of the cluster, told in the cluster: an Event when a finding is confirmed and when it is closed, at each object that it names. Each observer
 * writes it with its own identity, under a name that is the same after a restart.
 */
export class FindingEvents {
  readonly #d: Deps;
  /** What was written, or given up, by name. */
  readonly #done = new Set<string>();
  readonly #attempts = new Map<string, number>();
  #open = new Map<number, Finding>();
  #writing = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** `latest` gives a finding that was open, as it is now. */
  async tell(open: readonly Finding[], latest: (finding: Finding) => Finding | undefined): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      const closed = [...this.#open.values()].flatMap((before) => {
        if (open.some(({ id }) => id === before.id)) return [];
        return latest(before) ?? [];
      });
      this.#open = new Map(open.map((finding) => [finding.id, finding]));
      for (const finding of [...open, ...closed]) {
        const { state } = finding;
        if (state === 'SEEN') continue;
        for (const event of this.#eventsOf(finding, REASONS[state])) await this.#write(event);
      }
    } finally {
      this.#writing = false;
    }
  }

  async #write(event: Event): Promise<void> {
    const { name, namespace } = event.metadata;
    const key = `${namespace}/${name}`;
    if (this.#done.has(key)) return;
    const attempts = (this.#attempts.get(key) ?? 0) + 1;
    try {
      const path = `/apis/${GROUP}/v1/namespaces/${encodeURIComponent(namespace)}/events`;
      const { status, json } = await this.#d.http.send('POST', path, event as never, 'application/json', timeoutMs);
      this.#done.add(key);
      this.#attempts.delete(key);
      // 409: written before this process started.
      if (status < 300) this.#d.written();
      else if (status !== 409)
        this.#d.warn('an Event was refused', { name, status, reason: (json as { message?: Json }).message ?? '' });
    } catch (error) {
      this.#attempts.set(key, attempts);
      if (attempts < attemptsMax) return;
      this.#done.add(key);
      this.#attempts.delete(key);
      this.#d.warn('an Event could not be written', { name, reason: (error as Error).message });
    }
  }

  #eventsOf(finding: Finding, reason: (typeof REASONS)[keyof typeof REASONS]): readonly Event[] {
    const { id, kind, subject, detail, cluster, openedMs, closedMs, proposal } = finding;
    const atMs = reason === 'BypassFound' ? finding.confirmedMs : closedMs;
    const what =
      reason === 'BypassFound'
        ? `${detail}; repair it, or: kubectl chain propose ratify ${id}`
        : reason === 'BypassRepaired'
          ? 'the observers see it no longer'
          : `the committee accepted it${proposal === null ? '' : ` (proposal/${proposal})`}`;
    const note = `finding/${id} of cluster ${cluster}: ${kind} ${subject}: ${what}`.slice(0, noteCharsMax);
    return this.#regarding(finding).map((regarding, i) => ({
      apiVersion: `${GROUP}/v1`,
      kind: 'Event',
      metadata: {
        name: `kubectl-chain-${cluster}-${openedMs.toString(16)}-${id}-${i}.${reason.toLowerCase()}.${this.#d.org}`,
        namespace: regarding.namespace ?? SYSTEM_NAMESPACE,
      },
      eventTime: new Date(atMs ?? openedMs).toISOString().replace('Z', '000Z'),
      type: reason === 'BypassFound' ? 'Warning' : 'Normal',
      reason,
      action: 'Observe',
      reportingController: REPORTER,
      reportingInstance: this.#d.org,
      regarding,
      note,
    }));
  }

  #regarding({ kind, objects }: Finding): readonly Regarding[] {
    const named = objects.slice(0, objectsMax).flatMap(({ group, resource, namespace, name, uid, reason }) => {
      const known = this.#d.kindOf(group, resource);
      if (known === undefined || name === '') return [];
      return {
        apiVersion: group === '' ? known.version : `${group}/${known.version}`,
        kind: known.kind,
        name,
        ...(known.namespaced ? { namespace } : {}),
        // Of what only the audit stream tells, the uid is the request's.
        ...(reason === 'failed-open' || reason === 'impersonated' ? {} : { uid }),
      };
    });
    return named.length > 0 ? named : [ABOUT[kind]];
  }
}

interface Event {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly [field: string]: unknown;
}

const configuration: Regarding = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  name: 'kubectl-chain',
};
const guard: Regarding = { ...configuration, kind: 'ValidatingAdmissionPolicy', name: 'kubectl-chain-guard' };
const system: Regarding = { apiVersion: 'v1', kind: 'Namespace', name: SYSTEM_NAMESPACE };
const ABOUT: Readonly<Record<FindingKind, Regarding>> = {
  webhook: configuration,
  canary: configuration,
  'failed-open': configuration,
  guard,
  unattributed: system,
  impersonation: system,
};
