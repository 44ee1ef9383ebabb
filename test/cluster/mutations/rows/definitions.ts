import type { Recorded, Row } from '../row.ts';
import { isGone, isThere, type Stage } from '../stage.ts';
import { MERGE_PATCH } from './manifests.ts';

const CRDS = 'apiextensions.k8s.io/v1/customresourcedefinitions';
/** One group a row, so that rows do not share a kind. */
const INSTANCES = '/apis/$.example.org/v1/namespaces/$/widgets';

const definitionRecord = (operation: Recorded['operation']): Recorded => ({
  operation,
  resource: CRDS,
  name: 'widgets.$.example.org',
  namespace: '',
  ...(operation !== 'CREATE' && { contended: true }),
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
      await s.effect(path, isEstablished);
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
      // The status of the same object was written a moment before.
      { ...widget('UPDATE'), resource: '$.example.org/v1/widgets/scale', contended: true },
      widget('DELETE', 'v1beta1', { contended: true }),
    ],
    refused: [widget('CREATE'), widget('CREATE', 'v1beta1', { name: 'y' })],
    note: 'in the version that was used; a policy matches by group and resource',
  },
  {
    id: 'apiservice',
    what: 'an APIService (an aggregated API) made and removed',
    change: async (s) => [
      await s.given(['create', '-f', '-'], {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: `v1.${s.ns}.example.org` },
        spec: { group: `${s.ns}.example.org`, version: 'v1', groupPriorityMinimum: 10, versionPriority: 10 },
      }),
      await s.raw('DELETE', '/apis/apiregistration.k8s.io/v1/apiservices/v1.$.example.org'),
    ],
    records: (['CREATE', 'DELETE'] as const).map((operation) => ({
      operation,
      resource: 'apiregistration.k8s.io/v1/apiservices',
      name: 'v1.$.example.org',
      namespace: '',
      ...(operation !== 'CREATE' && { contended: true }),
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

async function defined(stage: Stage): Promise<void> {
  await stage.make(definition(stage.ns));
  await stage.until('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.$.example.org', isEstablished);
  await stage.until(INSTANCES, isThere);
}

function isEstablished(object: unknown): boolean {
  const { status } = (object ?? {}) as { status?: { conditions?: { type: string; status: string }[] } };
  return status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True') ?? false;
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
