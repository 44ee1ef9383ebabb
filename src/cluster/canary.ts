import { hookEntryName } from '../change/index.ts';
import type { Json } from '../types/json.ts';
import type { KubeHttp } from './kube-http.ts';
import { nothingElse, type Detector, type Problem } from './problem.ts';

const everyMs = 60_000;
/** After one that failed: so that its repair is seen soon, and a restart of a node is no finding. */
const retryMs = 1_500;
/** In a row, so that one lost answer is none either. */
const failuresMin = 2;
/** The API server waits at most 10 s for a hook. */
const timeoutMs = 15_000;

interface Deps {
  readonly http: Pick<KubeHttp, 'send'>;
  /** Hooks that are expected to be there. */
  readonly hooks: () => readonly string[];
  readonly onChange: () => void;
}

type Outcome = 'refused' | 'passed' | 'silent' | 'unknown';

/**
 * Each minute, at the start and after each change of a webhook configuration: for every hook the dry-run ConfigMap that only this hook refuses. It is applied, not created: RBAC can then bind the permission to
 * the exact name.
 */
export class CanaryDetector implements Detector {
  readonly kinds = ['canary'] as const;
  readonly #d: Deps;
  readonly #failed = new Map<string, { count: number; outcome: Outcome }>();
  readonly #proven = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #isSending = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  readonly isReady = (): boolean => this.#d.hooks().every((hook) => this.#proven.has(hook) || this.#failed.has(hook));
  readonly reported = (): void => undefined;

  readonly problems = (): readonly Problem[] =>
    this.#d.hooks().flatMap((hook) => {
      const failed = this.#failed.get(hook);
      if (failed === undefined || failed.count < failuresMin) return [];
      const detail =
        failed.outcome === 'passed'
          ? `the canary of ${hookEntryName(hook)} was let through: this hook refuses nothing`
          : `the canary of ${hookEntryName(hook)} had no answer: this hook does not answer`;
      return [{ ...nothingElse, kind: 'canary' as const, subject: hook, detail }];
    });

  start(): void {
    void this.#round();
  }

  /** The configuration changed: what the API server makes of it is seen a moment later. */
  soon(): void {
    if (this.#stopped || this.#isSending) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#round(), retryMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #round(): Promise<void> {
    const hooks = this.#d.hooks();
    for (const known of [...this.#failed.keys()]) if (!hooks.includes(known)) this.#failed.delete(known);
    this.#isSending = true;
    const outcomes = await Promise.all(hooks.map((hook) => this.#send(hook)));
    this.#isSending = false;
    for (const [i, hook] of hooks.entries()) {
      const outcome = outcomes[i] ?? 'unknown';
      if (outcome === 'refused') {
        this.#failed.delete(hook);
        this.#proven.add(hook);
      } else if (outcome !== 'unknown') {
        this.#failed.set(hook, { count: (this.#failed.get(hook)?.count ?? 0) + 1, outcome });
      }
    }
    if (this.#stopped) return;
    this.#d.onChange();
    const isSound = hooks.length > 0 && outcomes.every((outcome) => outcome === 'refused');
    this.#timer = setTimeout(() => void this.#round(), isSound ? everyMs : retryMs);
  }

  async #send(hook: string): Promise<Outcome> {
    const name = `kubectl-chain-canary-${hook}`;
    const path = `/api/v1/namespaces/kube-system/configmaps/${name}?dryRun=All&fieldManager=kubectl-chain-observer`;
    const body: Json = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'kube-system' } };
    try {
      const { status, json } = await this.#d.http.send('PATCH', path, body, 'application/apply-patch+yaml', timeoutMs);
      if (status < 300) return 'passed';
      const { message = '' } = json as { message?: string };
      const own = hookEntryName(hook);
      if (status === 403 && message.includes(`"${own}" denied the request`)) return 'refused';
      if (message.includes(`failed calling webhook "${own}"`)) return 'silent';
      // Another hook spoke first, the API server is not ready, or this identity may not ask: nothing is known of this one.
      return 'unknown';
    } catch {
      return 'unknown';
    }
  }
}
