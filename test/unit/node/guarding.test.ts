import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deriveClusterKeys, hookEntryHash, hookEntryName, type AttestContext } from '../../../src/change/index.ts';
import type { FindingReportDraft } from '../../../src/cluster/finding-reporter.ts';
import type { KubeHttp } from '../../../src/cluster/kube-http.ts';
import type { WatchedResource } from '../../../src/cluster/resource-watch.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { findingKey, findingOfKey, guardKey, openFindingsKey } from '../../../src/ledger/execute/keys.ts';
import { createGuard, type RunningGuard } from '../../../src/node/guarding.ts';
import type { NodeConfig } from '../../../src/node/config.ts';
import type { LedgerReader } from '../../../src/ports/ledger-reader.ts';
import type { Store } from '../../../src/store/index.ts';
import type { ClusterId, LeafIndex, OrgId } from '../../../src/types/brand.ts';
import type { ClusterRecord } from '../../../src/types/chain.ts';
import type { Finding, FoundReason } from '../../../src/types/finding.ts';
import type { Json, JsonObject } from '../../../src/types/json.ts';

const { sha256, hmacSha256 } = nativeBackend;
const cluster = 'main' as ClusterId;
const alpha = 'alpha' as OrgId;
const beta = 'beta' as OrgId;
const gamma = 'gamma' as OrgId;
/** What the product promises. */
const foundWithinMs = 5_000;
/** Slow: a quiet machine commits in a tenth of it. */
const commitMs = 1_000;
/** What is left out of the log has no outcome, and its sender waits for so long. */
const forgottenMs = 10_000;
const configMaps: WatchedResource = {
  group: '',
  version: 'v1',
  resource: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};
const context: AttestContext = { cluster, keys: deriveClusterKeys(new Uint8Array(32).fill(7), sha256, hmacSha256), sha256, hmacSha256 }; // prettier-ignore
const record: ClusterRecord = { name: cluster, uid: '', hooks: [], observers: [alpha, beta, gamma] };
const configMap = (name: string, resourceVersion: number): JsonObject => ({
  metadata: { name, namespace: 'prod', uid: `uid of ${name}`, resourceVersion: String(resourceVersion) },
});

const entry = { name: hookEntryName('a') };
const configuration = { metadata: { name: 'kubectl-chain' }, webhooks: [entry] };

let state: Map<string, Json>;
let said: { readonly atMs: number; readonly report: FindingReportDraft }[];
let delays: [string, number, number, number][];
let isLost = false;
let isComplete = true;
let configurations: JsonObject[];
let tellConfigurations: (event: Json) => void;
let guard: RunningGuard;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  delays = [];
  [said, isLost, isComplete, configurations] = [[], false, true, [configuration]];
  state = new Map([[guardKey(cluster), { v: 1, cluster, hooks: [{ name: 'a', hash: hookEntryHash(entry, sha256), announced: [] }], throughVersion: '10', sinceMs: 0, seen: [] }]]); // prettier-ignore
  const http = {
    get: async () => ({ metadata: { resourceVersion: '10' }, items: configurations }),
    watch: (path: string, { onEvent }: { onEvent: (event: Json) => void }) => {
      if (path.includes('webhookconfigurations')) tellConfigurations = onEvent;
      return () => undefined;
    },
    send: async () => ({ status: 500, json: {} }),
    close: () => undefined,
  };
  const reader = {
    cluster: () => record,
    validators: () => [1, 2, 3, 4],
    isErased: () => false,
    stateGet: (key: string) => {
      const value = state.get(key);
      return value === undefined ? undefined : new TextEncoder().encode(JSON.stringify(value));
    },
  };
  const commit = async (): Promise<void> => {
    if (isLost) await new Promise((resolve) => setTimeout(resolve, forgottenMs));
    else await new Promise((resolve) => setTimeout(resolve, commitMs));
  };
  guard = createGuard({
    config: { cluster: { name: cluster } } as unknown as NodeConfig,
    cluster,
    org: alpha,
    http: http as unknown as KubeHttp,
    reader: reader as unknown as LedgerReader,
    store: { local: { get: () => undefined, put: async () => undefined }, getBody: () => undefined, readLeaf: () => undefined } as unknown as Store,
    attestContext: () => context,
    findBody: async () => undefined,
    connected: () => [],
    caughtUp: async () => {
      await new Promise((resolve) => setTimeout(resolve, commitMs));
      return true;
    },
    bodyOrgs: () => [],
    keepBody: async () => undefined,
    coverage: () => ({ watched: 1, synced: 1, isComplete, sinceMs: 1 }),
    stored: () => undefined,
    publishFinding: async (report) => {
      const wasLost = isLost;
      await commit();
      if (wasLost) return false;
      said.push({ atMs: performance.now(), report });
      execute(report);
      return true;
    },
    publishGuard: async () => undefined,
    kindOf: () => configMaps,
    resourceOf: () => configMaps,
    eventWritten: () => undefined,
    recordPassed: () => undefined,
    measured: () => undefined,
    delayed: (name, delay) => delays.push([name, delay.judgeMs + delay.reportMs, delay.logMs, delay.commitMs]),
    warn: () => undefined,
  }); // prettier-ignore
  guard.start();
});

afterEach(() => {
  guard.stop();
  vi.useRealTimers();
});

/** On the log, as other observers left it. */
function onLog(more: Partial<Finding>, reason: FoundReason = 'no-record'): void {
  const object = { group: '', resource: 'configmaps', namespace: 'prod', name: 'x', uid: 'uid of x', resourceVersion: '20', reason, by: [beta, gamma] };
  const finding: Finding = {
    v: 1, id: 1, cluster, kind: 'unattributed', subject: 'objects', episode: 1, state: 'CONFIRMED', openedMs: 0, openedLeaf: 1 as LeafIndex, confirmedMs: 0,
    closedMs: null, detail: '', reports: [], objects: [object], proposal: null, ...more,
  };
  state.set(findingKey(cluster, finding.id), finding as unknown as Json);
  state.set(findingOfKey(sha256, cluster, finding.kind, finding.subject), { id: finding.id, episode: finding.episode });
  const { last, open } = (state.get(openFindingsKey(cluster)) as { last: number; open: number[] } | undefined) ?? { last: 0, open: [] };
  state.set(openFindingsKey(cluster), { last: Math.max(last, finding.id), open: [...open.filter((id) => id !== finding.id), ...(finding.closedMs === null ? [finding.id] : [])] });
} // prettier-ignore

/** As the state machine does: this observer's word stands beside those of the others. */
function execute({ finding: kind, subject, episode, sequence, holds, value, objects, objectCount, throughVersion, coverage }: FindingReportDraft): void {
  const of = findingOfKey(sha256, cluster, kind, subject);
  const id = (state.get(of) as { id: number } | undefined)?.id;
  const known = id === undefined ? undefined : (state.get(findingKey(cluster, id)) as unknown as Finding);
  const isOpen = known !== undefined && known.closedMs === null;
  const next = ((state.get(openFindingsKey(cluster)) as { last: number } | undefined)?.last ?? 0) + 1;
  if (!isOpen) onLog({ id: next, kind, subject, episode, state: 'SEEN', objects: [] });
  const finding = isOpen ? known : (state.get(findingKey(cluster, next)) as unknown as Finding);
  const reports = [...finding.reports.filter(({ org }) => org !== alpha), { org: alpha, leaf: 1 as LeafIndex, sequence, holds, value, objectCount, throughVersion, coverage }];
  const added = objects.map((object) => ({ ...object, by: [alpha] }));
  state.set(findingKey(cluster, finding.id), { ...finding, reports, objects: [...finding.objects, ...added] } as unknown as Json);
} // prettier-ignore

const about = (kind: string): { readonly atMs: number; readonly report: FindingReportDraft }[] =>
  said.filter(({ report }) => report.finding === kind);

async function delayOf(kind: string, plant: () => void): Promise<number> {
  await vi.advanceTimersByTimeAsync(1_237);
  const fromMs = performance.now();
  const before = about(kind).length;
  plant();
  await vi.advanceTimersByTimeAsync(60_000);
  return (about(kind)[before]?.atMs ?? Infinity) - fromMs;
}

describe('what goes around the log is on the log within five seconds of being visible, however long a commit takes of it (P4)', () => {
  test('an object without a record', async () => {
    const delayMs = await delayOf('unattributed', () => guard.attribution.changed(configMaps, configMap('x', 20), false, null));
    expect(delayMs).toBeLessThanOrEqual(foundWithinMs);
    // An observer that is not behind the log asks first; it does not accuse at sight.
    expect(delayMs).toBeGreaterThan(2 * commitMs);
    // Its metrics and its log say where the time went.
    expect(delays).toEqual([['prod/x', delayMs - 2 * commitMs, commitMs, commitMs]]);
  });

  test('one that is gone again', async () => {
    const plant = (): void => {
      guard.attribution.changed(configMaps, configMap('x', 20), false, null);
      guard.attribution.changed(configMaps, configMap('x', 21), true, null);
    };
    expect(await delayOf('unattributed', plant)).toBeLessThanOrEqual(foundWithinMs);
  });

  test('a hook that is not as it must be', async () => {
    const plant = (): void => tellConfigurations({ type: 'DELETED', object: { metadata: { name: 'kubectl-chain' } } });
    expect(await delayOf('webhook', plant)).toBeLessThanOrEqual(foundWithinMs);
  });

  test('also while a report of this observer is left out of the log, because its finding was closed on the way', async () => {
    await vi.advanceTimersByTimeAsync(3_000);
    isLost = true;
    onLog({ kind: 'guard', subject: 'policy', objects: [] });
    tellConfigurations({ type: 'DELETED', object: { metadata: { name: 'kubectl-chain' } } });
    guard.attribution.changed(configMaps, configMap('w', 19), false, null);
    await vi.advanceTimersByTimeAsync(3_000);
    isLost = false;
    // Closed by others; what comes now is the next finding.
    onLog({ state: 'REPAIRED', closedMs: 1, objects: [] });
    const delayMs = await delayOf('unattributed', () => guard.attribution.changed(configMaps, configMap('x', 20), false, null));
    expect(delayMs).toBeLessThanOrEqual(foundWithinMs);
    expect(about('unattributed')[0]?.report.episode).toBe(2);
  });
}); // prettier-ignore

describe('only who has looked says that something is repaired (P4)', () => {
  const repaired = (): number => about('unattributed').filter(({ report }) => !report.holds).length;

  test('not before everything is followed, nor while what was listed waits, nor before its own watch has come so far', async () => {
    isComplete = false;
    onLog({});
    guard.attribution.following(configMaps);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(repaired()).toBe(0);
    isComplete = true;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(repaired()).toBe(0);
    guard.attribution.listed(configMaps, [configMap('x', 20)], 20n);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(about('unattributed').map(({ report }) => [report.holds, report.objects.length])).toEqual([[true, 1]]);
  });

  test('also of a finding that names nothing of it: lists of findings are cut', async () => {
    onLog({ objects: [] });
    guard.attribution.listed(configMaps, [configMap('x', 20)], 20n);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(about('unattributed').map(({ report }) => [report.holds, report.objects.length])).toEqual([[true, 1]]);
  });

  test('it says it once it has, with what it looked at', async () => {
    onLog({});
    guard.attribution.listed(configMaps, [configMap('x', 20)], 19n);
    guard.attribution.changed(configMaps, configMap('x', 21), true, null);
    state.set(guardKey(cluster), { ...(state.get(guardKey(cluster)) as JsonObject), throughVersion: '21' });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(about('unattributed')[0]?.report).toMatchObject({ holds: false, coverage: { sinceMs: 1, compared: 2 } });
  });

  test('never of a deletion that others saw: what is gone is not put back', async () => {
    onLog({}, 'deleted');
    guard.attribution.listed(configMaps, [], 30n);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(repaired()).toBe(0);
  });

  test('what a liar alone names does not keep it from being said for ever', async () => {
    const object = { group: '', resource: 'configmaps', namespace: 'prod', name: 'y', uid: 'y', resourceVersion: '999999', reason: 'no-record' } as const;
    onLog({ state: 'SEEN', objects: [{ ...object, by: [beta] }] });
    guard.attribution.listed(configMaps, [], 30n);
    await vi.advanceTimersByTimeAsync(25_000);
    expect(repaired()).toBe(0);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(repaired()).toBeGreaterThan(0);
  }); // prettier-ignore
});
