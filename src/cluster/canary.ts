import { hookEntryName } from '../change/index.ts';
import type { Finding } from '../types/finding.ts';
import type { Json } from '../types/json.ts';
import type { KubeHttp } from './kube-http.ts';
import { nothingElse, type Detector, type Problem } from './problem.ts';

const everyMsDefault = 60_000;
/** After one that failed: so that its repair is seen soon. */
const retryMs = 1_500;
/** Let through so often in a row: the API server sees a new configuration a moment after everybody else. */
const passedMin = 3;
/** A restart of a node, or a machine that is too busy to answer, is no finding: a silent hook refuses everything, and lets nothing through. */
const silentAfterMsDefault = 60_000;
/** The API server waits at most 10 s for a hook. */
const timeoutMs = 15_000;

interface Deps {
  readonly http: Pick<KubeHttp, 'send'>;
  /** Hooks that are expected to be there. */
  readonly hooks: () => readonly string[];
  readonly everyMs?: number | undefined;
  readonly silentAfterMs?: number | undefined;
  readonly onChange: () => void;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
}

type Outcome = 'refused' | 'passed' | 'silent' | 'unknown';

/**
 * Each minute, at the start and after each change of a webhook configuration: for every hook the dry-run ConfigMap that only this hook refuses. It is applied, not created: RBAC can then bind the permission to
 * the exact name.
 */
export class CanaryDetector implements Detector {
  readonly kinds = ['canary'] as const;
  readonly #d: Deps;
  readonly #failed = new Map<string, { passed: number; readonly sinceMs: number; outcome: Outcome }>();
  /** When each hook was last seen to refuse. */
  readonly #provenMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #isSending = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  readonly isReady = (): boolean => this.#d.hooks().every((hook) => this.#provenMs.has(hook) || this.#failed.has(hook));
  readonly reported = (): void => undefined;
  /** A hook that failed its last canary may not have failed for long enough to be reported; that it is sound is not seen either. */
  readonly isSettled = ({ subject }: Pick<Finding, 'subject'>): boolean => !this.#failed.has(subject);

  readonly problems = (): readonly Problem[] =>
    this.#d.hooks().flatMap((hook) => {
      const failed = this.#failed.get(hook);
      if (failed === undefined || !this.#counts(failed)) return [];
      const detail =
        failed.passed >= passedMin
          ? `the canary of ${hookEntryName(hook)} was let through: this hook refuses nothing`
          : `the canary of ${hookEntryName(hook)} had no answer: this hook does not answer`;
      return [{ ...nothingElse, kind: 'canary' as const, subject: hook, detail }];
    });

  /** For status: when the hook that was proven longest ago was. */
  describe(): string {
    const hooks = this.#d.hooks();
    const proven = hooks.flatMap((hook) => this.#provenMs.get(hook) ?? []);
    if (hooks.length === 0) return 'no canary';
    if (proven.length < hooks.length) return `canaries: ${proven.length} of ${hooks.length} hooks proven`;
    return `canaries: all hooks proven ${Math.round((this.#d.now() - Math.min(...proven)) / 1_000)} s ago`;
  }

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
        this.#provenMs.set(hook, this.#d.now());
      } else if (outcome !== 'unknown') {
        const before = this.#failed.get(hook);
        const passed = outcome === 'passed' ? (before?.passed ?? 0) + 1 : 0;
        this.#failed.set(hook, { passed, sinceMs: before?.sinceMs ?? this.#d.now(), outcome });
      }
    }
    if (this.#stopped) return;
    this.#d.onChange();
    const isSound = hooks.length > 0 && outcomes.every((outcome) => outcome === 'refused');
    this.#timer = setTimeout(() => void this.#round(), isSound ? (this.#d.everyMs ?? everyMsDefault) : retryMs);
  }

  #counts({ passed, outcome, sinceMs }: { passed: number; outcome: Outcome; sinceMs: number }): boolean {
    if (outcome === 'passed') return passed >= passedMin;
    return this.#d.now() - sinceMs >= (this.#d.silentAfterMs ?? silentAfterMsDefault);
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
