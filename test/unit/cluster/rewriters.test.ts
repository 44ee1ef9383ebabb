import { expect, test } from 'vitest';
import { Rewriters } from '../../../src/cluster/rewriters.ts';
import type { Json, JsonObject } from '../../../src/types/json.ts';

const webhook = (apiGroups: readonly string[], resources: readonly string[]): Json => ({
  webhooks: [{ name: 'w', rules: [{ apiGroups, apiVersions: ['*'], operations: ['CREATE'], resources }] }],
});
const policy = (apiGroups: readonly string[], resources: readonly string[]): Json => ({
  spec: { matchConstraints: { resourceRules: [{ apiGroups, resources }] } },
});

/** What the API server holds. */
function cluster(webhooks: readonly Json[], policies?: readonly Json[]) {
  const state = { webhooks, nowMs: 0, looks: 0 };
  const get = async (path: string): Promise<JsonObject | undefined> => {
    state.looks += 1;
    if (path.endsWith('/mutatingwebhookconfigurations')) return { items: state.webhooks } as JsonObject;
    // Some clusters serve them in an earlier version only.
    const isServed = policies !== undefined && path.includes('/v1beta1/');
    return isServed ? ({ items: policies } as JsonObject) : undefined;
  };
  return { state, rewriters: new Rewriters({ get }, () => state.nowMs) };
}

test.each<[string, readonly Json[], readonly Json[] | undefined, boolean]>([
  ['nothing', [], undefined, false],
  ['a webhook on pods', [webhook([''], ['pods'])], undefined, true],
  ['a webhook on everything', [webhook(['*'], ['*'])], undefined, true],
  ['a webhook on pods and their subresources', [webhook([''], ['pods/*'])], undefined, true],
  [
    'a webhook on other resources',
    [webhook([''], ['services']), webhook(['cert-manager.io'], ['*/*'])],
    undefined,
    false,
  ],
  ['a policy on pods', [], [policy([''], ['pods'])], true],
  ['a policy on other resources', [], [policy(['apps'], ['deployments'])], false],
])('with %s, pods may be changed when they are made: %#', async (_what, webhooks, policies, isRewritten) => {
  expect(await cluster(webhooks, policies).rewriters.isRewritten('', 'pods')).toBe(isRewritten);
});

test('one that was removed lately still counts, and many questions are one look', async () => {
  const { state, rewriters } = cluster([webhook([''], ['pods'])]);
  await Promise.all(Array.from({ length: 9 }, () => rewriters.isRewritten('', 'pods')));
  // One a kind and version.
  expect(state.looks).toBe(4);
  state.webhooks = [];
  state.nowMs = 300_000;
  expect(await rewriters.isRewritten('', 'pods')).toBe(true);
  state.nowMs = 601_000;
  expect(await rewriters.isRewritten('', 'pods')).toBe(false);
});
