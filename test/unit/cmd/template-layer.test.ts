import { expect, test } from 'vitest';
import { templateLayer } from '../../../cmd/kubectl-chain/template-layer.ts';
import type { JsonObject } from '../../../src/types/json.ts';

const webhooks = (name: string, apiGroups: readonly string[], resources: readonly string[]): JsonObject => ({
  metadata: { name },
  webhooks: [{ name: 'w', rules: [{ apiGroups, apiVersions: ['*'], operations: ['CREATE'], resources }] }],
});
const policy = (name: string, apiGroups: readonly string[], resources: readonly string[]): JsonObject => ({
  metadata: { name },
  spec: { matchConstraints: { resourceRules: [{ apiGroups, resources }] } },
});
const compared = { org: 'beta', observer: '3 of 3 resources watched; 3 hooks expected, 9 objects compared' };

/** The layer of a cluster that holds these. */
function of(configurations: readonly JsonObject[] | undefined, policies: readonly JsonObject[] = [], running = [compared]) {
  const list = async (path: string): Promise<readonly JsonObject[] | undefined> =>
    path.endsWith('/v1/mutatingwebhookconfigurations') ? configurations : path.includes('/v1beta1/') ? policies : [];
  return templateLayer(list, running);
} // prettier-ignore

test('where nobody changes Pods on their way they are compared with their owners', async () => {
  const layer = await of([webhooks('cert-manager', ['cert-manager.io'], ['*/*'])], [policy('x', ['apps'], ['deployments'])]);
  expect(layer).toMatchObject({ state: 'ok', required: false });
  expect(layer.found).toBe('pods, replicasets.apps, jobs.batch are compared with what their owners ask for');
  expect(layer.notCovered).toContain('for ten minutes after');
}); // prettier-ignore

test.each<[string, readonly JsonObject[], readonly JsonObject[], string]>([
  [
    'a webhook on pods',
    [webhooks('sidecar', [''], ['pods'])],
    [],
    'replicasets.apps, jobs.batch are compared with what their owners ask for; pods may be changed by sidecar',
  ],
  [
    'a policy on jobs, and a webhook on what belongs to pods',
    [webhooks('eviction', [''], ['pods/*'])],
    [policy('queue', ['batch'], ['jobs'])],
    'replicasets.apps are compared with what their owners ask for; pods may be changed by eviction; jobs.batch may be changed by queue',
  ],
  [
    'two webhooks on everything',
    [webhooks('b', ['*'], ['*']), webhooks('a', ['*'], ['*/*'])],
    [],
    'pods may be changed by a, b; replicasets.apps may be changed by a, b; jobs.batch may be changed by a, b',
  ],
])('%s: says where the comparison stops, and by whom', async (_what, configurations, policies, found) => {
  const layer = await of(configurations, policies);
  expect(layer).toMatchObject({ state: 'missing', required: false, found });
  expect(layer.notCovered).toContain('run something else than an approved owner asks for');
});

test('a node that is told not to compare is named', async () => {
  const told = { org: 'gamma', observer: '9 objects compared, templates not compared (podsRewritten), no canary' };
  expect(await of([], [], [compared, told])).toMatchObject({
    state: 'missing',
    found:
      'pods, replicasets.apps, jobs.batch are compared with what their owners ask for; not compared by gamma, as their nodes are told (podsRewritten)',
  });
});

test('what cannot be read is not called sound', async () => {
  expect(await of(undefined)).toMatchObject({ state: 'unknown', found: expect.stringContaining('cannot be read') });
});
