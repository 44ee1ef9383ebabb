import type { Recorded, Row } from '../row.ts';
import { startSideServer } from '../../side-server.ts';
import { has, hasCondition, isGone, isThere, type Stage } from '../stage.ts';
import { JSON_PATCH, MERGE_PATCH } from './manifests.ts';

const CRDS = 'apiextensions.k8s.io/v1/customresourcedefinitions';
/** One group a row, so that rows do not share a kind. */
const INSTANCES = '/apis/$.example.org/v1/namespaces/$/widgets';

const definitionRecord = (operation: Recorded['operation']): Recorded => ({
  operation,
  resource: CRDS,
  name: 'widgets.$.example.org',
  namespace: '',
});
const widget = (operation: Recorded['operation'], version = 'v1', rest: Partial<Recorded> = {}): Recorded => ({
  operation,
  resource: `$.example.org/${version}/widgets`,
  ...rest,
});

export const DEFINITIONS: readonly Row[] = [
  {
    id: 'crd',
    what: 'a CustomResourceDefinition made, changed and removed',
    change: async (s) => {
      const path = `/apis/${CRDS}/widgets.$.example.org`;
      const attempts = [await s.given(['create', '-f', '-'], definition(s.ns))];
      await s.effect(path, hasCondition('Established', 'True'));
      attempts.push(
        await s.kubectl(['annotate', 'crd', `widgets.${s.ns}.example.org`, 'note=x']),
        await s.kubectl(['delete', 'crd', `widgets.${s.ns}.example.org`]),
      );
      await s.effect(path, isGone);
      return attempts;
    },
    records: [definitionRecord('CREATE'), definitionRecord('UPDATE'), definitionRecord('DELETE')],
    refused: [definitionRecord('CREATE')],
    note: 'conditions, finalizer and APIService are written by the API server itself',
  },
  {
    id: 'crd-delete',
    voted: true,
    what: 'a CustomResourceDefinition with instances removed',
    prepare: async (s) => {
      await defined(s);
      await s.makeIn(s.ns, instance(s.ns, 'v1', 'x'), instance(s.ns, 'v1', 'y'));
    },
    change: async (s) => {
      const attempt = await s.kubectl(['delete', 'crd', `widgets.${s.ns}.example.org`]);
      await s.effect('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.$.example.org', isGone);
      return [attempt];
    },
    records: [definitionRecord('DELETE')],
    note: 'it counts as the DELETE of all instances, about which nobody is asked',
  },
  {
    id: 'instances',
    what: 'custom resources in two versions: made, changed, their status, their scale, removed',
    prepare: defined,
    change: async (s) => [
      await s.raw('POST', INSTANCES, { body: instance(s.ns, 'v1', 'x') }),
      await s.raw('POST', INSTANCES.replace('/v1/', '/v1beta1/'), { body: instance(s.ns, 'v1beta1', 'y') }),
      await s.raw('PATCH', `${INSTANCES}/y`, { contentType: MERGE_PATCH, body: { spec: { size: 3 } } }),
      await s.raw('PATCH', `${INSTANCES}/x/status`, { contentType: MERGE_PATCH, body: { status: { replicas: 3 } } }),
      await s.raw('PATCH', `${INSTANCES}/x/scale`, { contentType: MERGE_PATCH, body: { spec: { replicas: 5 } } }),
      await s.raw('DELETE', `${INSTANCES.replace('/v1/', '/v1beta1/')}/x`),
    ],
    records: [
      widget('CREATE'),
      widget('CREATE', 'v1beta1', { name: 'y' }),
      widget('UPDATE', 'v1', { name: 'y' }),
      { ...widget('UPDATE'), resource: '$.example.org/v1/widgets/status' },
      { ...widget('UPDATE'), resource: '$.example.org/v1/widgets/scale' },
      widget('DELETE', 'v1beta1'),
    ],
    refused: [widget('CREATE'), widget('CREATE', 'v1beta1', { name: 'y' })],
    note: 'in the version that was used; a policy matches by group and resource',
  },
  {
    id: 'storage-version',
    what: 'another storage version of a CustomResourceDefinition, and its instances written anew',
    prepare: async (s) => {
      await defined(s);
      await s.makeIn(s.ns, instance(s.ns, 'v1', 'x'));
    },
    change: async (s) => {
      const patch = [
        { op: 'replace', path: '/spec/versions/0/storage', value: false },
        { op: 'replace', path: '/spec/versions/1/storage', value: true },
      ];
      const changed = await s.raw('PATCH', `/apis/${CRDS}/widgets.$.example.org`, {
        contentType: JSON_PATCH,
        body: patch,
      });
      // The API server adds the version to those that may be stored, and serves the resource from a new cache.
      await s.effect(`/apis/${CRDS}/widgets.$.example.org`, has(['v1', 'v1beta1'], 'status', 'storedVersions'));
      return [
        changed,
        await s.raw('PATCH', `${INSTANCES}/x`, { contentType: MERGE_PATCH, body: { spec: { size: 4 } } }),
      ];
    },
    records: [definitionRecord('UPDATE'), widget('UPDATE')],
    note: 'a policy on the instances matches what is done to the spec of their definition',
  },
  {
    id: 'aggregated',
    what: 'a write through an aggregated API',
    prepare: aggregate,
    change: async (s) => [
      await s.raw('POST', '/apis/$.example.net/v1/namespaces/$/things', {
        body: { apiVersion: `${s.ns}.example.net/v1`, kind: 'Thing', metadata: { name: 'x' } },
      }),
    ],
    records: [],
    note: 'the server behind it answers for what it stores: it must ask our webhooks itself. The APIService is recorded',
  },
  {
    id: 'apiservice',
    what: 'an APIService (an aggregated API) made and removed',
    change: async (s) => {
      const path = '/apis/apiregistration.k8s.io/v1/apiservices/v1.$.example.org';
      const made = await s.given(['create', '-f', '-'], {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: `v1.${s.ns}.example.org` },
        spec: { group: `${s.ns}.example.org`, version: 'v1', groupPriorityMinimum: 10, versionPriority: 10 },
      });
      await s.effect(path, hasCondition('Available'));
      return [made, await s.raw('DELETE', path)];
    },
    records: (['CREATE', 'DELETE'] as const).map((operation) => ({
      operation,
      resource: 'apiregistration.k8s.io/v1/apiservices',
      name: 'v1.$.example.org',
      namespace: '',
    })),
    refused: [
      {
        operation: 'CREATE',
        resource: 'apiregistration.k8s.io/v1/apiservices',
        name: 'v1.$.example.org',
        namespace: '',
      },
    ],
  },
];

/** An API that a server of somebody else's answers. */
async function aggregate(stage: Stage): Promise<void> {
  const group = `${stage.ns}.example.net`;
  const verbs = ['create', 'get', 'list'];
  const server = await startSideServer(({ method, path, body }) => {
    if (method === 'POST') return { status: 201, body };
    if (!path.startsWith(`/apis/${group}/v1`)) return { status: 404, body: {} };
    const things = { name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs };
    return { body: { apiVersion: 'v1', kind: 'APIResourceList', groupVersion: `${group}/v1`, resources: [things] } };
  });
  await stage.make({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'things' },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  });
  await stage.make({
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `v1.${group}` },
    spec: {
      group,
      version: 'v1',
      service: { namespace: stage.ns, name: 'things', port: server.port },
      insecureSkipTLSVerify: true,
      groupPriorityMinimum: 10,
      versionPriority: 10,
    },
  });
  await stage.until(`/apis/apiregistration.k8s.io/v1/apiservices/v1.${group}`, hasCondition('Available', 'True'));
}

async function defined(stage: Stage): Promise<void> {
  await stage.make(definition(stage.ns));
  await stage.until(
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.$.example.org',
    hasCondition('Established', 'True'),
  );
  await stage.until(INSTANCES, isThere);
}

function definition(ns: string): object {
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: {
        spec: { type: 'object', properties: { size: { type: 'integer', default: 1 } } },
        status: { type: 'object', properties: { replicas: { type: 'integer' } } },
      },
    },
  };
  const subresources = {
    status: {},
    scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.replicas' },
  };
  const version = (name: string, storage: boolean) => ({ name, served: true, storage, schema, subresources });
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${ns}.example.org` },
    spec: {
      group: `${ns}.example.org`,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
      versions: [version('v1', true), version('v1beta1', false)],
    },
  };
}

function instance(ns: string, version: string, name: string): object {
  return { apiVersion: `${ns}.example.org/${version}`, kind: 'Widget', metadata: { name }, spec: { size: 2 } };
}
