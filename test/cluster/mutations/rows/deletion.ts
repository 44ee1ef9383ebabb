import type { Followed, Recorded, Row } from '../row.ts';
import { hasCondition, isAvailable, isGone, isThere, type Stage } from '../stage.ts';
import { configMap, MERGE_PATCH, secret, workload } from './manifests.ts';

const DEPLOYMENT = '/apis/apps/v1/namespaces/$/deployments/x';
const CM = '/api/v1/namespaces/$/configmaps';
const SECRETS = '/api/v1/namespaces/$/secrets';
const deleted = { operation: 'DELETE', resource: 'v1/configmaps' } as const;
const secrets: readonly Recorded[] = ['x', 'y'].map((name) => ({
  operation: 'DELETE',
  resource: 'v1/secrets',
  name,
}));
const twoSecrets = (stage: Stage) => stage.make(secret('x', { set: 'one' }), secret('y', { set: 'one' }));

const collected = (resource: string, operation: 'DELETE' | 'UPDATE' = 'DELETE'): Followed => ({
  operation,
  resource,
  by: 'generic-garbage-collector',
  objects: 1,
});
const COLLECTED: Readonly<Record<string, readonly Followed[]>> = {
  background: [collected('apps/v1/replicasets'), collected('v1/pods')],
  foreground: [collected('apps/v1/replicasets'), collected('v1/pods'), collected('apps/v1/deployments', 'UPDATE')],
  orphan: [collected('apps/v1/replicasets', 'UPDATE'), collected('apps/v1/deployments', 'UPDATE')],
};

const cascade = (policy: 'background' | 'foreground' | 'orphan'): Row => ({
  id: `delete-${policy}`,
  what: `\`kubectl delete deployment --cascade=${policy}\`, until its children are gone${policy === 'orphan' ? ' their own way' : ''}`,
  prepare: async (s) => {
    await s.make(workload('Deployment', 'x'));
    await s.until(DEPLOYMENT, isAvailable(1));
  },
  change: async (s) => {
    const attempt = await s.kubectl(['delete', 'deployment', 'x', `--cascade=${policy}`]);
    await s.effect(DEPLOYMENT, isGone);
    await s.effect('/apis/apps/v1/namespaces/$/replicasets', (list) => {
      const { items } = list as unknown as { items: { metadata: { ownerReferences?: unknown[] } }[] };
      return policy === 'orphan'
        ? items.length === 1 && items[0]?.metadata.ownerReferences === undefined
        : items.length === 0;
    });
    return [attempt];
  },
  records: [{ operation: 'DELETE', resource: 'apps/v1/deployments' }],
  follows: COLLECTED[policy] ?? [],
  note: "what the garbage collector does of it counts as the owner's",
});

/** A namespace of the row's own with something in it, called like the row's with an end. */
async function withNamespace(stage: Stage): Promise<void> {
  const name = `${stage.ns}-in`;
  await stage.make({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await stage.until('/api/v1/namespaces/$-in/serviceaccounts/default', isThere);
  await stage.makeIn(name, workload('Deployment', 'x'), configMap('x'), secret('x'));
  await stage.until('/apis/apps/v1/namespaces/$-in/deployments/x', isAvailable(1));
}

export const DELETION: readonly Row[] = [
  cascade('background'),
  { ...cascade('foreground'), voted: true },
  cascade('orphan'),
  {
    id: 'preconditions',
    what: 'DELETE with preconditions that hold, and that do not',
    prepare: (s) => s.make(configMap('x'), configMap('y')),
    change: async (s) => {
      const uid = (await s.get(`${CM}/x`))?.metadata?.uid;
      const options = (preconditions: object) => ({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions });
      const held = await s.raw('DELETE', `${CM}/x`, { body: options({ uid }) });
      if (s.isGoverned) return [held];
      // The API server compares before it asks a webhook.
      const failed = await s.raw('DELETE', `${CM}/y`, { body: options({ uid }) });
      const stale = await s.raw('DELETE', `${CM}/y`, { body: options({ resourceVersion: '1' }) });
      return [
        held,
        { ok: !failed.ok && /does not match the UID in record/.test(failed.said), said: failed.said },
        { ok: !stale.ok && /ResourceVersion in the precondition/.test(stale.said), said: stale.said },
      ];
    },
    records: [deleted],
  },
  {
    id: 'delete-all',
    what: '`kubectl delete --all`',
    prepare: twoSecrets,
    change: async (s) => [await s.kubectl(['delete', 'secrets', '--all'])],
    records: secrets,
    note: 'kubectl deletes one by one',
  },
  {
    id: 'delete-selected',
    what: '`kubectl delete -l`',
    prepare: twoSecrets,
    change: async (s) => [await s.kubectl(['delete', 'secrets', '--selector=set=one'])],
    records: secrets,
  },
  {
    id: 'collection',
    what: 'deletecollection',
    prepare: twoSecrets,
    change: async (s) => {
      const attempt = await s.raw('DELETE', `${SECRETS}?labelSelector=set%3Done`);
      await s.effect(`${SECRETS}/x`, isGone);
      await s.effect(`${SECRETS}/y`, isGone);
      return [attempt];
    },
    records: secrets,
    // Several are deleted at once, and the first refusal ends it.
    refused: [{ operation: 'DELETE', resource: 'v1/secrets', name: '*', times: [1, 2] }],
    note: 'one record an object, though the request names none',
  },
  {
    id: 'collection-all',
    what: 'deletecollection without a selector',
    prepare: twoSecrets,
    change: async (s) => {
      const attempt = await s.raw('DELETE', SECRETS);
      await s.effect(`${SECRETS}/x`, isGone);
      await s.effect(`${SECRETS}/y`, isGone);
      return [attempt];
    },
    records: secrets,
    refused: [{ operation: 'DELETE', resource: 'v1/secrets', name: '*', times: [1, 2] }],
  },
  {
    id: 'finalizer-add',
    what: 'a finalizer added, and one of two removed',
    prepare: (s) => s.make({ ...configMap('x'), metadata: { name: 'x', finalizers: ['example.org/one'] } }),
    change: async (s) => [
      await finalizers(s, ['example.org/one', 'example.org/two']),
      await finalizers(s, ['example.org/two']),
      await finalizers(s, []),
    ],
    records: [{ operation: 'UPDATE', resource: 'v1/configmaps', times: 3 }],
    refused: [{ operation: 'UPDATE', resource: 'v1/configmaps', times: 3 }],
  },
  {
    id: 'finalizer-last',
    voted: true,
    what: 'the last finalizer of a terminating object removed: it vanishes',
    prepare: async (s) => {
      await s.make({ ...configMap('x'), metadata: { name: 'x', finalizers: ['example.org/hold'] } });
      await s.admin(['delete', 'configmap', 'x', '--wait=false']);
    },
    change: async (s) => {
      const attempt = await finalizers(s, []);
      await s.effect(`${CM}/x`, isGone);
      return [attempt];
    },
    records: [{ operation: 'UPDATE', resource: 'v1/configmaps' }],
    note: 'no DELETE',
  },
  {
    id: 'again',
    what: 'DELETE of a terminating object',
    prepare: async (s) => {
      await s.make({ ...configMap('x'), metadata: { name: 'x', finalizers: ['example.org/hold'] } });
      await s.admin(['delete', 'configmap', 'x', '--wait=false']);
    },
    change: async (s) => [await s.raw('DELETE', `${CM}/x`), await s.raw('DELETE', `${CM}/x`)],
    records: [{ ...deleted, times: 2 }],
    refused: [deleted],
  },
  {
    id: 'owned',
    voted: true,
    what: 'DELETE of an owner: the garbage collector removes its dependents',
    prepare: async (s) => {
      await s.make(configMap('x'));
      const uid = (await s.get(`${CM}/x`))?.metadata?.uid;
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid }];
      await s.make({ ...configMap('y'), metadata: { name: 'y', ownerReferences } });
    },
    change: async (s) => {
      const attempt = await s.kubectl(['delete', 'configmap', 'x']);
      await s.effect(`${CM}/y`, isGone);
      return [attempt];
    },
    records: [deleted],
    follows: [collected('v1/configmaps')],
  },
  {
    id: 'namespace',
    voted: true,
    what: '`kubectl delete namespace` with a Deployment, a ConfigMap and a Secret in it',
    prepare: withNamespace,
    change: async (s) => [await s.kubectl(['delete', 'namespace', `${s.ns}-in`])],
    records: [{ operation: 'DELETE', resource: 'v1/namespaces', name: '$-in', namespace: '$-in' }],
    follows: (['apps/v1/deployments', 'v1/secrets', 'v1/serviceaccounts'] as const).map((resource) => ({
      operation: 'DELETE',
      resource,
      namespace: '$-in',
      by: 'namespace-controller',
      objects: 1,
    })),
    note: "it counts as the DELETE of everything in it, which is the namespace controller's",
  },
  {
    id: 'finalize',
    voted: true,
    what: 'PUT of `namespaces/finalize`',
    prepare: async (s) => {
      const name = `${s.ns}-in`;
      await s.make({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      await s.makeIn(name, { ...configMap('x'), metadata: { name: 'x', finalizers: ['example.org/hold'] } });
      await s.admin(['delete', 'namespace', name, '--wait=false']);
      // The namespace controller has written down what it waits for.
      await s.until('/api/v1/namespaces/$-in', hasCondition('NamespaceContentRemaining', 'True'));
      await s.until('/api/v1/namespaces/$-in', hasCondition('NamespaceFinalizersRemaining', 'True'));
    },
    change: async (s) => {
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${s.ns}-in` }, spec: { finalizers: [] } };
      const attempt = await s.raw('PUT', '/api/v1/namespaces/$-in/finalize', { body });
      await s.effect('/api/v1/namespaces/$-in', isGone);
      return [attempt];
    },
    records: [{ operation: 'UPDATE', resource: 'v1/namespaces/finalize', name: '$-in', namespace: '$-in' }],
    note: 'removes the namespace at once and leaves its objects behind',
  },
];

function finalizers(stage: Stage, list: readonly string[]) {
  return stage.raw('PATCH', `${CM}/x`, { contentType: MERGE_PATCH, body: { metadata: { finalizers: list } } });
}
