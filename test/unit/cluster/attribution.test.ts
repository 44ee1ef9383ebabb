import { beforeEach, describe, expect, test } from 'vitest';
import { attestRequest, deriveClusterKeys, exclusionsFor, type AttestContext } from '../../../src/change/index.ts';
import { Attribution } from '../../../src/cluster/attribution.ts';
import type { WatchedResource } from '../../../src/cluster/resource-watch.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { ClusterId } from '../../../src/types/brand.ts';
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
let attribution: Attribution;

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
  return attribution.problems().map(({ name, reason, resourceVersion }) => `${name} ${reason} ${resourceVersion}`);
}

beforeEach(() => {
  nowMs = 1_000_000;
  accepted = 10n;
  records = [];
  isShown = true;
  attribution = new Attribution({
    records: ({ name }) =>
      records.map(({ attestation }) => attestation).filter(({ attributes }) => attributes.name === name),
    body: async ({ bodyHash }) =>
      isShown ? records.find(({ attestation }) => attestation.bodyHash === bodyHash)?.body : undefined,
    context: () => context,
    exclusions: exclusionsFor(),
    acceptedThrough: () => accepted,
    isScaled: async () => false,
    now: () => nowMs,
  });
});

describe('an object is as its admitted record says (P4)', () => {
  test('what was admitted and then stored is in order, at once', async () => {
    admit('CREATE', configMap(0, { metadata: { resourceVersion: '' } }), null);
    attribution.changed(configMaps, configMap(11), false);
    expect(await look(0)).toEqual([]);
    expect(attribution.counts.compared).toBe(1);
  });

  test('what nobody admitted is found once the record had time to come, not before', async () => {
    attribution.changed(configMaps, configMap(11), false);
    expect(await look(1_900)).toEqual([]);
    expect(attribution.isBusy).toBe(true);
    expect(await look(200)).toEqual(['x no-record 11']);
  });

  test('what has not changed since it was accepted is left alone', async () => {
    attribution.listed(configMaps, [configMap(10), configMap(11, { name: 'y' })]);
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
    attribution.changed(configMaps, configMap(11, other), false);
    expect(await look()).toEqual(['x other-content 11']);
  });

  test('bookkeeping of the API server is no other content', async () => {
    admit('CREATE', configMap(0), null);
    attribution.changed(configMaps, configMap(11, { metadata: { generation: 3, managedFields: [], creationTimestamp: '2026-01-01T00:00:00Z' } }), false);
    expect(await look()).toEqual([]);
  }); // prettier-ignore

  test('a record of another object with the same name is none', async () => {
    admit('CREATE', configMap(0, { metadata: { uid: 'another' } }), null);
    attribution.changed(configMaps, configMap(11), false);
    expect(await look()).toEqual(['x no-record 11']);
  });

  test('an update is in order on the version that it was admitted against; an old content written again is not', async () => {
    admit('CREATE', configMap(0), null);
    attribution.changed(configMaps, configMap(11), false);
    await look();
    admit('UPDATE', configMap(11, { data: { key: 'b' } }), configMap(11));
    attribution.changed(configMaps, configMap(12, { data: { key: 'b' } }), false);
    expect(await look()).toEqual([]);
    attribution.changed(configMaps, configMap(13), false);
    expect(await look()).toEqual(['x other-content 13']);
    // The next admitted change repairs it, and what was there stays until it was reported.
    admit('UPDATE', configMap(13, { data: { key: 'c' } }), configMap(13));
    attribution.changed(configMaps, configMap(14, { data: { key: 'c' } }), false);
    expect(await look()).toEqual(['x other-content 13']);
    attribution.reported(attribution.problems());
    expect(await look()).toEqual([]);
  });

  test('a lying node that shows no body of what it attested is found out after a while', async () => {
    admit('CREATE', configMap(0), null);
    isShown = false;
    attribution.changed(configMaps, configMap(11), false);
    expect(await look(19_000)).toEqual([]);
    expect(await look(2_000)).toEqual(['x content-withheld 11']);
  });

  test('an object that is gone without a record of its deletion is found, until that is accepted', async () => {
    admit('CREATE', configMap(0), null);
    attribution.changed(configMaps, configMap(11), false);
    await look();
    attribution.changed(configMaps, configMap(12), true);
    expect(await look()).toEqual(['x deleted 12']);
    attribution.reported(attribution.problems());
    expect(await look()).toEqual(['x deleted 12']);
    accepted = 12n;
    expect(await look()).toEqual([]);
  });

  test('a recorded deletion is in order, and so is that of what had an owner', async () => {
    admit('CREATE', configMap(0), null);
    admit('DELETE', null, configMap(11));
    attribution.listed(configMaps, [configMap(9, { name: 'owned', metadata: { ownerReferences: [{ uid: 'u' }] } })]);
    attribution.changed(configMaps, configMap(11), false);
    attribution.changed(configMaps, configMap(12), true);
    await look();
    attribution.listed(configMaps, []);
    expect(await look()).toEqual([]);
  });

  test('what the control plane writes under an exclusion is in order, its name elsewhere is not', async () => {
    attribution.listed(configMaps, [
      configMap(11, { name: 'kube-root-ca.crt' }),
      configMap(12, { name: 'kube-root-ca' }),
    ]);
    expect(await look()).toEqual(['kube-root-ca no-record 12']);
  });

  test('after an absence everything that happened meanwhile is compared with the log', async () => {
    admit('CREATE', configMap(0), null);
    admit('UPDATE', configMap(11, { data: { key: 'b' } }), configMap(11));
    attribution.listed(configMaps, [
      configMap(20, { data: { key: 'b' } }),
      configMap(21, { name: 'a' }),
      configMap(22, { name: 'b' }),
    ]);
    expect(await look()).toEqual(['a no-record 21', 'b no-record 22']);
    expect(attribution.throughVersion).toBe('22');
    expect(attribution.counts.compared).toBe(3);
  });
});
