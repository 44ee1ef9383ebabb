import { exclusionsFor, RECORD_HOOK, verifyBody, type AttestContext } from '../change/index.ts';
import { AuditDetector } from '../cluster/audit-detector.ts';
import { AuditTail, type AuditPosition } from '../cluster/audit-tail.ts';
import { Attribution } from '../cluster/attribution.ts';
import type { AdmittedRecord, BodyAnswer } from '../cluster/judge.ts';
import { readObject, type Coverage } from '../cluster/observer.ts';
import type { WatchedResource } from '../cluster/resource-watch.ts';
import type { ObjectName } from '../cluster/tracked-object.ts';
import { CanaryDetector } from '../cluster/canary.ts';
import { FindingEvents } from '../cluster/finding-events.ts';
import { FindingReporter, type FindingReportDraft } from '../cluster/finding-reporter.ts';
import { GuardPolicyDetector } from '../cluster/guard-policy.ts';
import { GUARD_BINDINGS, GUARD_POLICIES, WEBHOOK_CONFIGURATIONS, WebhookDetector } from '../cluster/guard-watch.ts';
import type { KubeHttp } from '../cluster/kube-http.ts';
import type { Detector } from '../cluster/problem.ts';
import { Rewriters } from '../cluster/rewriters.ts';
import { SmallWatch } from '../cluster/small-watch.ts';
import { textAt } from '../change/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { auditKey, previousLeaf } from '../ledger/audit-index.ts';
import { observersNeeded } from '../ledger/execute/finding-facts.ts';
import { findingKey, findingOfKey, guardKey, objectKey, openFindingsKey } from '../ledger/execute/keys.ts';
import { decodeLeaf, decodeTransaction } from '../ledger/index.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { Store } from '../store/index.ts';
import type { ClusterId, Hash, LeafIndex, OrgId, ValidatorId } from '../types/brand.ts';
import type { ChangeAttestation, ChangeAttributes } from '../types/change.ts';
import type { Finding, FindingCoverage, FindingKind, FoundObject, Guard, SeenHook } from '../types/finding.ts';
import type { JsonObject } from '../types/json.ts';
import type { NodeConfig } from './config.ts';

const { sha256 } = nativeBackend;
const everyMs = 500;
/** An object that others name may be named by a liar; the watch of an honest API server shows it sooner. */
const namedWaitMs = 30_000;
/** Closed findings of the cluster that are looked through for what an observer that was stopped still sees. */
const closedMax = 200;
const judgeEveryMs = 200;
/** Leaves of one object that are looked at: many people who write it at once make hundreds in the time that one version waits. */
const leavesMax = 20_000;
/** Then others may work too. */
const leavesAtOnce = 200;
const policyName = 'guard/policy';
const auditName = 'guard/audit';

interface Deps {
  readonly config: NodeConfig;
  readonly cluster: ClusterId;
  readonly org: OrgId;
  readonly http: KubeHttp;
  readonly reader: LedgerReader;
  readonly store: Store;
  readonly attestContext: () => AttestContext | undefined;
  readonly findBody: (hash: Hash, likely?: readonly ValidatorId[]) => Promise<Uint8Array | undefined>;
  readonly connected: () => readonly ValidatorId[];
  /** True once everything that was decided before the call is executed here. */
  readonly caughtUp: () => Promise<boolean>;
  readonly bodyOrgs: () => readonly OrgId[];
  readonly keepBody: (hash: Hash, bytes: Uint8Array, orgs: readonly OrgId[]) => Promise<void>;
  /** Resources that are followed without a gap, and since when. */
  readonly coverage: () => Coverage;
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
  const guard = (): Guard | undefined => document<Guard>(reader, guardKey(cluster));
  const hooks = (): readonly string[] => (guard()?.hooks ?? []).map(({ name }) => name);
  /** The record hook refuses nothing, so no canary can prove it. */
  const gates = (): readonly string[] => hooks().filter((name) => name !== RECORD_HOOK);
  const latest = (kind: FindingKind, subject: string): Finding | undefined =>
    latestFinding(reader, cluster, kind, subject);
  const open = (): readonly Finding[] => openFindings(reader, cluster);

  const closed = closedFindings(reader, cluster);
  const needed = (): number =>
    observersNeeded(reader.validators().length, reader.cluster(cluster) ?? { observers: [] });
  const isObserver = (): boolean => reader.cluster(cluster)?.observers.includes(org) ?? false;
  let timer: NodeJS.Timeout | undefined;
  let judging: NodeJS.Timeout | undefined;
  let soon: NodeJS.Timeout | undefined;
  const lookSoon = (): void => {
    soon ??= setTimeout(() => {
      soon = undefined;
      void look();
    }, 50);
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
    guard,
    exclusions: settings,
    sha256,
  });
  const canary: CanaryDetector = new CanaryDetector({
    http,
    hooks: gates,
    ...config.cluster?.canary,
    onChange: lookSoon,
    now: () => performance.now(),
  });
  const policy = new GuardPolicyDetector({
    policies: watches[1],
    bindings: watches[2],
    org,
    latest: () => latest('guard', 'policy'),
    expected: () => textOf(store, policyName),
    expect: (hash) => void store.local.put(policyName, new TextEncoder().encode(hash)),
    sha256,
  });
  const rewriters = new Rewriters(http, () => performance.now());
  const attribution = new Attribution({
    records: (name) => recordsOf(deps, name),
    body: (record) => bodyOf(deps, record),
    context: deps.attestContext,
    exclusions,
    acceptedThrough: () => {
      const known = guard();
      return known === undefined || known.hooks.length === 0 ? undefined : BigInt(known.throughVersion);
    },
    resourceOf: deps.resourceOf,
    live: (resource, name) => readObject(http, resource, name),
    isScaled: (namespace, kind, name) => isScaled(http, namespace, kind, name),
    isRewritten: async (group, resource) =>
      config.cluster?.podsRewritten === true || rewriters.isRewritten(group, resource),
    caughtUp: deps.caughtUp,
    onFound: lookSoon,
    now: () => performance.now(),
  });
  const audit = startAudit(deps, gates, exclusions);
  const detectors: readonly Detector[] = [
    webhooks,
    canary,
    policy,
    unattributed(deps, attribution, needed),
    ...(audit === undefined ? [] : [audit.detector]),
  ];
  const reporter = new FindingReporter({
    org,
    detectors,
    latest,
    open,
    closed: (kind, subject) => closed(latest(kind, subject)?.id ?? 0, kind, subject),
    needed,
    publish: deps.publishFinding,
    reported: (kind, objects, sentMs) => {
      if (kind !== 'unattributed') return;
      for (const object of objects) {
        const times = attribution.timesOf(object);
        if (times === undefined) continue;
        const { seenMs, behindMs, foundMs } = times;
        const delay = {
          judgeMs: behindMs - seenMs,
          logMs: foundMs - behindMs,
          reportMs: sentMs - foundMs,
          commitMs: performance.now() - sentMs,
        };
        deps.delayed(`${object.namespace}/${object.name}`, delay);
      }
    },
    now: () => performance.now(),
  });

  const events = new FindingEvents({ http, org, kindOf: deps.kindOf, written: deps.eventWritten, warn });

  /** What the log says of findings does not wait for what this node has to say. */
  function tellOpen(): void {
    const found = open();
    deps.measured(found, attribution.counts.compared);
    void events.tell(found, ({ id }) => document<Finding>(reader, findingKey(cluster, id)));
  }

  /** A report may wait for a quorum, or for a place in the log that it does not get: no look waits for one before. */
  async function look(): Promise<void> {
    if (!isObserver()) return;
    tellOpen();
    const failed = (error: unknown): void => warn('the guard could not look', { reason: (error as Error).message });
    void sight().catch(failed);
    await reporter.report().catch(failed);
    tellOpen();
  }

  async function judgeAll(): Promise<void> {
    if (!isObserver()) return;
    await attribution
      .evaluate()
      .catch((error: unknown) => warn('objects could not be compared', { reason: (error as Error).message }));
  }

  /** Hooks that the chain does not expect yet: said once, then others must see the same. */
  let sighted = '';
  let isSighting = false;
  async function sight(): Promise<void> {
    if (isSighting) return;
    isSighting = true;
    try {
      await sightOnce();
    } finally {
      isSighting = false;
    }
  }

  async function sightOnce(): Promise<void> {
    const unknown = watches[0].isSynced ? webhooks.unknown() : [];
    const seen = JSON.stringify(unknown);
    if (unknown.length === 0 || seen === sighted) return;
    const list = (await http.get('/api/v1/namespaces?limit=1')) as JsonObject | undefined;
    const version = textAt(list, 'metadata', 'resourceVersion');
    if (!/^[1-9]\d*$/.test(version)) return;
    await deps.publishGuard(unknown, version);
    const mine = guard()?.seen.find((other) => other.org === org)?.hooks;
    const isAdopted = unknown.every(({ name, hash }) =>
      guard()?.hooks.some((hook) => hook.name === name && hook.hash === hash),
    );
    if (isAdopted || JSON.stringify(mine) === seen) sighted = seen;
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
      const expected = hooks().length === 0 ? 'no hook is expected yet' : `${hooks().length} hooks expected`;
      const rest = uncompared === 0 ? '' : ` (${uncompared} by their record alone)`;
      const trusted = config.cluster?.podsRewritten === true ? ', templates not compared (podsRewritten)' : '';
      return `${expected}, ${compared} objects compared${rest}${trusted}, ${canary.describe()}, audit stream ${audit?.tail.isReading === true ? 'read' : 'not read'}`;
    },
  };
}

/** All objects are one finding: an outage is one, with one ratification. */
function unattributed({ coverage }: Deps, attribution: Attribution, needed: () => number): Detector {
  const covered = (): FindingCoverage => ({
    sinceMs: Math.floor(coverage().sinceMs),
    compared: attribution.counts.compared,
  });
  return {
    kinds: ['unattributed'],
    isReady: () => true,
    isSettled: (finding, sinceMs) => {
      if (!coverage().isComplete || !attribution.hasJudged(sinceMs)) return false;
      const agreed = finding.objects.filter(({ by }) => by.length >= needed());
      // Who did not see the deletion knows nothing of it, and what is gone is not put back: only a vote closes that.
      if (agreed.some(({ reason }) => reason === 'deleted')) return false;
      const isPatient = performance.now() - sinceMs < namedWaitMs;
      return (isPatient ? finding.objects : agreed).every((object) => attribution.hasReached(object));
    },
    coverage: covered,
    reported: (_kind, _subject, objects) => attribution.reported(objects),
    problems: () => {
      const objects = attribution.problems();
      if (objects.length === 0) return [];
      return [
        {
          kind: 'unattributed',
          subject: 'objects',
          value: '',
          detail: detailOf(objects),
          objects,
          objectCount: objects.length,
          throughVersion: attribution.throughVersion,
          coverage: covered(),
          isWhole: coverage().isComplete && attribution.isWhole,
        },
      ];
    },
  };
}

function detailOf(objects: readonly FoundObject[]): string {
  const unjustified = objects.filter(({ reason }) => reason === 'unjustified').length;
  const what = `${objects.length} objects are not as any admitted record says`;
  return unjustified === 0 ? what : `${what}, ${unjustified} of them are a controller's and unjustified`;
}

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

/** In which block an attestation that was read stands. */
const heights = new WeakMap<ChangeAttestation, number>();

/** Recorded so long ago that nobody needs to keep its body any more. */
function isExpired(reader: LedgerReader, store: Store, attestation: ChangeAttestation): boolean {
  const size = store.state(heights.get(attestation) ?? 0)?.logSize ?? 0;
  const bytes = store.readLeaf(size - 1);
  const leaf = bytes === undefined ? undefined : decodeLeaf(bytes);
  return leaf?.kind === 'block' && leaf.leaf.block.timeMs + reader.params().bodyRetentionMs < Date.now();
}

/** Admitted records of an object, newest first. */
async function* recordsOf(
  { cluster, reader, store }: Deps,
  name: ObjectName,
): AsyncGenerator<AdmittedRecord | null, void> {
  const key = objectKey(sha256, { cluster, ...name } as ChangeAttributes);
  let leaf = document<{ readonly leaf: number }>(reader, key)?.leaf ?? null;
  const wanted = auditKey.object({ cluster, ...name });
  for (let i = 1; leaf !== null; i += 1) {
    if (i > leavesMax) {
      yield null;
      return;
    }
    if (i % leavesAtOnce === 0) await new Promise(setImmediate);
    const read = transactionAt(store, leaf);
    if (read === undefined) return;
    const { payload, height, result, prev } = read;
    if (payload.kind === 'mutation' && result.decision === 'ADMITTED') {
      const others = result.witnesses.flatMap((witness) => transactionAt(store, witness)?.payload ?? []);
      const nodes = others.flatMap((other) => (other.kind === 'mutation' ? [other.node] : []));
      heights.set(payload.attestation, height);
      yield { attestation: payload.attestation, nodes: [payload.node, ...nodes] };
    }
    leaf = previousLeaf(payload, prev, 'object', wanted);
  }
}

function transactionAt(store: Store, index: number) {
  const bytes = store.readLeaf(index as LeafIndex);
  const decoded = bytes === undefined ? undefined : decodeLeaf(bytes);
  if (decoded?.kind !== 'transaction') return undefined;
  const { height, result, prev } = decoded.leaf;
  return { payload: decodeTransaction(decoded.tx, sha256).payload, height, result, prev };
}

/** What an observer has compared it keeps: whoever attested it may be gone when it is compared again. */
async function bodyOf(
  { reader, store, findBody, keepBody, bodyOrgs, connected }: Deps,
  { attestation, nodes }: AdmittedRecord,
): Promise<BodyAnswer> {
  const { bodyHash } = attestation;
  const here = store.getBody(bodyHash);
  if (here !== undefined) return here;
  const bytes = await findBody(bodyHash, nodes);
  if (bytes === undefined && (reader.isErased(bodyHash) || isExpired(reader, store, attestation))) return 'gone';
  if (bytes === undefined) return nodes.some((node) => connected().includes(node)) ? 'withheld' : 'unreachable';
  try {
    verifyBody(bytes, attestation, sha256);
  } catch {
    // Attested was something else than the body holds: there is none that could be compared.
    return 'withheld';
  }
  await keepBody(bodyHash, bytes, bodyOrgs());
  return bytes;
}

async function isScaled(http: KubeHttp, namespace: string, kind: string, name: string): Promise<boolean> {
  const path = `/apis/autoscaling/v2/namespaces/${encodeURIComponent(namespace)}/horizontalpodautoscalers`;
  const list = (await http.get(path)) as JsonObject | undefined;
  return ((list?.['items'] ?? []) as JsonObject[]).some(
    (item) =>
      textAt(item, 'spec', 'scaleTargetRef', 'kind') === kind &&
      textAt(item, 'spec', 'scaleTargetRef', 'name') === name,
  );
}

function latestFinding(
  reader: LedgerReader,
  cluster: ClusterId,
  kind: FindingKind,
  subject: string,
): Finding | undefined {
  const id = document<{ readonly id: number }>(reader, findingOfKey(sha256, cluster, kind, subject))?.id;
  return id === undefined ? undefined : document<Finding>(reader, findingKey(cluster, id));
}

/** Newest first. What is closed does not change any more, and is read once. */
function closedFindings(
  reader: LedgerReader,
  cluster: ClusterId,
): (from: number, kind: FindingKind, subject: string) => Generator<Finding, void> {
  const known = new Map<number, Finding>();
  return function* (from, kind, subject) {
    const oldest = Math.max(1, from - closedMax);
    for (const id of known.keys()) if (id < oldest - closedMax) known.delete(id);
    for (let id = from; id >= oldest; id -= 1) {
      const finding = known.get(id) ?? document<Finding>(reader, findingKey(cluster, id));
      if (finding === undefined || finding.state === 'SEEN' || finding.state === 'CONFIRMED') continue;
      known.set(id, finding);
      if (finding.kind === kind && finding.subject === subject) yield finding;
    }
  };
}

function openFindings(reader: LedgerReader, cluster: ClusterId): readonly Finding[] {
  const ids = document<{ readonly open: readonly number[] }>(reader, openFindingsKey(cluster))?.open ?? [];
  return ids.flatMap((id) => document<Finding>(reader, findingKey(cluster, id)) ?? []);
}

function document<T>(reader: LedgerReader, key: string): T | undefined {
  const bytes = reader.stateGet(key);
  return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as T);
}

function textOf(store: Store, name: string): string {
  const bytes = store.local.get(name);
  return bytes === undefined ? '' : new TextDecoder().decode(bytes);
}
