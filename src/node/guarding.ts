import { exclusionsFor, RECORD_HOOK, type AttestContext } from '../change/index.ts';
import { Attribution } from '../cluster/attribution.ts';
import { AuditDetector } from '../cluster/audit-detector.ts';
import { AuditTail, type AuditPosition } from '../cluster/audit-tail.ts';
import { isScaled } from '../cluster/autoscaler.ts';
import { CanaryDetector } from '../cluster/canary.ts';
import { FindingEvents } from '../cluster/finding-events.ts';
import { FindingReporter, type FindingReportDraft } from '../cluster/finding-reporter.ts';
import { GuardPolicyDetector } from '../cluster/guard-policy.ts';
import { GUARD_BINDINGS, GUARD_POLICIES, WEBHOOK_CONFIGURATIONS, WebhookDetector } from '../cluster/guard-watch.ts';
import { HookSighting } from '../cluster/hook-sighting.ts';
import type { AdmittedRecord } from '../cluster/judge.ts';
import type { KubeHttp } from '../cluster/kube-http.ts';
import { readObject, type Coverage } from '../cluster/observer.ts';
import type { Detector } from '../cluster/problem.ts';
import type { WatchedResource } from '../cluster/resource-watch.ts';
import { Rewriters } from '../cluster/rewriters.ts';
import { SmallWatch } from '../cluster/small-watch.ts';
import { UnattributedDetector } from '../cluster/unattributed.ts';
import { nativeBackend } from '../crypto/index.ts';
import type { Store } from '../store/index.ts';
import type { OrgId } from '../types/brand.ts';
import type { Finding, FindingKind, FoundObject, SeenHook } from '../types/finding.ts';
import { AdmittedRecords, type RecordSources } from './admitted-records.ts';
import { ClusterFindings } from './cluster-findings.ts';
import type { NodeConfig } from './config.ts';

const { sha256 } = nativeBackend;
const everyMs = 500;
const judgeEveryMs = 200;
/** Several objects change at once. */
const soonMs = 50;
const policyName = 'guard/policy';
const auditName = 'guard/audit';

interface Deps extends RecordSources {
  readonly config: NodeConfig;
  readonly org: OrgId;
  readonly http: KubeHttp;
  readonly attestContext: () => AttestContext | undefined;
  /** True once everything that was decided before the call is executed here. */
  readonly caughtUp: () => Promise<boolean>;
  /** Resources that are followed without a gap, and since when. */
  readonly coverage: () => Coverage;
  readonly stored: (record: AdmittedRecord, isNext: boolean) => void;
  readonly publishFinding: (report: FindingReportDraft) => Promise<boolean>;
  readonly publishGuard: (hooks: readonly SeenHook[], throughVersion: string) => Promise<void>;
  readonly kindOf: (
    group: string,
    resource: string,
  ) => { readonly version: string; readonly kind: string; readonly namespaced: boolean } | undefined;
  readonly resourceOf: (apiVersion: string, kind: string) => WatchedResource | undefined;
  readonly eventWritten: () => void;
  /** The API server let a write of the control plane pass that the record hook did not answer. */
  readonly recordPassed: () => void;
  readonly measured: (open: readonly Finding[], compared: number) => void;
  /** An object that it found is on the log: how long it took to find it after it was seen, to report it, and to commit that. */
  readonly delayed: (name: string, delay: FindingDelay) => void;
  readonly warn: (message: string, details: object) => void;
}

/** Milliseconds of each step from the watch event to the leaf: what it takes itself to judge, how long it waits for the log before it accuses, and so on. */
export interface FindingDelay {
  readonly judgeMs: number;
  readonly logMs: number;
  readonly reportMs: number;
  readonly commitMs: number;
}

export interface RunningGuard {
  readonly attribution: Attribution;
  start(): void;
  stop(): void;
  describe(): string;
}

/** Everything that looks for what goes around the log, and the one that puts it on the log. */
export function createGuard(deps: Deps): RunningGuard {
  const { cluster, config, http, org, reader, store, warn } = deps;
  const settings = { ...(config.webhook?.nodeAgents === undefined ? {} : { nodeAgents: config.webhook.nodeAgents }) };
  const exclusions = exclusionsFor(settings);
  const findings = new ClusterFindings(reader, cluster);
  const records = new AdmittedRecords(deps);
  const now = (): number => performance.now();
  let timer: NodeJS.Timeout | undefined;
  let judging: NodeJS.Timeout | undefined;
  let soon: NodeJS.Timeout | undefined;
  const lookSoon = (): void => {
    soon ??= setTimeout(() => {
      soon = undefined;
      void look();
    }, soonMs);
  };
  const watch = (path: string): SmallWatch => new SmallWatch(path, { http, onChange: lookSoon, warn });
  const onWebhooks = (): void => {
    canary.soon();
    lookSoon();
  };
  const watches = [
    new SmallWatch(WEBHOOK_CONFIGURATIONS, { http, onChange: onWebhooks, warn }),
    watch(GUARD_POLICIES),
    watch(GUARD_BINDINGS),
  ] as const;
  const webhooks = new WebhookDetector({
    watch: watches[0],
    hooks: () => [...(reader.cluster(cluster)?.hooks ?? []).map(({ name }) => name), RECORD_HOOK],
    guard: () => findings.guard(),
    exclusions: settings,
    sha256,
  });
  const canary: CanaryDetector = new CanaryDetector({
    http,
    hooks: () => findings.gates(),
    ...config.cluster?.canary,
    onChange: lookSoon,
    now,
  });
  const policy = new GuardPolicyDetector({
    policies: watches[1],
    bindings: watches[2],
    org,
    latest: () => findings.latest('guard', 'policy'),
    expected: () => textOf(store, policyName),
    expect: (hash) => void store.local.put(policyName, new TextEncoder().encode(hash)),
    sha256,
  });
  const rewriters = new Rewriters(http, now);
  const attribution = new Attribution({
    records: (name) => records.of(name),
    body: (record) => records.body(record),
    context: deps.attestContext,
    stored: deps.stored,
    exclusions,
    acceptedThrough: () => {
      const known = findings.guard();
      return known === undefined || known.hooks.length === 0 ? undefined : BigInt(known.throughVersion);
    },
    resourceOf: deps.resourceOf,
    live: (resource, name) => readObject(http, resource, name),
    isScaled: (namespace, kind, name) => isScaled(http, namespace, kind, name),
    isRewritten: async (group, resource) =>
      config.cluster?.podsRewritten === true || rewriters.isRewritten(group, resource),
    caughtUp: deps.caughtUp,
    onFound: lookSoon,
    now,
  });
  const audit = startAudit(deps, () => findings.gates(), exclusions);
  const detectors: readonly Detector[] = [
    webhooks,
    canary,
    policy,
    new UnattributedDetector({ attribution, coverage: deps.coverage, needed: () => findings.needed(), now }),
    ...(audit === undefined ? [] : [audit.detector]),
  ];
  const reporter = new FindingReporter({
    org,
    detectors,
    latest: (kind, subject) => findings.latest(kind, subject),
    open: () => findings.open(),
    closed: (kind, subject) => findings.closed(kind, subject),
    needed: () => findings.needed(),
    publish: deps.publishFinding,
    reported: (kind, objects, sentMs) => tellDelay(kind, objects, sentMs),
    now,
  });

  const sighting = new HookSighting({
    http,
    org,
    unknown: () => (watches[0].isSynced ? webhooks.unknown() : []),
    guard: () => findings.guard(),
    publish: deps.publishGuard,
  });
  const events = new FindingEvents({ http, org, kindOf: deps.kindOf, written: deps.eventWritten, warn });

  /** What the log says of findings does not wait for what this node has to say. */
  function tellOpen(): void {
    const found = findings.open();
    deps.measured(found, attribution.counts.compared);
    void events.tell(found, ({ id }) => findings.byId(id));
  }

  function tellDelay(kind: FindingKind, objects: readonly FoundObject[], sentMs: number): void {
    if (kind !== 'unattributed') return;
    for (const object of objects) {
      const times = attribution.timesOf(object);
      if (times === undefined) continue;
      const { seenMs, behindMs, foundMs } = times;
      deps.delayed(`${object.namespace}/${object.name}`, {
        judgeMs: behindMs - seenMs,
        logMs: foundMs - behindMs,
        reportMs: sentMs - foundMs,
        commitMs: now() - sentMs,
      });
    }
  }

  /** A report may wait for a quorum, or for a place in the log that it does not get: no look waits for one before. */
  async function look(): Promise<void> {
    if (!findings.isObserver(org)) return;
    tellOpen();
    const failed = (error: unknown): void => warn('the guard could not look', { reason: (error as Error).message });
    void sighting.look().catch(failed);
    await reporter.report().catch(failed);
    tellOpen();
  }

  async function judgeAll(): Promise<void> {
    if (!findings.isObserver(org)) return;
    await attribution
      .evaluate()
      .catch((error: unknown) => warn('objects could not be compared', { reason: (error as Error).message }));
  }

  return {
    attribution,
    start: () => {
      for (const one of watches) one.start();
      canary.start();
      audit?.tail.start();
      timer = setInterval(() => void look(), everyMs);
      judging = setInterval(() => void judgeAll(), judgeEveryMs);
    },
    stop: () => {
      clearInterval(timer);
      clearInterval(judging);
      clearTimeout(soon);
      canary.stop();
      audit?.tail.stop();
      for (const one of watches) one.stop();
    },
    describe: () => {
      const { compared, uncompared } = attribution.counts;
      const hooks = findings.hooks().length;
      const expected = hooks === 0 ? 'no hook is expected yet' : `${hooks} hooks expected`;
      const rest = uncompared === 0 ? '' : ` (${uncompared} by their record alone)`;
      const trusted = config.cluster?.podsRewritten === true ? ', templates not compared (podsRewritten)' : '';
      return `${expected}, ${compared} objects compared${rest}${trusted}, ${canary.describe()}, audit stream ${audit?.tail.isReading === true ? 'read' : 'not read'}`;
    },
  };
}

/** The API server's audit stream, from where it was read; undefined if there is none to be read here. */
function startAudit(
  { config, store, warn, recordPassed }: Deps,
  hooks: () => readonly string[],
  exclusions: ReturnType<typeof exclusionsFor>,
): { readonly detector: AuditDetector; readonly tail: AuditTail } | undefined {
  const file = config.cluster?.auditLog;
  if (file === undefined) return undefined;
  const kept = textOf(store, auditName);
  const detector = new AuditDetector({
    hooks,
    exclusions,
    recordPassed,
    isReady: () => tail.isReading,
  });
  const tail: AuditTail = new AuditTail({
    file,
    from: kept === '' ? null : (JSON.parse(kept) as AuditPosition),
    onLine: (line) => detector.read(line),
    onPosition: (position) => {
      // What is not on the log yet is read again after a restart.
      if (!detector.isWaiting) void store.local.put(auditName, new TextEncoder().encode(JSON.stringify(position)));
    },
    warn,
  });
  return { detector, tail };
}

function textOf(store: Store, name: string): string {
  const bytes = store.local.get(name);
  return bytes === undefined ? '' : new TextDecoder().decode(bytes);
}
