const labels = (app: string): object => ({ app });
const container = { name: 'main', image: 'x' };

function workload(kind: string, name: string, pod: object, more: object = {}): object {
  const isJob = kind === 'Job';
  const template = { metadata: { labels: labels(name) }, spec: { containers: [container], ...pod } };
  return {
    apiVersion: isJob ? 'batch/v1' : kind === 'ReplicationController' ? 'v1' : 'apps/v1',
    kind,
    metadata: { name },
    spec: {
      ...(isJob ? {} : { selector: kind === 'ReplicationController' ? labels(name) : { matchLabels: labels(name) } }),
      template,
      ...more,
    },
  };
}

/** Much that a Pod may hold and that the API server, its plugins and controllers complete on the way from the template to the Pod. */
const rich: object = {
  hostNetwork: true,
  securityContext: { runAsNonRoot: true },
  hostAliases: [{ ip: '192.0.2.1', hostnames: ['a'] }],
  initContainers: [{ name: 'first', image: 'y', command: ['true'] }],
  containers: [
    {
      ...container,
      args: ['--all'],
      ports: [{ containerPort: 80 }],
      env: [
        { name: 'A', value: '1' },
        { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      ],
      livenessProbe: { httpGet: { path: '/', port: 80 } },
      readinessProbe: { tcpSocket: { port: 80 } },
      lifecycle: { preStop: { exec: { command: ['sleep', '1'] } } },
      securityContext: { readOnlyRootFilesystem: true },
      volumeMounts: [
        { name: 'own', mountPath: '/own' },
        { name: 'all', mountPath: '/all' },
      ],
    },
  ],
  volumes: [
    { name: 'own', emptyDir: {} },
    {
      name: 'all',
      projected: { sources: [{ downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] } }] },
    },
    { name: 'host', hostPath: { path: '/var' } },
    { name: 'settings', configMap: { name: 'kube-root-ca.crt' } },
  ],
};

const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const limits = { default: { cpu: '1' }, defaultRequest: { cpu: '10m' }, type: 'Container' };

/** A workload of each kind that makes Pods, in a namespace that completes their resources. */
export const EVERY_WORKLOAD: readonly object[] = [
  { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limits' }, spec: { limits: [limits] } },
  workload('Deployment', 'rich', rich, { replicas: 2 }),
  workload('DaemonSet', 'agent', rich),
  workload(
    'StatefulSet',
    'store',
    {},
    {
      serviceName: 'store',
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claim }],
    },
  ),
  workload('ReplicationController', 'old', {}, { replicas: 1 }),
  workload('Job', 'indexed', { restartPolicy: 'Never' }, { completionMode: 'Indexed', completions: 2, parallelism: 2 }),
];
/** Labels `app` of those whose Pods must be there before anything can be said of them. */
export const EVERY_APP: readonly string[] = ['agent', 'indexed', 'old', 'rich', 'store'];
