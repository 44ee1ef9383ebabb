import { EXCLUSIONS, type AttestContext, type Exclusion } from '../change/index.ts';
import type { FindingReportDraft } from '../cluster/finding-reporter.ts';
import { KubeHttp } from '../cluster/kube-http.ts';
import { NeverStored } from '../cluster/never-stored.ts';
import { Observer, readRevision, type PendingDecision } from '../cluster/observer.ts';
import type { WatchPosition } from '../cluster/resource-watch.ts';
import { isMadeOf, MADE } from '../cluster/trace.ts';
import { matchesAnyGlob, matchesGlob } from '../governance/pattern.ts';
import { parsePolicySpec } from '../governance/policy-parse.ts';
import type { PolicySpec } from '../governance/policy.ts';
import type { Application } from '../ports/application.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { Store } from '../store/index.ts';
import type { ClusterId, Hash, OrgId, ValidatorId } from '../types/brand.ts';
import type { Finding, SeenHook } from '../types/finding.ts';
import type { ChangeUse } from '../types/proposal.ts';
import type { ObservedResult } from '../types/transaction.ts';
import { attestationAt } from './attestation-at.ts';
import type { NodeConfig } from './config.ts';
import { createGuard, type FindingDelay } from './guarding.ts';
import { recordedWrites } from './recorded-writes.ts';
import { stateDocument, stateText } from './state-document.ts';

/** How long a reservation lasts, in block time; the decision was this much earlier than its end. */
const leaseMs = 120_000;
/** What was never stored is looked for so often: the refusals of that time are one transaction. */
const neverStoredEveryMs = 5_000;
/** Node-local value: everything below this leaf was looked at. */
const saidName = 'observed/never-stored';

export interface ObserverDeps {
  readonly config: NodeConfig;
  readonly cluster: ClusterId;
  readonly kubeconfig: string;
  readonly org: OrgId;
  readonly reader: LedgerReader & Pick<Application, 'info'>;
  readonly store: Store;
  readonly attestContext: () => AttestContext | undefined;
  readonly findBody: (hash: Hash, likely?: readonly ValidatorId[]) => Promise<Uint8Array | undefined>;
  /** True if it is on the log. */
  readonly publish: (results: readonly ObservedResult[]) => Promise<boolean>;
  /** Recorded writes of which nothing could be said. */
  readonly unsaid: (count: number) => void;
  readonly connected: () => readonly ValidatorId[];
  /** True once everything that was decided before the call is executed here; false if that cannot be had now. */
  readonly caughtUp: () => Promise<boolean>;
  readonly bodyOrgs: () => readonly OrgId[];
  readonly keepBody: (hash: Hash, bytes: Uint8Array, orgs: readonly OrgId[]) => Promise<void>;
  /** True if it is on the log. */
  readonly publishFinding: (report: FindingReportDraft) => Promise<boolean>;
  readonly publishGuard: (hooks: readonly SeenHook[], throughVersion: string) => Promise<void>;
  readonly eventWritten: () => void;
  readonly recordPassed: () => void;
  readonly measured: (open: readonly Finding[], compared: number) => void;
  readonly delayed: (name: string, delay: FindingDelay) => void;
  readonly warn: (message: string, details: object) => void;
}

export interface RunningObserver {
  /** A block was committed: there may be something new to look for. */
  poke(): void;
  describe(): string;
  stop(): void;
}

/** Starts the cluster observer of this node. It speaks about changes only while the chain names its organisation as an observer of the cluster. */
export function startObserver(deps: ObserverDeps): RunningObserver {
  const { config, cluster, kubeconfig, reader, warn, publish, attestContext } = deps;
  const http = new KubeHttp(kubeconfig, config.cluster?.context);
  const fetched = new Map<Hash, Uint8Array>();
  const policies = policiesOf(reader);
  const isObserver = (): boolean => reader.cluster(cluster)?.observers.includes(deps.org) ?? false;
  const guard = createGuard({
    ...deps,
    http,
    coverage: () => observer.coverage,
    kindOf: (group, resource) => observer.kindOf(group, resource),
    resourceOf: (apiVersion, kind) => observer.resourceOf(apiVersion, kind),
    stored: (record, isNext) => neverStored.stored(record, isNext),
  });
  const observer: Observer = new Observer({
    http,
    sink: guard.attribution,
    positions: {
      load: (key) => {
        const bytes = deps.store.local.get(`watch/${key}`);
        return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as WatchPosition);
      },
      save: (key, position) =>
        void deps.store.local.put(`watch/${key}`, new TextEncoder().encode(JSON.stringify(position))),
    },
    attestContext,
    isGoverned: (group, resource) =>
      !isFree(group, resource) &&
      policies().some(
        (spec) =>
          governs(spec, cluster, group, resource) ||
          MADE.some(([made, of]) => governs(spec, cluster, made, of) && isMadeOf(made, of, { group, resource })),
      ),
    pending: () => (isObserver() ? pendingDecisions(deps, fetched) : []),
    publish,
    now: () => Date.now(),
    warn,
  });
  const neverStored: NeverStored = new NeverStored({
    logSize: () => reader.info().state.logSize,
    records: (from, to) => recordedWrites(deps.store, cluster, from, to, Date.now()),
    isObserver,
    watchOf: (attributes) => observer.watchOf(attributes),
    revision: (watch, attributes) => readRevision(http, watch.resource, attributes),
    publish,
    position: {
      load: () => numberOf(deps.store.local.get(saidName)),
      save: (leaf) => void deps.store.local.put(saidName, new TextEncoder().encode(String(leaf))),
    },
    unsaid: deps.unsaid,
    now: () => performance.now(),
  });
  const failed = (error: unknown): void =>
    warn('what was never stored could not be looked for', { reason: (error as Error).message });
  const looking = setInterval(() => void neverStored.look().catch(failed), neverStoredEveryMs);
  observer.start();
  guard.start();
  return {
    poke: () => void observer.evaluate(),
    describe: () => {
      const { watched, synced, sinceMs } = observer.coverage;
      const followed =
        watched === 0
          ? 'nothing is governed'
          : `${synced} of ${watched} resources watched since ${new Date(sinceMs).toISOString()}`;
      return `${followed}; ${guard.describe()}`;
    },
    stop: () => {
      clearInterval(looking);
      guard.stop();
      observer.stop();
      http.close();
    },
  };
}

/** Reserved changes of the cluster that this organisation has not spoken about. */
function pendingDecisions(deps: ObserverDeps, fetched: Map<Hash, Uint8Array>): PendingDecision[] {
  const pending: PendingDecision[] = [];
  const wanted = new Set<Hash>();
  for (const proposal of deps.reader.liveProposals()) {
    if (proposal.cluster !== deps.cluster) continue;
    for (const index of proposal.reserved) {
      const use = deps.reader.use(proposal.id, index);
      if (use === undefined || use.leaseMs === null || hasSpoken(use, deps.org)) continue;
      const attestation = attestationAt(deps.store, use.decision);
      if (attestation === undefined) continue;
      const { attributes, bodyHash } = attestation;
      wanted.add(bodyHash);
      const body = deps.store.getBody(bodyHash) ?? fetched.get(bodyHash);
      // Only the nodes that were asked have the body of an admitted review.
      if (body === undefined)
        void deps.findBody(bodyHash).then((bytes) => bytes !== undefined && fetched.set(bodyHash, bytes));
      pending.push({ decision: use.decision, attributes, body, decidedMs: use.leaseMs - leaseMs });
    }
  }
  for (const hash of fetched.keys()) if (!wanted.has(hash)) fetched.delete(hash);
  return pending;
}

/** Anybody may write these without a record: there is nothing to compare. */
function isFree(group: string, resource: string): boolean {
  const isOf = (other: Exclusion): boolean =>
    'anyone' in other.actor && other.group === group && other.resources.includes(resource) && other.names === undefined;
  return EXCLUSIONS.some(isOf);
}

function numberOf(bytes: Uint8Array | undefined): number | undefined {
  return bytes === undefined ? undefined : Number(new TextDecoder().decode(bytes));
}

function hasSpoken({ persistedBy, notPersistedBy }: ChangeUse, org: OrgId): boolean {
  return persistedBy.includes(org) || notPersistedBy.includes(org);
}

/** Asked for each resource after each block; parsed only when one of them has changed. */
function policiesOf(reader: LedgerReader): () => readonly PolicySpec[] {
  let texts: readonly string[] = [];
  let parsed: readonly PolicySpec[] = [];
  return () => {
    const names = stateDocument<readonly string[]>(reader, 'list/policies') ?? [];
    const found = names.flatMap((name) => stateText(reader, `policy/${name}`) ?? []);
    if (found.length !== texts.length || found.some((text, i) => text !== texts[i])) {
      parsed = found.map((text) => parsePolicySpec((JSON.parse(text) as { spec: unknown }).spec));
      texts = found;
    }
    return parsed;
  };
}

function governs(spec: PolicySpec, cluster: string, group: string, resource: string): boolean {
  if (!matchesAnyGlob(spec.clusters, cluster)) return false;
  return spec.match.some(
    ({ resources }) =>
      resources?.some(
        (pattern) => matchesGlob(pattern.group, group) && matchesGlob(pattern.resource.split('/')[0] ?? '', resource),
      ) ?? true,
  );
}
