import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { attestRequest, deriveClusterKeys, type AttestContext } from '../../../src/change/index.ts';
import type { KubeHttp } from '../../../src/cluster/kube-http.ts';
import { Observer, type PendingDecision } from '../../../src/cluster/observer.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { ClusterId, LeafIndex } from '../../../src/types/brand.ts';
import type { Json, JsonObject } from '../../../src/types/json.ts';
import type { ObservedResult } from '../../../src/types/transaction.ts';

const { sha256, hmacSha256 } = nativeBackend;
const context: AttestContext = {
  cluster: 'prod' as ClusterId,
  keys: deriveClusterKeys(new Uint8Array(32).fill(7), sha256, hmacSha256),
  sha256,
  hmacSha256,
};
const startMs = 1_800_000_000_000;

/** An API server with one resource, of which a test says what it lists, shows and tells its watchers. */
class FakeApi {
  items: JsonObject[] = [];
  tell: (event: Json) => void = () => undefined;
  end: (error: Error | null) => void = () => undefined;
  readonly #resource: string;
  readonly #kind: string;

  constructor(resource: string, kind: string) {
    this.#resource = resource;
    this.#kind = kind;
  }

  async get(path: string): Promise<Json | undefined> {
    if (path === '/apis') return { groups: [] };
    if (path === '/api/v1')
      return {
        resources: [{ name: this.#resource, kind: this.#kind, namespaced: true, verbs: ['list', 'watch'] }],
      };
    if (path.includes('?limit=')) return { metadata: { resourceVersion: '10' }, items: this.items };
    return undefined;
  }

  watch(_path: string, handlers: { onEvent: (event: Json) => void; onEnd: (error: Error | null) => void }): () => void {
    this.tell = handlers.onEvent;
    this.end = handlers.onEnd;
    return () => undefined;
  }
}

function observe(
  api: FakeApi,
  pending: () => readonly PendingDecision[],
): { said: ObservedResult[]; stop: () => void; isComplete: () => boolean } {
  const said: ObservedResult[] = [];
  const observer = new Observer({
    http: api as unknown as KubeHttp,
    attestContext: () => context,
    isGoverned: () => true,
    pending,
    publish: async (results) => void said.push(...results),
    now: () => Date.now(),
    warn: () => undefined,
  });
  const isComplete = (): boolean => observer.coverage.isComplete;
  expect(isComplete()).toBe(false);
  observer.start();
  return { said, stop: () => observer.stop(), isComplete };
}

function review(operation: string, resource: string, kind: string, object: JsonObject, old: JsonObject | null): Json {
  return {
    uid: 'r',
    kind: { group: '', version: 'v1', kind },
    resource: { group: '', version: 'v1', resource },
    name: 'n',
    namespace: 'd',
    operation,
    userInfo: { username: 'u', groups: [] },
    object,
    oldObject: old,
    dryRun: false,
    options: null,
  };
}

function decided(request: Json, decidedMs: number): PendingDecision {
  const { attestation, body } = attestRequest(request, context);
  return { decision: 5 as LeafIndex, attributes: attestation.attributes, body, decidedMs };
}

const configMap = (more: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'n', namespace: 'd', uid: 'u-1', ...more },
  data: { a: '1' },
});

describe('P1: an observer never frees an approval that was used', () => {
  beforeEach(() => void vi.useFakeTimers({ now: startMs }));
  afterEach(() => void vi.useRealTimers());

  it('by the absence of an object that came and went before it began to follow', async () => {
    const api = new FakeApi('configmaps', 'ConfigMap');
    const change = decided(review('CREATE', 'configmaps', 'ConfigMap', configMap(), null), startMs - 30_000);
    const { said, stop } = observe(api, () => [change]);
    await vi.advanceTimersByTimeAsync(80_000);
    expect(said).toEqual([]);
    stop();
  });

  it('but does free one whose object was followed since before the decision and never came', async () => {
    const api = new FakeApi('configmaps', 'ConfigMap');
    const pending: PendingDecision[] = [];
    const { said, stop } = observe(api, () => pending);
    await vi.advanceTimersByTimeAsync(5_000);
    pending.push(decided(review('CREATE', 'configmaps', 'ConfigMap', configMap(), null), Date.now()));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(said).toEqual([]);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(said).toMatchObject([{ decision: 5, persisted: false }]);
    stop();
  });

  it('though it hears of the decision only after the object has come and gone', async () => {
    const api = new FakeApi('configmaps', 'ConfigMap');
    const pending: PendingDecision[] = [];
    const { said, stop } = observe(api, () => pending);
    await vi.advanceTimersByTimeAsync(5_000);
    const decidedMs = Date.now();
    api.tell({ type: 'ADDED', object: configMap({ resourceVersion: '12' }) });
    api.tell({ type: 'DELETED', object: configMap({ resourceVersion: '13' }) });
    await vi.advanceTimersByTimeAsync(10_000);
    pending.push(decided(review('CREATE', 'configmaps', 'ConfigMap', configMap(), null), decidedMs));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(said).toMatchObject([{ decision: 5, persisted: true }]);
    stop();
  });

  it('because an annotation of a Secret repeats the value that was there before', async () => {
    const secret = (password: string, annotations: JsonObject, resourceVersion: string): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'n', namespace: 'd', uid: 'u-1', annotations, resourceVersion },
      type: 'Opaque',
      data: { password },
    });
    const before = secret('b2xkLXBhc3N3b3Jk', {}, '9');
    const after = secret('bmV3LXBhc3N3b3Jk', { note: 'was old-password' }, '9');
    const api = new FakeApi('secrets', 'Secret');
    api.items = [before];
    const pending: PendingDecision[] = [];
    const { said, stop } = observe(api, () => pending);
    await vi.advanceTimersByTimeAsync(5_000);
    pending.push(decided(review('UPDATE', 'secrets', 'Secret', after, before), Date.now()));
    api.tell({ type: 'MODIFIED', object: secret('bmV3LXBhc3N3b3Jk', { note: 'was old-password' }, '12') });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(said).toMatchObject([{ decision: 5, persisted: true }]);
    stop();
  });
});

describe('an approval to scale', () => {
  beforeEach(() => void vi.useFakeTimers({ now: startMs }));
  afterEach(() => void vi.useRealTimers());

  it('is not used up by somebody else who wrote the status first', async () => {
    const controller = (ready: number, resourceVersion: string): JsonObject => ({
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'n', namespace: 'd', uid: 'u-1', resourceVersion },
      spec: { replicas: 3 },
      status: { readyReplicas: ready },
    });
    const scale = (replicas: number): JsonObject => ({
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'n', namespace: 'd', uid: 'u-1', resourceVersion: '9' },
      spec: { replicas },
    });
    const api = new FakeApi('replicationcontrollers', 'ReplicationController');
    api.items = [controller(1, '9')];
    const pending: PendingDecision[] = [];
    const { said, stop } = observe(api, () => pending);
    await vi.advanceTimersByTimeAsync(5_000);
    const request = review('UPDATE', 'replicationcontrollers', 'Scale', scale(5), scale(3)) as JsonObject;
    pending.push(
      decided(
        { ...request, subResource: 'scale', kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } },
        Date.now(),
      ),
    );
    api.tell({ type: 'MODIFIED', object: controller(2, '12') });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(said).toMatchObject([{ decision: 5, persisted: false }]);
    stop();
  });
});

describe('an approval to take the last finalizer off', () => {
  beforeEach(() => void vi.useFakeTimers({ now: startMs }));
  afterEach(() => void vi.useRealTimers());

  const terminating = (finalizers: string[]): JsonObject =>
    configMap({
      resourceVersion: '9',
      deletionTimestamp: '2026-01-01T00:00:00Z',
      deletionGracePeriodSeconds: 0,
      finalizers,
    });

  it.each([
    ['is used up: the object vanishes', [], true],
    ['of two is not, when the object vanishes', ['example.org/other'], false],
  ])('%s', async (_what, left, persisted) => {
    const before = terminating(['example.org/hold', 'example.org/other']);
    const api = new FakeApi('configmaps', 'ConfigMap');
    api.items = [before];
    const pending: PendingDecision[] = [];
    const { said, stop } = observe(api, () => pending);
    await vi.advanceTimersByTimeAsync(5_000);
    pending.push(decided(review('UPDATE', 'configmaps', 'ConfigMap', terminating(left), before), Date.now()));
    // The API server tells what was stored last, under the version of the removal.
    api.tell({
      type: 'DELETED',
      object: { ...before, metadata: { ...(before['metadata'] as JsonObject), resourceVersion: '12' } },
    });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(said).toMatchObject([{ decision: 5, persisted }]);
    stop();
  });
});

describe('P4: what is followed is said only while it is', () => {
  beforeEach(() => void vi.useFakeTimers({ now: startMs }));
  afterEach(() => void vi.useRealTimers());

  it('not before the first list, nor while a watch is interrupted', async () => {
    const api = new FakeApi('configmaps', 'ConfigMap');
    const { isComplete, stop } = observe(api, () => []);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(isComplete()).toBe(true);
    api.end(new Error('cut'));
    expect(isComplete()).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(isComplete()).toBe(true);
    stop();
  });
});
