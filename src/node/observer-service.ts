import type { Logger } from 'pino';
import { deriveClusterKeys, type AttestContext } from '../change/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import type { ClusterId } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';
import type { Finding } from '../types/finding.ts';
import type { ObservedResult } from '../types/transaction.ts';
import type { Bodies } from './bodies.ts';
import { entitled, type ClusterKeys } from './cluster-keys.ts';
import type { NodeConfig } from './config.ts';
import type { ConsensusHost } from './host.ts';
import type { NodeMetrics } from './metrics.ts';
import type { ObserverDeps, RunningObserver } from './observing.ts';
import type { OwnTransactions } from './own-transactions.ts';
import type { SubmitOutcome } from './submitter.ts';

const { sha256, hmacSha256 } = nativeBackend;

interface Deps {
  readonly config: NodeConfig;
  readonly self: Validator;
  readonly host: ConsensusHost;
  readonly own: OwnTransactions;
  readonly bodies: Bodies;
  readonly clusterKeys: ClusterKeys;
  readonly metrics: NodeMetrics;
  readonly log: Logger;
}

/** This node observes its cluster: the observer, and how what it sees gets on the log. Does nothing on a node whose configuration names no kubeconfig. */
export class ObserverService {
  readonly #d: Deps;
  #observer: RunningObserver | undefined;
  #isStarted = false;
  #isStopped = false;
  #said: Promise<unknown> = Promise.resolve();
  /** Rises with each sighting, also over restarts. */
  #guardSequence = 0;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** Called again when the history is whole: an object whose record is not here yet would be taken for one without a record. */
  async start(): Promise<void> {
    const { config, host } = this.#d;
    const { name, kubeconfig } = config.cluster ?? {};
    if (name === undefined || kubeconfig === undefined || host.store.gap !== null) return;
    if (this.#isStarted || this.#isStopped) return;
    this.#isStarted = true;
    // The Kubernetes client takes half a second to load: only nodes that observe do.
    const { startObserver } = await import('./observing.ts');
    if (!this.#isStopped) this.#observer = startObserver(this.#observerDeps(name as ClusterId, kubeconfig));
  }

  stop(): void {
    this.#isStopped = true;
    this.#observer?.stop();
  }

  /** A block was committed: there may be something new to look for. */
  poke(): void {
    this.#observer?.poke();
  }

  describe(): string {
    return this.#observer?.describe() ?? 'off';
  }

  #observerDeps(cluster: ClusterId, kubeconfig: string): ObserverDeps {
    const { config, self, host, own, bodies, metrics, log } = this.#d;
    return {
      config,
      cluster,
      kubeconfig,
      org: self.org,
      reader: host.app,
      store: host.store,
      findBody: (hash, likely) => bodies.find(hash, likely),
      attestContext: () => this.#attestContext(cluster),
      connected: () => host.mesh.connected(),
      caughtUp: async () => (await this.#say(cluster, [])).kind === 'committed',
      publish: async (results) => {
        const outcome = await this.#say(cluster, results);
        for (const { persisted } of results)
          metrics.observations.inc({ result: persisted ? 'persisted' : 'not-persisted' });
        return outcome.kind === 'committed' && outcome.result.decision === 'DONE';
      },
      unsaid: (count) => metrics.observationsMissed.inc(count),
      keepBody: (hash, bytes, orgs) => bodies.keep(hash, bytes, orgs),
      bodyOrgs: () => [...entitled(host.app.cluster(cluster))],
      publishFinding: async (report) => {
        const outcome = await own.submit({ kind: 'finding', cluster, ...report });
        const isOnLog = outcome.kind === 'committed' && outcome.result.decision === 'DONE';
        if (isOnLog) metrics.findingsReported.inc({ kind: report.finding });
        return isOnLog;
      },
      publishGuard: async (hooks, throughVersion) => {
        this.#guardSequence = Math.max(this.#guardSequence + 1, Date.now());
        await own.submit({ kind: 'guard-seen', cluster, sequence: this.#guardSequence, hooks, throughVersion });
      },
      recordPassed: () => metrics.recordPassed.inc(),
      eventWritten: () => metrics.findingEvents.inc(),
      measured: (open, compared) => measured(metrics, open, compared),
      delayed: (object, delay) => {
        for (const [step, ms] of Object.entries(delay))
          metrics.findingSeconds.observe({ step: step.slice(0, -2) }, ms / 1_000);
        log.info({ object, ...delay }, 'found and reported');
      },
      warn: (message, details) => log.warn(details, message),
    };
  }

  /** One after the other, in the order of their sequence. One without results only shows where the log is now: what was decided before it is executed here. */
  #say(cluster: ClusterId, results: readonly ObservedResult[]): Promise<SubmitOutcome> {
    const { host, own, self } = this.#d;
    const said = this.#said.then(() => {
      const sequence = host.app.observationSequence(cluster, self.id) + 1;
      return own.submit({ kind: 'observation', cluster, sequence, results });
    });
    this.#said = said.catch(() => undefined);
    return said;
  }

  #attestContext(cluster: ClusterId): AttestContext | undefined {
    const held = this.#d.clusterKeys.get(cluster);
    return held && { cluster, keys: deriveClusterKeys(held.key, sha256, hmacSha256), sha256, hmacSha256 };
  }
}

function measured(metrics: NodeMetrics, open: readonly Finding[], compared: number): void {
  metrics.objectsCompared.set(compared);
  metrics.findingsOpen.reset();
  for (const { kind, state } of open) metrics.findingsOpen.inc({ kind, state });
}
