import type { Followed, Row } from '../row.ts';
import { has, isAvailable, isGone, isThere, type Stage } from '../stage.ts';
import { MERGE_PATCH, podSpec, workload } from './manifests.ts';

const DEPLOYMENT = '/apis/apps/v1/namespaces/$/deployments/x';
const updated = { operation: 'UPDATE', resource: 'apps/v1/deployments' } as const;
/** So many ReplicaSets and Pods of one Deployment, those of its preparation included. */
const ofDeployment = (sets: number, pods: Followed['objects']): readonly Followed[] => [
  {
    operation: 'CREATE',
    resource: 'apps/v1/replicasets',
    by: 'deployment-controller',
    objects: sets,
    origin: ['Deployment'],
  },
  {
    operation: 'CREATE',
    resource: 'v1/pods',
    by: 'replicaset-controller',
    objects: pods,
    origin: ['ReplicaSet', 'Deployment'],
  },
  { operation: 'UPDATE', resource: 'apps/v1/deployments/status', by: 'deployment-controller', objects: 1 },
];
/** The second ReplicaSet is there, and the Pod of the first one gone. */
const rolledOut: readonly Followed[] = [
  ...ofDeployment(2, 2),
  {
    operation: 'UPDATE',
    resource: 'apps/v1/replicasets',
    by: 'deployment-controller',
    objects: [1, 2],
    origin: ['Deployment'],
  },
  {
    operation: 'DELETE',
    resource: 'v1/pods',
    by: 'replicaset-controller',
    objects: 1,
    origin: ['ReplicaSet', 'Deployment'],
  },
];
async function deployed(stage: Stage): Promise<void> {
  await stage.make(workload('Deployment', 'x', { replicas: 1 }));
  await stage.until(DEPLOYMENT, isAvailable(1));
}

/** A change of the Deployment, until its controllers have carried it out: their ReplicaSets and Pods are not recorded. */
const rollout = (id: string, what: string, args: readonly string[], prepare = deployed): Row => ({
  id,
  what,
  prepare,
  change: async (s) => {
    const attempt = await s.kubectl(args);
    await s.effect(DEPLOYMENT, isAvailable(1));
    return [attempt];
  },
  records: [updated],
  follows: rolledOut,
});

export const WORKLOADS: readonly Row[] = [
  {
    id: 'deployment',
    voted: true,
    what: '`kubectl create deployment`, until its pods are available',
    change: async (s) => {
      const attempt = await s.kubectl(['create', 'deployment', 'x', '--image=first', '--replicas=2']);
      await s.effect(DEPLOYMENT, isAvailable(2));
      return [attempt];
    },
    records: [{ operation: 'CREATE', resource: 'apps/v1/deployments' }],
    follows: ofDeployment(1, 2),
    note: "ReplicaSets, Pods, bindings and status are the control plane's own",
  },
  { ...rollout('set-image', '`kubectl set image`', ['set', 'image', 'deployment/x', 'main=second']), voted: true },
  rollout('set-env', '`kubectl set env`', ['set', 'env', 'deployment/x', 'A=1']),
  {
    ...rollout('restart', '`kubectl rollout restart`', ['rollout', 'restart', 'deployment/x']),
    note: 'kubectl writes the time into the template, so a later call is another change',
  },
  {
    ...rollout('undo', '`kubectl rollout undo`', ['rollout', 'undo', 'deployment/x'], async (s) => {
      await deployed(s);
      await s.admin(['set', 'image', 'deployment/x', 'main=second']);
      await s.until(DEPLOYMENT, isAvailable(1));
    }),
    follows: ofDeployment(2, 3),
  },
  {
    id: 'pause',
    what: '`kubectl rollout pause`, `resume`',
    prepare: deployed,
    change: async (s) => {
      const paused = await s.kubectl(['rollout', 'pause', 'deployment/x']);
      // Its controller writes down that it saw it.
      await s.effect(DEPLOYMENT, isAvailable(1));
      return [paused, await s.kubectl(['rollout', 'resume', 'deployment/x'])];
    },
    records: [{ ...updated, times: 2 }],
    refused: [updated],
  },
  {
    id: 'scale',
    voted: true,
    what: '`kubectl scale`',
    prepare: deployed,
    change: async (s) => {
      const attempt = await s.kubectl(['scale', 'deployment/x', '--replicas=2']);
      await s.effect(DEPLOYMENT, isAvailable(2));
      return [attempt];
    },
    records: [{ ...updated, resource: 'apps/v1/deployments/scale' }],
    follows: ofDeployment(1, 2),
    note: 'no record of `deployments`',
  },
  {
    id: 'autoscale',
    what: '`kubectl autoscale`; a HorizontalPodAutoscaler in its first version',
    prepare: deployed,
    change: async (s) => {
      const first = await s.kubectl(['autoscale', 'deployment/x', '--min=2', '--max=3']);
      const second = await s.raw('POST', '/apis/autoscaling/v1/namespaces/$/horizontalpodautoscalers', {
        body: {
          apiVersion: 'autoscaling/v1',
          kind: 'HorizontalPodAutoscaler',
          metadata: { name: 'y' },
          spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' }, maxReplicas: 2 },
        },
      });
      // It has fewer than asked for: that needs no metrics.
      await s.effect(DEPLOYMENT, isAvailable(2));
      return [first, second];
    },
    records: [
      { operation: 'CREATE', resource: 'autoscaling/v2/horizontalpodautoscalers' },
      { operation: 'CREATE', resource: 'autoscaling/v1/horizontalpodautoscalers', name: 'y' },
    ],
    follows: [
      ...ofDeployment(1, 2),
      { operation: 'UPDATE', resource: 'apps/v1/deployments/scale', by: 'horizontal-pod-autoscaler', objects: 1 },
    ],
    note: 'in the version that was used',
  },
  {
    id: 'statefulset',
    voted: true,
    what: 'a StatefulSet with volumes, until its pod runs',
    prepare: (s) =>
      s.make({
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: s.ns },
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteOnce'],
          storageClassName: s.ns,
          hostPath: { path: '/none' },
        },
      }),
    change: async (s) => {
      const resources = { requests: { storage: '1Gi' } };
      const claim = { accessModes: ['ReadWriteOnce'], storageClassName: s.ns, resources };
      const volumeClaimTemplates = [{ metadata: { name: 'data' }, spec: claim }];
      const attempt = await s.given(
        ['create', '-f', '-'],
        workload('StatefulSet', 'x', { serviceName: 'x', volumeClaimTemplates }),
      );
      await s.effect('/apis/apps/v1/namespaces/$/statefulsets/x', has(1, 'status', 'availableReplicas'));
      return [attempt];
    },
    records: [{ operation: 'CREATE', resource: 'apps/v1/statefulsets' }],
    follows: [
      {
        operation: 'CREATE',
        resource: 'apps/v1/controllerrevisions',
        by: 'statefulset-controller',
        objects: 1,
        origin: ['StatefulSet'],
      },
      { operation: 'CREATE', resource: 'v1/pods', by: 'statefulset-controller', objects: 1, origin: ['StatefulSet'] },
      { operation: 'CREATE', resource: 'v1/persistentvolumeclaims', by: 'statefulset-controller', objects: 1 },
      { operation: 'UPDATE', resource: 'v1/persistentvolumeclaims', by: 'persistent-volume-binder', objects: 1 },
    ],
    note: 'claims, volumes, revisions and pods follow from it',
  },
  {
    id: 'daemonset',
    what: 'a DaemonSet, until its pods run',
    change: async (s) => {
      const attempt = await s.given(['create', '-f', '-'], workload('DaemonSet', 'x'));
      await s.effect('/apis/apps/v1/namespaces/$/daemonsets/x', (object) => {
        const status = object?.['status'] as { numberAvailable?: number } | undefined;
        return (status?.numberAvailable ?? 0) >= 2;
      });
      return [attempt];
    },
    records: [{ operation: 'CREATE', resource: 'apps/v1/daemonsets' }],
    follows: [
      {
        operation: 'CREATE',
        resource: 'apps/v1/controllerrevisions',
        by: 'daemon-set-controller',
        objects: 1,
        origin: ['DaemonSet'],
      },
      { operation: 'CREATE', resource: 'v1/pods', by: 'daemon-set-controller', objects: [2, 5], origin: ['DaemonSet'] },
    ],
  },
  {
    id: 'job',
    voted: true,
    what: '`kubectl create job`, until it is complete',
    change: async (s) => {
      const attempt = await s.kubectl(['create', 'job', 'x', '--image=first']);
      await s.effect('/apis/batch/v1/namespaces/$/jobs/x', has(1, 'status', 'succeeded'));
      return [attempt];
    },
    records: [{ operation: 'CREATE', resource: 'batch/v1/jobs' }],
    follows: [
      { operation: 'CREATE', resource: 'v1/pods', by: 'job-controller', objects: 1, origin: ['Job'] },
      { operation: 'UPDATE', resource: 'v1/pods', by: 'job-controller', objects: 1, origin: ['Job'] },
      { operation: 'UPDATE', resource: 'batch/v1/jobs/status', by: 'job-controller', objects: 1 },
    ],
  },
  {
    id: 'cronjob',
    what: 'a CronJob, and `kubectl create job --from` it',
    change: async (s) => {
      const attempts = [
        await s.kubectl(['create', 'cronjob', 'x', '--image=first', '--schedule=* * * * *']),
        await s.kubectl(['create', 'job', 'y', '--from=cronjob/x']),
      ];
      await s.effect('/apis/batch/v1/namespaces/$/jobs/y', has(1, 'status', 'succeeded'));
      if (s.isGoverned) return attempts;
      // Its last run was minutes ago, so one is due now.
      const lastScheduleTime = `${new Date(Date.now() - 180_000).toISOString().slice(0, 19)}Z`;
      const patch = JSON.stringify({ status: { lastScheduleTime } });
      await s.admin(['patch', 'cronjob', 'x', '--subresource=status', '--type=merge', `--patch=${patch}`]);
      await s.until('/apis/batch/v1/namespaces/$/jobs', (list) => {
        const { items } = list as unknown as {
          items: { metadata: { name: string }; status: { succeeded?: number } }[];
        };
        return items.some(({ metadata, status }) => metadata.name !== 'y' && status.succeeded === 1);
      });
      return attempts;
    },
    records: [
      { operation: 'CREATE', resource: 'batch/v1/cronjobs' },
      { operation: 'CREATE', resource: 'batch/v1/jobs', name: 'y' },
    ],
    refused: [{ operation: 'CREATE', resource: 'batch/v1/cronjobs' }],
    follows: [
      // By its schedule it may run again meanwhile.
      {
        operation: 'CREATE',
        resource: 'batch/v1/jobs',
        by: 'cronjob-controller',
        objects: [1, 9],
        origin: ['CronJob'],
      },
    ],
    note: 'the Jobs of its schedule follow from it',
  },
  {
    id: 'by-hand',
    what: "a person who writes what controllers write: a Deployment's ReplicaSet and Pod",
    prepare: deployed,
    change: async (s) => {
      const [set] = await namesOf(s, '/apis/apps/v1/namespaces/$/replicasets');
      const [pod] = await namesOf(s, '/api/v1/namespaces/$/pods');
      return [
        await s.kubectl(['annotate', `replicaset/${set}`, 'note=x']),
        await s.kubectl(['annotate', `pod/${pod}`, 'note=x']),
      ];
    },
    records: [
      { operation: 'UPDATE', resource: 'apps/v1/replicasets', name: 'x-*' },
      { operation: 'UPDATE', resource: 'v1/pods', name: 'x-*' },
    ],
  },
  {
    id: 'service',
    what: 'a Service; Endpoints and EndpointSlices by a person',
    change: async (s) => [
      await s.kubectl(['create', 'service', 'clusterip', 'x', '--tcp=80']),
      await s.raw('POST', '/apis/discovery.k8s.io/v1/namespaces/$/endpointslices', {
        body: {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: { name: 'y', labels: { 'kubernetes.io/service-name': 'x' } },
          addressType: 'IPv4',
          endpoints: [{ addresses: ['192.0.2.1'] }],
          ports: [{ name: '', port: 80 }],
        },
      }),
      await s.raw('POST', '/api/v1/namespaces/$/endpoints', {
        body: { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'z' }, subsets: [] },
      }),
    ],
    records: [
      { operation: 'CREATE', resource: 'v1/services' },
      { operation: 'CREATE', resource: 'discovery.k8s.io/v1/endpointslices', name: 'y' },
      { operation: 'CREATE', resource: 'v1/endpoints', name: 'z' },
    ],
    follows: [
      {
        operation: 'CREATE',
        resource: 'discovery.k8s.io/v1/endpointslices',
        by: 'endpointslice-controller',
        objects: 1,
        origin: ['Service'],
      },
    ],
    note: 'the address is not recorded',
  },
  {
    id: 'node-port',
    voted: true,
    what: 'a Service with an address and a port that the server chooses',
    change: async (s) => [await s.kubectl(['create', 'service', 'nodeport', 'x', '--tcp=80'])],
    records: [{ operation: 'CREATE', resource: 'v1/services' }],
    note: 'the digest holds placeholders for both',
  },
  {
    id: 'job-ttl',
    what: 'a Job that is removed when it has ended',
    change: async (s) => {
      const spec = {
        ttlSecondsAfterFinished: 0,
        template: { spec: podSpec({ restartPolicy: 'Never' }) },
      };
      const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'x' }, spec };
      const attempt = await s.given(['create', '-f', '-'], job);
      await s.effect('/apis/batch/v1/namespaces/$/jobs/x', isGone);
      return [attempt];
    },
    records: [{ operation: 'CREATE', resource: 'batch/v1/jobs' }],
    follows: [
      { operation: 'CREATE', resource: 'v1/pods', by: 'job-controller', objects: 1, origin: ['Job'] },
      { operation: 'DELETE', resource: 'batch/v1/jobs', by: 'ttl-after-finished-controller', objects: 1 },
    ],
    note: 'the removal is what was asked for',
  },
  {
    id: 'status',
    voted: true,
    what: '`kubectl patch --subresource=status` by a person',
    prepare: deployed,
    change: async (s) => [
      await s.kubectl([
        ...['patch', 'deployment', 'x', '--subresource=status', '--type=merge'],
        ...['--patch', '{"status":{"collisionCount":3}}'],
      ]),
    ],
    records: [{ ...updated, resource: 'apps/v1/deployments/status' }],
  },
  {
    id: 'scale-raw',
    what: 'replicas by a PATCH of the Deployment itself',
    prepare: deployed,
    change: async (s) => {
      const attempt = await s.raw('PATCH', DEPLOYMENT, { contentType: MERGE_PATCH, body: { spec: { replicas: 2 } } });
      await s.effect(DEPLOYMENT, isAvailable(2));
      return [attempt];
    },
    records: [updated],
  },
  {
    id: 'pod-template',
    what: 'a bare Pod; a ReplicationController',
    change: async (s) => {
      const attempts = [
        await s.given(['create', '-f', '-'], {
          apiVersion: 'v1',
          kind: 'ReplicationController',
          metadata: { name: 'y' },
          spec: {
            replicas: 1,
            selector: { app: 'y' },
            template: { metadata: { labels: { app: 'y' } }, spec: podSpec() },
          },
        }),
        await s.kubectl(['run', 'x', '--image=first']),
      ];
      await s.effect('/api/v1/namespaces/$/pods/x', isThere);
      await s.effect('/api/v1/namespaces/$/replicationcontrollers/y', has(1, 'status', 'availableReplicas'));
      return attempts;
    },
    records: [
      { operation: 'CREATE', resource: 'v1/replicationcontrollers', name: 'y' },
      { operation: 'CREATE', resource: 'v1/pods' },
    ],
  },
];

async function namesOf(stage: Stage, path: string): Promise<string[]> {
  const list = (await stage.get(path)) as { items?: { metadata: { name: string } }[] } | undefined;
  return (list?.items ?? []).map(({ metadata }) => metadata.name);
}
