import { beforeEach, describe, expect, test } from 'vitest';
import { attestRequest, deriveClusterKeys, exclusionsFor, type AttestContext } from '../../../src/change/index.ts';
import { Attribution } from '../../../src/cluster/attribution.ts';
import type { WatchedResource } from '../../../src/cluster/resource-watch.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { ClusterId, LeafIndex } from '../../../src/types/brand.ts';
import type { ChangeAttestation } from '../../../src/types/change.ts';
import type { Json, JsonObject } from '../../../src/types/json.ts';

const { sha256, hmacSha256 } = nativeBackend;
const context: AttestContext = {
  cluster: 'main' as ClusterId,
  keys: deriveClusterKeys(new Uint8Array(32).fill(7), sha256, hmacSha256),
  sha256,
  hmacSha256,
};
const configMaps: WatchedResource = {
  group: '',
  version: 'v1',
  resource: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};

const pods: WatchedResource = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true };
const replicaSets: WatchedResource = {
  group: 'apps',
  version: 'v1',
  resource: 'replicasets',
  kind: 'ReplicaSet',
  namespaced: true,
};
const deployments: WatchedResource = { ...replicaSets, resource: 'deployments', kind: 'Deployment' };
const served = [configMaps, pods, replicaSets, deployments];

interface Look {
  readonly name?: string;
  readonly data?: JsonObject;
  readonly metadata?: JsonObject;
}

const configMap = (
  resourceVersion: number,
  { name = 'x', data = { key: 'a' }, metadata = {} }: Look = {},
): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'prod', uid: `uid of ${name}`, resourceVersion: String(resourceVersion), ...metadata },
  data,
});

let nowMs = 0;
let accepted = 10n;
let records: { attestation: ChangeAttestation; body: Uint8Array }[] = [];
let isShown = true;
let held: Promise<void> | undefined;
let isCaughtUp = true;
let isRewritten = false;
let live: JsonObject[] = [];
let attribution: Attribution;

const changed = (object: JsonObject, isDeleted = false, content: string | null = null): void =>
  attribution.changed(configMaps, object, isDeleted, content);

const listed = (objects: readonly JsonObject[], listVersion = 1_000): void =>
  attribution.listed(configMaps, objects, BigInt(listVersion));

/** Admits a change as the webhook saw it. */
function admit(
  operation: 'CREATE' | 'UPDATE' | 'DELETE',
  object: JsonObject | null,
  oldObject: JsonObject | null,
): void {
  const shown = (object ?? oldObject) as { metadata: { name: string } };
  const request: Json = {
    uid: `review-${records.length}`,
    kind: { group: '', version: 'v1', kind: 'ConfigMap' },
    resource: { group: '', version: 'v1', resource: 'configmaps' },
    name: shown.metadata.name,
    namespace: 'prod',
    operation,
    userInfo: { username: 'alice', groups: [] },
    object,
    oldObject,
    dryRun: false,
    options: null,
  };
  records.unshift(attestRequest(request, context));
}

async function look(afterMs = 2_500): Promise<string[]> {
  nowMs += afterMs;
  await attribution.evaluate();
  // What the observer waits for at the end of a round is there at once.
  await new Promise(setImmediate);
  return attribution.problems().map(({ name, reason, resourceVersion }) => `${name} ${reason} ${resourceVersion}`);
}

beforeEach(() => {
  nowMs = 1_000_000;
  accepted = 10n;
  records = [];
  isShown = true;
  held = undefined;
  isCaughtUp = true;
  isRewritten = false;
  live = [];
  attribution = withCaughtUp(async () => isCaughtUp);
});

function withCaughtUp(caughtUp: () => Promise<boolean>): Attribution {
  return new Attribution({
    records: ({ name }) =>
      records
        .filter(({ attestation }) => attestation.attributes.name === name)
        .map(({ attestation }, leaf) => ({ leaf: leaf as LeafIndex, attestation, nodes: [] })),
    body: async ({ attestation: { bodyHash } }) => {
      await held;
      return (
        (isShown ? records.find(({ attestation }) => attestation.bodyHash === bodyHash)?.body : undefined) ?? 'withheld'
      );
    },
    context: () => context,
    exclusions: exclusionsFor(),
    acceptedThrough: () => accepted,
    isScaled: async () => false,
    isRewritten: async () => isRewritten,
    resourceOf: (apiVersion, kind) => served.find((one) => one.kind === kind && apiVersion.endsWith(one.version)),
    live: async (_resource, { name }) => live.find((object) => (object['metadata'] as JsonObject)['name'] === name),
    caughtUp,
    now: () => nowMs,
  });
}

describe('an object is as its admitted record says (P4)', () => {
  test('what was admitted and then stored is in order, at once', async () => {
    admit('CREATE', configMap(0, { metadata: { resourceVersion: '' } }), null);
    changed(configMap(11), false);
    expect(await look(0)).toEqual([]);
    expect(attribution.counts.compared).toBe(1);
  });

  test('what nobody admitted is found once the record had time to come, not before', async () => {
    changed(configMap(11), false);
    expect(await look(900)).toEqual([]);
    expect(await look(200)).toEqual(['x no-record 11']);
  });

  test('what has not changed since it was accepted is left alone', async () => {
    listed([configMap(10), configMap(11, { name: 'y' })]);
    expect(await look()).toEqual(['y no-record 11']);
    accepted = 11n;
    expect(await look()).toEqual([]);
  });

  test.each<[string, Look]>([
    ['another value', { data: { key: 'b' } }],
    ['another key', { data: { key: 'a', more: '' } }],
    ['a label', { metadata: { labels: { a: 'b' } } }],
    ['a finalizer', { metadata: { finalizers: ['x/y'] } }],
  ])('%s than admitted is found', async (_what, other) => {
    admit('CREATE', configMap(0), null);
    changed(configMap(11, other), false);
    expect(await look()).toEqual(['x other-content 11']);
  });

  test('bookkeeping of the API server is no other content', async () => {
    admit('CREATE', configMap(0), null);
    changed(configMap(11, { metadata: { generation: 3, managedFields: [], creationTimestamp: '2026-01-01T00:00:00Z' } }), false);
    expect(await look()).toEqual([]);
  }); // prettier-ignore

  test('a record of another object with the same name is none', async () => {
    admit('CREATE', configMap(0, { metadata: { uid: 'another' } }), null);
    changed(configMap(11), false);
    expect(await look()).toEqual(['x no-record 11']);
  });

  test('an update is in order on the version that it was admitted against; an old content written again is not', async () => {
    admit('CREATE', configMap(0), null);
    changed(configMap(11), false);
    await look();
    admit('UPDATE', configMap(11, { data: { key: 'b' } }), configMap(11));
    changed(configMap(12, { data: { key: 'b' } }), false);
    expect(await look()).toEqual([]);
    changed(configMap(13), false);
    expect(await look()).toEqual(['x other-content 13']);
    // The next admitted change repairs it, and what was there stays until it was reported.
    admit('UPDATE', configMap(13, { data: { key: 'c' } }), configMap(13));
    changed(configMap(14, { data: { key: 'c' } }), false);
    expect(await look()).toEqual(['x other-content 13']);
    attribution.reported(attribution.problems());
    expect(await look()).toEqual([]);
  });

  test('a lying node that shows no body of what it attested is found out after a while', async () => {
    admit('CREATE', configMap(0), null);
    isShown = false;
    changed(configMap(11), false);
    expect(await look(19_000)).toEqual([]);
    expect(await look(2_000)).toEqual(['x content-withheld 11']);
  });

  test('an object that is gone without a record of its deletion is found, until that is accepted', async () => {
    admit('CREATE', configMap(0), null);
    changed(configMap(11), false);
    await look();
    changed(configMap(12), true);
    expect(await look()).toEqual(['x deleted 12']);
    attribution.reported(attribution.problems());
    expect(await look()).toEqual(['x deleted 12']);
    accepted = 12n;
    expect(await look()).toEqual([]);
  });

  test('a recorded deletion is in order, and so is that of what had an owner', async () => {
    admit('CREATE', configMap(0), null);
    admit('DELETE', null, configMap(11));
    listed([configMap(9, { name: 'owned', metadata: { ownerReferences: [{ uid: 'u' }] } })]);
    changed(configMap(11), false);
    changed(configMap(12), true);
    await look();
    listed([]);
    expect(await look()).toEqual([]);
  });

  test('what the control plane writes under an exclusion is in order, its name elsewhere is not', async () => {
    listed([configMap(11, { name: 'kube-root-ca.crt' }), configMap(12, { name: 'kube-root-ca' })]);
    expect(await look()).toEqual(['kube-root-ca no-record 12']);
  });

  test('after an absence everything that happened meanwhile is compared with the log', async () => {
    admit('CREATE', configMap(0), null);
    admit('UPDATE', configMap(11, { data: { key: 'b' } }), configMap(11));
    listed([configMap(20, { data: { key: 'b' } }), configMap(21, { name: 'a' }), configMap(22, { name: 'b' })]);
    expect(await look()).toEqual(['a no-record 21', 'b no-record 22']);
    expect(attribution.throughVersion).toBe('22');
    expect(attribution.counts.compared).toBe(3);
  });
});

describe('an honest cluster is accused of nothing, however slow its parts are (P4)', () => {
  test('an observer that is behind the log waits for it', async () => {
    isCaughtUp = false;
    changed(configMap(11));
    expect(await look(600_000)).toEqual([]);
    expect(attribution.hasJudged(nowMs)).toBe(false);
    // The block that admitted it is executed here at last.
    admit('CREATE', configMap(0), null);
    isCaughtUp = true;
    expect(await look()).toEqual([]);
    expect(attribution.hasJudged(nowMs)).toBe(true);
  });

  test('what was seen after the question how far the log is waits for the next answer', async () => {
    let answer: (isDone: boolean) => void = () => undefined;
    attribution = withCaughtUp(() => new Promise((resolve) => (answer = resolve)));
    changed(configMap(11));
    await look();
    changed(configMap(12, { name: 'y' }));
    answer(true);
    expect(await look(2_000)).toEqual(['x no-record 11']);
    answer(true);
    expect(await look(0)).toEqual(['x no-record 11', 'y no-record 12']);
  });

  test('what arrives of the log while an object is being judged was not looked at', async () => {
    let answer: (isDone: boolean) => void = () => undefined;
    attribution = withCaughtUp(() => new Promise((resolve) => (answer = resolve)));
    admit('CREATE', configMap(0), null);
    changed(configMap(11, { data: { key: 'b' } }));
    expect(await look()).toEqual([]);
    // Its records are read; while the body of the one that there is comes, the log is caught up with, and holds the other one.
    const shown = Promise.withResolvers<void>();
    held = shown.promise;
    const judging = attribution.evaluate();
    await new Promise(setImmediate);
    admit('CREATE', configMap(0, { data: { key: 'b' } }), null);
    answer(true);
    await new Promise(setImmediate);
    shown.resolve();
    await judging;
    expect(await look(0)).toEqual([]);
    expect(attribution.counts.compared).toBe(1);
  });

  test('it has judged the present once everything that a list showed is judged, whatever comes meanwhile', async () => {
    isCaughtUp = false;
    listed([configMap(11)]);
    const askedMs = nowMs;
    expect(await look(3_000)).toEqual([]);
    expect([attribution.isWhole, attribution.hasJudged(0)]).toEqual([false, false]);
    isCaughtUp = true;
    expect(await look()).toEqual(['x no-record 11']);
    changed(configMap(12, { name: 'y' }));
    await look(100);
    expect([attribution.isWhole, attribution.hasJudged(askedMs), attribution.hasJudged(nowMs)]).toEqual([true, true, false]);
  }); // prettier-ignore

  test('an object that others name is reached once it would have been found here too', async () => {
    const named = { group: '', resource: 'configmaps', namespace: 'prod', name: 'x', uid: 'uid of x', resourceVersion: '12', reason: 'no-record' } as const;
    expect(attribution.hasReached(named)).toBe(true);
    attribution.following(configMaps);
    expect(attribution.hasReached(named)).toBe(false);
    // What a liar writes there must not stop anybody.
    for (const resourceVersion of ['', 'x', '-1', '1e9', '0x10'])
      expect(() => attribution.hasReached({ ...named, resourceVersion })).not.toThrow();
    listed([], 11);
    expect(attribution.hasReached(named)).toBe(false);
    attribution.lost(configMaps);
    expect(attribution.hasReached(named)).toBe(false);
    listed([configMap(12)], 12);
    expect(attribution.hasReached(named)).toBe(false);
    expect(await look()).toEqual(['x no-record 12']);
    expect(attribution.hasReached(named)).toBe(true);
  }); // prettier-ignore

  test('a hundred writes of its status while a body is on its way hide nothing of the object', async () => {
    admit('CREATE', configMap(0), null);
    isShown = false;
    changed(configMap(11), false, 'a');
    for (let version = 12; version < 112; version += 1) changed(configMap(version), false, 'a');
    expect(await look(10_000)).toEqual([]);
    isShown = true;
    admit('UPDATE', configMap(111, { data: { key: 'b' } }), configMap(111));
    changed(configMap(112, { data: { key: 'b' } }), false, 'b');
    expect(await look()).toEqual([]);
    // But what is written and taken back within that time is.
    changed(configMap(113), false, 'a');
    changed(configMap(114, { data: { key: 'b' } }), false, 'b');
    expect(await look()).toEqual(['x other-content 113', 'x other-content 114']);
  });

  test('more changes than wait are judged as after an absence', async () => {
    admit('CREATE', configMap(0), null);
    isCaughtUp = false;
    for (let version = 11; version < 211; version += 1) {
      changed(configMap(version, { data: { key: String(version) } }), false, String(version));
      admit('UPDATE', configMap(version, { data: { key: String(version + 1) } }), configMap(version, { data: { key: String(version) } }));
    }
    isCaughtUp = true;
    expect(await look()).toEqual([]);
  }); // prettier-ignore

  test('a list that is older than an event does not make its object vanish', async () => {
    admit('CREATE', configMap(0), null);
    changed(configMap(50));
    listed([], 40);
    expect(await look()).toEqual([]);
    listed([], 60);
    expect(await look()).toEqual(['x deleted 50']);
  });

  test('a served version that is read later than another one is waited for, and one that cannot be read is not', async () => {
    const beta = { ...configMaps, version: 'v1beta1' };
    attribution.following(configMaps);
    attribution.following(beta);
    admit('CREATE', configMap(0), null);
    const shown = { ...configMap(11), apiVersion: 'v1beta1' };
    attribution.changed(beta, shown, false, null);
    expect(await look(60_000)).toEqual([]);
    listed([configMap(11)], 12);
    expect(await look()).toEqual([]);
    expect(attribution.counts).toMatchObject({ compared: 1, uncompared: 0 });
    changed(configMap(13, { name: 'smuggled' }));
    expect(await look()).toEqual([]);
    attribution.lost(beta);
    expect(await look()).toEqual(['smuggled no-record 13']);
  });

  test('what a controller wrote beside an admitted change during an absence is in order', async () => {
    const deployment = (resourceVersion: number, image: string, revision?: string): JsonObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'prod', uid: 'u', resourceVersion: String(resourceVersion), ...(revision === undefined ? {} : { annotations: { 'deployment.kubernetes.io/revision': revision } }) },
      spec: { image },
    }); // prettier-ignore
    const admitted = (object: JsonObject, oldObject: JsonObject | null): void => {
      records.unshift(attestRequest({ uid: `review-${records.length}`, kind: { group: 'apps', version: 'v1', kind: 'Deployment' }, resource: { group: 'apps', version: 'v1', resource: 'deployments' }, name: 'web', namespace: 'prod', operation: oldObject === null ? 'CREATE' : 'UPDATE', userInfo: { username: 'alice', groups: [] }, object, oldObject, dryRun: false, options: null }, context));
    }; // prettier-ignore
    admitted(deployment(0, 'a'), null);
    attribution.changed(deployments, deployment(11, 'a'), false, null);
    await look();
    admitted(deployment(12, 'b'), deployment(12, 'a'));
    attribution.listed(deployments, [deployment(15, 'b', '2')], 20n);
    expect(await look()).toEqual([]);
    attribution.listed(deployments, [deployment(25, 'c', '2')], 30n);
    expect(await look()).toEqual(['web other-content 25']);
  });

  test('the instances of a kind that was deleted vanish with it', async () => {
    const widgets = { group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget', namespaced: true };
    const widget = { ...configMap(9, { name: 'w' }), apiVersion: 'example.com/v1', kind: 'Widget' };
    attribution.listed(widgets, [widget], 9n);
    await look();
    attribution.listed(widgets, [], 20n);
    expect(await look()).toEqual(['w deleted 9']);
    admit('DELETE', null, configMap(12, { name: 'widgets.example.com' }));
    attribution.listed(
      widgets,
      [{ ...configMap(8, { name: 'v' }), apiVersion: 'example.com/v1', kind: 'Widget' }],
      25n,
    );
    await look();
    attribution.listed(widgets, [], 30n);
    expect(await look()).toEqual(['w deleted 9']);
  });
});

describe('what controllers make leads back to something admitted (P4)', () => {
  const made = ({ kind }: WatchedResource, name: string, version: number, owner?: { kind: string; name: string; uid?: string }): JsonObject => ({
    apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1',
    kind,
    metadata: {
      name,
      namespace: 'prod',
      uid: `uid of ${name}`,
      resourceVersion: String(version),
      ...(owner === undefined ? {} : { ownerReferences: [{ apiVersion: 'apps/v1', controller: true, uid: `uid of ${owner.name}`, ...owner }] }),
    },
    spec: kind === 'Pod' ? { containers: [{ name: 'c', image: 'i' }] } : { replicas: 1, template: { spec: { containers: [{ name: 'c', image: 'i' }] } } },
  }); // prettier-ignore
  const rs = { kind: 'ReplicaSet', name: 'rs' };
  const saw = (resource: WatchedResource, object: JsonObject): void =>
    attribution.changed(resource, object, false, null);

  test('a pod of a ReplicaSet of a recorded Deployment does, whether they are followed or only there', async () => {
    admit('CREATE', made(deployments, 'web', 0), null);
    live = [made(replicaSets, 'rs', 12, { kind: 'Deployment', name: 'web' })];
    saw(pods, made(pods, 'pod', 13, rs));
    expect(await look()).toEqual([]);
    saw(replicaSets, made(replicaSets, 'rs', 12, { kind: 'Deployment', name: 'web' }));
    live = [];
    saw(pods, made(pods, 'pod-2', 14, rs));
    expect(await look()).toEqual([]);
    // Its ReplicaSet is judged in the same round.
    await look();
    expect(attribution.counts.compared).toBe(3);
  });

  test('one whose ReplicaSet went away since does too', async () => {
    admit('CREATE', made(deployments, 'web', 0), null);
    saw(replicaSets, made(replicaSets, 'rs', 12, { kind: 'Deployment', name: 'web' }));
    await look();
    attribution.changed(replicaSets, made(replicaSets, 'rs', 13, { kind: 'Deployment', name: 'web' }), true, null);
    await look();
    saw(pods, made(pods, 'pod', 14, rs));
    expect(await look()).toEqual([]);
  });

  test('one whose ReplicaSet nobody admitted a Deployment for does not', async () => {
    live = [made(replicaSets, 'rs', 12, { kind: 'Deployment', name: 'web' }), made(deployments, 'web', 11)];
    saw(pods, made(pods, 'pod', 13, rs));
    expect(await look()).toEqual(['pod unjustified 13']);
  });

  test('one that names a controller that never was is found after a while', async () => {
    saw(pods, made(pods, 'pod', 13, { ...rs, uid: 'invented' }));
    live = [made(replicaSets, 'rs', 12)];
    expect(await look(10_000)).toEqual([]);
    expect(await look(10_000)).toEqual(['pod unjustified 13']);
  });

  test('what was there before anything was expected is a beginning', async () => {
    live = [made(replicaSets, 'rs', 9)];
    saw(pods, made(pods, 'pod', 13, rs));
    expect(await look()).toEqual([]);
  });

  const podOf = (spec: JsonObject, name = 'pod', version = 13, owner = rs): JsonObject => ({
    ...made(pods, name, version, owner),
    spec,
  });
  const container = { name: 'c', image: 'i' };
  const root = { securityContext: { privileged: true } };
  const [hostPath, mount] = [
    { name: 'h', hostPath: { path: '/' } },
    { name: 'h', mountPath: '/h' },
  ];

  test.each<[string, JsonObject]>([
    ['another image', { containers: [{ ...container, image: 'evil' }] }],
    ['another command', { containers: [{ ...container, command: ['sh'] }] }],
    ['more rights', { containers: [{ ...container, ...root }] }],
    ['one container more', { containers: [container, { name: 'd', image: 'i' }] }],
    ['an init container', { containers: [container], initContainers: [{ name: 'd', image: 'i' }] }],
    ['the network of its node', { containers: [container], hostNetwork: true }],
    ['a folder of its node', { containers: [{ ...container, volumeMounts: [mount] }], volumes: [hostPath] }],
    ['a volume that is only called like that of a token', { containers: [container], volumes: [{ name: 'kube-api-access-bcdfg', hostPath: { path: '/' } }] }],
    ['another service account', { containers: [container], serviceAccountName: 'root' }],
  ])('a pod that names an approved ReplicaSet, but has %s, is found', async (_what, spec) => {
    live = [made(replicaSets, 'rs', 9)];
    saw(pods, podOf(spec));
    expect(await look()).toEqual(['pod unjustified 13']);
  }); // prettier-ignore

  test('what plugins of the API server and the scheduler add to a pod is no other pod', async () => {
    live = [made(replicaSets, 'rs', 9)];
    const sources = [
      { serviceAccountToken: { expirationSeconds: 3_607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ];
    const token = { name: 'kube-api-access-bcdfg', projected: { sources, defaultMode: 420 } };
    const tokenMount = { name: token.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    const resources = { requests: { cpu: '1' } };
    const more = { nodeName: 'n', priority: 0, tolerations: [{ key: 'k' }], serviceAccountName: 'default', volumes: [token] };
    saw(pods, podOf({ containers: [{ ...container, resources, imagePullPolicy: 'Always', volumeMounts: [tokenMount] }], ...more }));
    expect(await look()).toEqual([]);
    expect(attribution.counts.compared).toBe(1);
  }); // prettier-ignore

  test('where a webhook may change pods, their content proves nothing', async () => {
    live = [made(replicaSets, 'rs', 9)];
    isRewritten = true;
    saw(pods, podOf({ containers: [container, { name: 'proxy', image: 'p' }] }));
    expect(await look()).toEqual([]);
  });

  test('a ReplicaSet with another template than its Deployment ever had is found', async () => {
    const owner = { kind: 'Deployment', name: 'web' };
    const withImage = (object: JsonObject, image: string): JsonObject => ({
      ...object,
      spec: { replicas: 1, template: { spec: { containers: [{ name: 'c', image }] } } },
    });
    const web = (version: number, image: string) => withImage(made(deployments, 'web', version), image);
    live = [web(11, 'first')];
    admit('CREATE', web(0, 'first'), null);
    saw(deployments, web(11, 'first'));
    await look();
    admit('UPDATE', web(12, 'second'), web(11, 'first'));
    saw(replicaSets, withImage(made(replicaSets, 'rs-2', 13, owner), 'second'));
    expect(await look()).toEqual([]);
    saw(replicaSets, withImage(made(replicaSets, 'rs-3', 14, owner), 'evil'));
    expect(await look()).toEqual(['rs-3 unjustified 14']);
  });

  test('what was never shown of a Deployment accuses nobody', async () => {
    const owner = { kind: 'Deployment', name: 'web' };
    const evil = { template: { spec: { containers: [{ name: 'c', image: 'old' }] } } };
    live = [made(deployments, 'web', 20)];
    admit('UPDATE', made(deployments, 'web', 20), made(deployments, 'web', 11));
    isShown = false;
    saw(replicaSets, { ...made(replicaSets, 'rs-2', 13, owner), spec: evil });
    expect(await look()).toEqual([]);
  });

  test('under a name that may change it, what runs in it is still not changed', async () => {
    live = [made(replicaSets, 'rs', 9)];
    saw(pods, made(pods, 'pod', 13, rs));
    await look();
    const other = made(pods, 'pod', 14, rs);
    saw(pods, { ...other, spec: { containers: [{ name: 'c', image: 'another' }] } });
    expect(await look()).toEqual(['pod no-record 14']);
  });
});
