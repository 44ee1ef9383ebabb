import type { Playground } from '../playground/playground.ts';
import { call, type ApiResult } from './objects.ts';

/** One way of getting more than was voted for. */
export interface Stretch {
  readonly what: string;
  /** Part of the name of its namespace. */
  readonly id: string;
  /** By the administrator, whom the policy leaves out. */
  readonly prepare?: readonly Request[];
  /** What is voted for. */
  readonly approved: Request;
  /** The same, and something more or something else. */
  readonly stretched: Readonly<Record<string, Request>>;
  /** The same change in other words, which may use the approval in the place of `approved`. */
  readonly same?: Request;
  /** It is used up when it is admitted: nobody can say later whether it was carried out. */
  readonly unobserved?: true;
}

/** In a path `$` stands for the namespace. */
export interface Request {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
}

const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const CM = '/api/v1/namespaces/$/configmaps';
const SERVICES = '/api/v1/namespaces/$/services';
const JOBS = '/apis/batch/v1/namespaces/$/jobs';
const PODS = '/api/v1/namespaces/$/pods';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/$/deployments';
const hpas = (version: string) => `/apis/autoscaling/${version}/namespaces/$/horizontalpodautoscalers`;

export function ask(playground: Playground, user: string, ns: string, request: Request): Promise<ApiResult> {
  const { path, ...init } = request;
  return call(playground, user, path.replaceAll('$', ns), init);
}

const post = (path: string, body: object): Request => ({ method: 'POST', path, body });
const patch = (path: string, body: object): Request => ({ method: 'PATCH', path, body, contentType: MERGE });
const remove = (path: string, options: object = {}): Request => ({
  method: 'DELETE',
  path,
  body: { apiVersion: 'v1', kind: 'DeleteOptions', ...options },
});

const configMap = (metadata: object = {}, data: object = { a: '1' }) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'x', ...metadata },
  data,
});
const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '00000000-0000-4000-8000-000000000000' };
/** Metadata that changes what becomes of an object. */
const METADATA: Readonly<Record<string, object>> = {
  'a finalizer': { finalizers: ['example.org/hold'] },
  'an owner that does not exist': { ownerReferences: [owner] },
  'a label': { labels: { app: 'web' } },
  'an annotation': { annotations: { note: 'x' } },
};
const eachMetadata = (request: (metadata: object) => Request): Record<string, Request> =>
  Object.fromEntries(Object.entries(METADATA).map(([what, metadata]) => [what, request(metadata)]));

const labels = { app: 'x' };
const podSpec = { containers: [{ name: 'main', image: 'first' }] };
const deployment = (spec: object = {}, container: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'x' },
  spec: {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'first', ...container }] } },
    ...spec,
  },
});
const service = (spec: object = {}, port: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'x' },
  spec: { type: 'NodePort', selector: labels, ports: [{ port: 80, ...port }], ...spec },
});
const job = (spec: object = {}, metadata: object = {}) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'x' },
  spec: { template: { metadata, spec: { ...podSpec, restartPolicy: 'Never' } }, ...spec },
});
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: podSpec };
const autoscaler = (version: string, maxReplicas = 2) => ({
  apiVersion: `autoscaling/${version}`,
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'x' },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' }, maxReplicas },
});
const eviction = (deleteOptions?: object) => ({
  apiVersion: 'policy/v1',
  kind: 'Eviction',
  metadata: { name: 'x' },
  ...(deleteOptions && { deleteOptions }),
});

export const STRETCHES: readonly Stretch[] = [
  {
    id: 'create',
    what: 'metadata beside a CREATE',
    approved: post(CM, configMap()),
    stretched: eachMetadata((metadata) => post(CM, configMap(metadata))),
  },
  {
    id: 'update',
    what: 'metadata beside an UPDATE',
    prepare: [post(CM, configMap())],
    approved: patch(`${CM}/x`, { data: { a: '2' } }),
    stretched: eachMetadata((metadata) => patch(`${CM}/x`, { data: { a: '2' }, metadata })),
  },
  {
    id: 'delete',
    what: 'options of a DELETE',
    prepare: [post(CM, configMap())],
    approved: remove(`${CM}/x`),
    stretched: {
      orphan: remove(`${CM}/x`, { propagationPolicy: 'Orphan' }),
      foreground: remove(`${CM}/x`, { propagationPolicy: 'Foreground' }),
      'grace period': remove(`${CM}/x`, { gracePeriodSeconds: 0 }),
    },
  },
  {
    id: 'precondition',
    what: 'a DELETE with a precondition, which only narrows it',
    prepare: [post(CM, configMap()), post(CM, configMap({ name: 'y' }))],
    approved: remove(`${CM}/x`),
    stretched: { 'another object': remove(`${CM}/y`) },
    // Nothing that it could not have been asked for.
    same: remove(`${CM}/x`, { preconditions: {} }),
  },
  {
    id: 'manager',
    what: 'another tool and field manager, which are the same change',
    prepare: [post(CM, configMap({}, { a: '1' }))],
    approved: patch(`${CM}/x`, { data: { a: '2' } }),
    stretched: { 'another value': patch(`${CM}/x`, { data: { a: '3' } }) },
    same: {
      method: 'PATCH',
      path: `${CM}/x?fieldManager=other&force=true`,
      contentType: APPLY,
      body: configMap({}, { a: '2' }),
    },
  },
  {
    id: 'scale',
    what: 'another door to the same field',
    prepare: [post(DEPLOYMENTS, deployment())],
    approved: patch(`${DEPLOYMENTS}/x/scale`, { spec: { replicas: 3 } }),
    stretched: {
      'the object itself': patch(`${DEPLOYMENTS}/x`, { spec: { replicas: 3 } }),
      'its status': patch(`${DEPLOYMENTS}/x/status`, { status: { replicas: 3 } }),
    },
  },
  {
    id: 'status',
    what: 'metadata beside a status',
    prepare: [post(DEPLOYMENTS, deployment())],
    approved: patch(`${DEPLOYMENTS}/x/status`, { status: { replicas: 3 } }),
    stretched: {
      'an annotation': patch(`${DEPLOYMENTS}/x/status`, {
        status: { replicas: 3 },
        metadata: { annotations: { note: 'x' } },
      }),
      'a finalizer': patch(`${DEPLOYMENTS}/x/status`, {
        status: { replicas: 3 },
        metadata: { finalizers: ['example.org/hold'] },
      }),
    },
  },
  {
    id: 'eviction',
    what: 'an eviction',
    prepare: [post(PODS, pod)],
    approved: post(`${PODS}/x/eviction`, eviction()),
    stretched: {
      'a DELETE': remove(`${PODS}/x`),
      'without grace': post(`${PODS}/x/eviction`, eviction({ gracePeriodSeconds: 0 })),
      'leaving dependents': post(`${PODS}/x/eviction`, eviction({ propagationPolicy: 'Orphan' })),
    },
    unobserved: true,
  },
  {
    id: 'version',
    what: 'another version of the API, of a CREATE',
    approved: post(hpas('v2'), autoscaler('v2')),
    stretched: { v1: post(hpas('v1'), autoscaler('v1')) },
  },
  {
    id: 'version-update',
    what: 'another version of the API, of an UPDATE',
    prepare: [post(hpas('v2'), autoscaler('v2'))],
    approved: patch(`${hpas('v1')}/x`, { spec: { maxReplicas: 3 } }),
    stretched: { v2: patch(`${hpas('v2')}/x`, { spec: { maxReplicas: 3 } }) },
  },
  {
    id: 'service',
    what: 'what the server would have chosen',
    approved: post(SERVICES, service()),
    stretched: {
      'an address': post(SERVICES, service({ clusterIP: '10.0.0.77' })),
      'no address': post(SERVICES, service({ type: 'ClusterIP', clusterIP: 'None' })),
      'a port of the nodes': post(SERVICES, service({}, { nodePort: 30_077 })),
      'an external address': post(SERVICES, service({ externalIPs: ['192.0.2.1'] })),
    },
  },
  {
    id: 'job',
    what: 'the selector of a Job',
    approved: post(JOBS, job()),
    stretched: {
      'a selector': post(
        JOBS,
        job({ manualSelector: true, selector: { matchLabels: { app: 'other' } } }, { labels: { app: 'other' } }),
      ),
      'another label': post(JOBS, job({}, { labels: { app: 'other' } })),
      suspended: post(JOBS, job({ suspend: true })),
    },
  },
  {
    id: 'generated',
    what: 'a generated name',
    approved: post(CM, configMap({ name: undefined, generateName: 'x-' })),
    stretched: {
      'another beginning': post(CM, configMap({ name: undefined, generateName: 'x-y-' })),
      'a name': post(CM, configMap({ name: 'x-chosen' })),
    },
    unobserved: true,
  },
  {
    id: 'defaults',
    what: 'defaults in words, which are the same change',
    approved: post(DEPLOYMENTS, deployment()),
    stretched: {
      'another value': post(DEPLOYMENTS, deployment({ revisionHistoryLimit: 9 })),
      privileged: post(DEPLOYMENTS, deployment({}, { securityContext: { privileged: true } })),
    },
    same: post(DEPLOYMENTS, deployment({ replicas: 1, revisionHistoryLimit: 10 }, { imagePullPolicy: 'Always' })),
  },
];
