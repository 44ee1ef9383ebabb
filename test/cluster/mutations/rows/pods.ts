import type { KubeObject } from '../../objects.ts';
import type { Row } from '../row.ts';
import { has, hasCondition, isGone, type Stage } from '../stage.ts';
import { MERGE_PATCH, node, pod } from './manifests.ts';

const POD = '/api/v1/namespaces/$/pods/x';
const deleted = { operation: 'DELETE', resource: 'v1/pods' } as const;
const evicted = { operation: 'CREATE', resource: 'v1/pods/eviction' } as const;
const nodeUpdated = {
  operation: 'UPDATE',
  resource: 'v1/nodes',
  name: '$',
  namespace: '',
} as const;
const connected = { operation: 'CONNECT', uid: 'none' } as const;
const FORCED =
  'the API server marks the pod and then deletes it, asks about both versions, and about the first one again where its cache has not seen the mark yet';
/** There is no kubelet, nor a network of pods: the review comes before anybody finds out. */
const UNANSWERED = /error|refused|not found|unable|timeout|no endpoints|could not/i;

async function running(stage: Stage): Promise<void> {
  await stage.make(pod('x'));
  await stage.until(POD, has('Running', 'status', 'phase'));
}

/** The node is ready, and its controllers have written what they write to a new one: these taints are left, or added. */
function isSettled(taints: readonly string[]): (object: KubeObject | undefined) => boolean {
  return (object) => {
    const { spec, metadata } = (object ?? {}) as {
      spec?: { taints?: { key: string }[] };
      metadata?: { annotations?: Record<string, string> };
    };
    const keys = (spec?.taints ?? []).map(({ key }) => key);
    return (
      hasCondition('Ready', 'True')(object) &&
      keys.length === taints.length &&
      taints.every((key) => keys.includes(key)) &&
      metadata?.annotations?.['node.alpha.kubernetes.io/ttl'] !== undefined
    );
  };
}

/** A node of the row's own, called like its namespace, with one pod. */
async function withNode(stage: Stage): Promise<void> {
  await stage.make(node(stage.ns));
  await stage.until('/api/v1/nodes/$', isSettled(['row']));
  await stage.make(pod('x', { nodeName: stage.ns }));
  await stage.until(POD, has('Running', 'status', 'phase'));
}

export const PODS: readonly Row[] = [
  {
    id: 'pod-delete',
    voted: true,
    what: '`kubectl delete pod`',
    prepare: running,
    change: async (s) => [await s.kubectl(['delete', 'pod', 'x'])],
    records: [deleted],
    follows: [{ operation: 'DELETE', resource: 'v1/pods', by: 'kwok', objects: 1 }],
    note: "the kubelet's own last DELETE is recorded, not decided",
  },
  {
    id: 'pod-force',
    what: '`kubectl delete pod --force --grace-period=0`',
    // On a node without a kubelet, which would delete it, too, as soon as it is marked.
    prepare: (s) => s.make(pod('x', { nodeName: 'nowhere' })),
    change: async (s) => [await s.kubectl(['delete', 'pod', 'x', '--force', '--grace-period=0'])],
    records: [{ ...deleted, times: [2, 3], versions: 2 }],
    refused: [deleted],
    note: FORCED,
  },
  {
    id: 'pod-pending',
    what: '`kubectl delete` of a pod that no node has',
    prepare: (s) => s.make(pod('x', { schedulerName: 'nobody' })),
    change: async (s) => [await s.kubectl(['delete', 'pod', 'x'])],
    records: [{ ...deleted, times: [2, 3], versions: 2 }],
    refused: [deleted],
    note: FORCED,
  },
  {
    id: 'debug',
    voted: true,
    what: '`kubectl debug` (an ephemeral container)',
    prepare: running,
    change: async (s) => [await s.kubectl(['debug', 'x', '--image=second', '--container=debugger'])],
    records: [{ operation: 'UPDATE', resource: 'v1/pods/ephemeralcontainers' }],
  },
  {
    id: 'debug-copy',
    what: '`kubectl debug --copy-to`',
    prepare: running,
    change: async (s) => [await s.kubectl(['debug', 'x', '--image=second', '--copy-to=y'])],
    records: [{ operation: 'CREATE', resource: 'v1/pods', name: 'y' }],
  },
  {
    id: 'resize',
    voted: true,
    what: '`kubectl patch --subresource=resize`',
    prepare: async (s) => {
      await running(s);
      // A kubelet that can resize says what it gave to the containers.
      const { status } = (await s.get(POD)) as unknown as { status: { containerStatuses: object[] } };
      const containerStatuses = status.containerStatuses.map((one) => ({
        ...one,
        resources: { requests: { cpu: '10m' } },
      }));
      const patch = JSON.stringify({ status: { containerStatuses } });
      await s.admin(['patch', 'pod', 'x', '--subresource=status', '--type=merge', '--patch', patch]);
    },
    change: async (s) => {
      const containers = [{ name: 'main', resources: { requests: { cpu: '20m' } } }];
      const patch = JSON.stringify({ spec: { containers } });
      return [await s.kubectl(['patch', 'pod', 'x', '--subresource=resize', '--patch', patch])];
    },
    records: [{ operation: 'UPDATE', resource: 'v1/pods/resize' }],
  },
  {
    id: 'pod-status',
    what: "a pod's status by a person",
    prepare: running,
    change: async (s) => [
      await s.raw('PATCH', `${POD}/status`, { contentType: MERGE_PATCH, body: { status: { message: 'said so' } } }),
    ],
    records: [{ operation: 'UPDATE', resource: 'v1/pods/status' }],
  },
  {
    id: 'binding',
    what: 'a pod bound to a node by a person',
    prepare: (s) => s.make(pod('x', { schedulerName: 'nobody' })),
    change: async (s) => {
      const target = { apiVersion: 'v1', kind: 'Node', name: 'node-1' };
      const metadata = { name: 'x', uid: (await s.get(POD))?.metadata?.uid };
      const body = { apiVersion: 'v1', kind: 'Binding', metadata, target };
      return [await s.raw('POST', `${POD}/binding`, { body })];
    },
    records: [{ operation: 'CREATE', resource: 'v1/pods/binding' }],
  },
  {
    id: 'bindings',
    what: 'the same by the collection `bindings`',
    prepare: (s) => s.make(pod('x', { schedulerName: 'nobody' })),
    change: async (s) => {
      const target = { apiVersion: 'v1', kind: 'Node', name: 'node-1' };
      const metadata = { name: 'x', uid: (await s.get(POD))?.metadata?.uid };
      const body = { apiVersion: 'v1', kind: 'Binding', metadata, target };
      return [await s.raw('POST', '/api/v1/namespaces/$/bindings', { body })];
    },
    records: [{ operation: 'CREATE', resource: 'v1/bindings', uid: 'none' }],
    note: 'a policy on `pods/binding` matches it too',
  },
  {
    id: 'eviction',
    what: 'an eviction',
    prepare: running,
    change: async (s) => {
      const attempt = await s.raw('POST', `${POD}/eviction`, { body: eviction() });
      await s.effect(POD, isGone);
      return [attempt];
    },
    records: [{ ...evicted, uid: 'none' }],
    note: 'the deletion that it leads to is not asked about by the API server: a policy on DELETE of `pods` matches the eviction',
  },
  {
    id: 'eviction-budget',
    what: 'an eviction that a PodDisruptionBudget forbids',
    prepare: async (s) => {
      await running(s);
      await s.make({
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name: 'x' },
        spec: { minAvailable: 1, selector: { matchLabels: { app: 'x' } } },
      });
      await s.until('/apis/policy/v1/namespaces/$/poddisruptionbudgets/x', has(1, 'status', 'expectedPods'));
    },
    change: async (s) => [await s.raw('POST', `${POD}/eviction`, { body: eviction() })],
    records: [{ ...evicted, uid: 'none' }],
    ends: /disruption budget/,
    note: 'reviewed first',
  },
  {
    id: 'drain',
    what: '`kubectl drain`',
    prepare: withNode,
    change: async (s) => [await s.kubectl(['drain', s.ns, '--force', '--timeout=60s'])],
    records: [nodeUpdated, { ...evicted, uid: 'none' }],
  },
  {
    id: 'drain-delete',
    what: '`kubectl drain --disable-eviction`',
    prepare: withNode,
    change: async (s) => [await s.kubectl(['drain', s.ns, '--force', '--disable-eviction', '--timeout=60s'])],
    records: [nodeUpdated, deleted],
  },
  {
    id: 'drain-dry',
    what: '`kubectl drain --dry-run=server`',
    prepare: withNode,
    change: async (s) => [await s.kubectl(['drain', s.ns, '--force', '--dry-run=server'])],
    records: [],
    note: 'the dry run of an eviction is hidden in its object',
  },
  {
    id: 'cordon',
    what: '`kubectl cordon`, `uncordon`',
    prepare: withNode,
    change: async (s) => {
      const cordoned = await s.kubectl(['cordon', s.ns]);
      // A node that is not cordoned is not asked about.
      if (s.isGoverned) return [cordoned];
      await s.until('/api/v1/nodes/$', isSettled(['row', 'node.kubernetes.io/unschedulable']));
      return [cordoned, await s.kubectl(['uncordon', s.ns])];
    },
    records: [{ ...nodeUpdated, times: 2 }],
    refused: [nodeUpdated],
  },
  {
    id: 'taint',
    voted: true,
    what: '`kubectl taint`',
    prepare: withNode,
    change: async (s) => [await s.kubectl(['taint', 'node', s.ns, 'team=shop:NoSchedule'])],
    records: [nodeUpdated],
  },
  {
    id: 'node',
    what: 'a node made and removed by a person',
    change: async (s) => {
      const made = await s.given(['create', '-f', '-'], node(s.ns));
      await s.effect('/api/v1/nodes/$', isSettled(['row']));
      return [made, await s.kubectl(['delete', 'node', s.ns])];
    },
    records: [
      { operation: 'CREATE', resource: 'v1/nodes', name: '$', namespace: '' },
      { ...nodeUpdated, operation: 'DELETE' },
    ],
    refused: [{ operation: 'CREATE', resource: 'v1/nodes', name: '$', namespace: '' }],
  },
  {
    id: 'exec',
    what: '`kubectl exec`',
    prepare: running,
    change: async (s) => [await s.kubectl(['exec', 'x', '--', 'true'])],
    records: [{ ...connected, resource: 'v1/pods/exec' }],
    ends: UNANSWERED,
    note: 'the command line is redacted; a refused exec arrives twice (WebSocket, SPDY) and is answered twice, recorded once',
  },
  {
    id: 'cp',
    what: '`kubectl cp`',
    prepare: running,
    change: async (s) => [await s.kubectl(['cp', `${s.folder({ file: 'text' })}/file`, 'x:/tmp/file'])],
    records: [{ ...connected, resource: 'v1/pods/exec', times: 2 }],
    refused: [{ ...connected, resource: 'v1/pods/exec', times: 2 }],
    ends: UNANSWERED,
    note: 'an exec of `test`, and one of `tar`',
  },
  {
    id: 'attach',
    what: '`kubectl attach`',
    prepare: running,
    change: async (s) => [await s.kubectl(['attach', 'x'])],
    records: [{ ...connected, resource: 'v1/pods/attach' }],
    ends: UNANSWERED,
  },
  {
    id: 'port-forward',
    what: '`kubectl port-forward`',
    prepare: running,
    change: async (s) => [await s.kubectl(['port-forward', 'pod/x', ':80'])],
    records: [{ ...connected, resource: 'v1/pods/portforward', times: 2 }],
    refused: [{ ...connected, resource: 'v1/pods/portforward' }],
    ends: UNANSWERED,
  },
  {
    id: 'proxy',
    what: 'the proxies of a pod, a service and a node',
    change: async (s) => [
      await s.raw('GET', '/api/v1/namespaces/$/pods/x:80/proxy/path'),
      await s.raw('POST', '/api/v1/namespaces/$/services/http:x:80/proxy/path'),
      await s.raw('GET', '/api/v1/nodes/$/proxy/pods'),
    ],
    records: [
      { ...connected, resource: 'v1/pods/proxy', name: 'x:80' },
      { ...connected, resource: 'v1/services/proxy', name: 'http:x:80' },
      { ...connected, resource: 'v1/nodes/proxy', name: '$', namespace: '' },
    ],
    ends: UNANSWERED,
    note: 'also for reading; the name carries scheme and port, and a policy may name the thing without them',
  },
];

function eviction(): object {
  return { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'x' } };
}
