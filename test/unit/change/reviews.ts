import { nativeBackend } from '../../../src/crypto/index.ts';
import { deriveClusterKeys, type AttestContext } from '../../../src/change/index.ts';
import type { ClusterId } from '../../../src/types/brand.ts';

/** JSON that a test reaches into without ceremony. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Loose = any;
/** Reviews as a Kubernetes 1.36 API server sends them, to be changed by the tests. */
export type Plain = { [key: string]: Loose };

const { sha256, hmacSha256 } = nativeBackend;
export { sha256, hmacSha256 };

export const CLUSTER_KEY = new Uint8Array(32).fill(7);
export const context: AttestContext = {
  cluster: 'prod-1' as ClusterId,
  keys: deriveClusterKeys(CLUSTER_KEY, sha256, hmacSha256),
  sha256,
  hmacSha256,
};

export function bytesOf(review: unknown): Uint8Array {
  return new TextEncoder().encode(typeof review === 'string' ? review : JSON.stringify(review));
}

export function clone<T>(value: T): T {
  return structuredClone(value);
}

const PERSON: Plain = {
  username: 'alice@acme.example',
  groups: ['developers', 'system:authenticated'],
  extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=6e2d'] },
};

interface Target {
  readonly group?: string;
  readonly version?: string;
  readonly resource: string;
  readonly kind: string;
  readonly sub?: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

export function review(operation: string, target: Target, rest: Plain): Plain {
  const { group = '', version = 'v1', resource, kind, sub, namespace = 'prod', name } = target;
  const gvk = { group, version, kind };
  const gvr = { group, version, resource };
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: '6d9a61a6-6a8c-4f0a-9d9e-0c8d3c3f7a11',
      kind: gvk,
      resource: gvr,
      ...(sub === undefined ? {} : { subResource: sub }),
      requestKind: gvk,
      requestResource: gvr,
      ...(sub === undefined ? {} : { requestSubResource: sub }),
      ...(name === undefined ? {} : { name }),
      ...(namespace === '' ? {} : { namespace }),
      operation,
      userInfo: PERSON,
      object: null,
      oldObject: null,
      dryRun: false,
      options: null,
      ...rest,
    },
  };
}

export const deployment: Plain = {
  kind: 'Deployment',
  apiVersion: 'apps/v1',
  metadata: {
    name: 'web',
    namespace: 'prod',
    uid: '0b5c1a52-4f2e-4a7e-8f7e-1f6f0a9d7c01',
    resourceVersion: '811',
    generation: 3,
    creationTimestamp: '2026-11-24T05:00:00Z',
    labels: { app: 'web' },
    annotations: {
      'deployment.kubernetes.io/revision': '3',
      'kubectl.kubernetes.io/last-applied-configuration': '{"apiVersion":"apps/v1"}\n',
    },
    finalizers: ['example.com/hold'],
    managedFields: [{ manager: 'kubectl-client-side-apply', operation: 'Update', time: '2026-11-24T05:00:00Z' }],
  },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { creationTimestamp: null, labels: { app: 'web' } },
      spec: {
        initContainers: [
          { name: 'first', image: 'busybox:1.36' },
          { name: 'second', image: 'busybox:1.36' },
        ],
        containers: [
          {
            name: 'web',
            image: 'nginx:1.25',
            args: ['-c', '/etc/nginx.conf'],
            env: [
              { name: 'A', value: '1' },
              { name: 'B', value: '$(A)2' },
            ],
            ports: [{ containerPort: 80, protocol: 'TCP' }],
          },
          { name: 'log', image: 'fluent:3' },
        ],
        tolerations: [
          { key: 'a', operator: 'Exists' },
          { key: 'b', operator: 'Exists' },
        ],
      },
    },
  },
  status: { replicas: 3, readyReplicas: 3, conditions: [{ type: 'Available', status: 'True' }] },
};

const DEPLOYMENT: Target = { group: 'apps', resource: 'deployments', kind: 'Deployment', name: 'web' };

/** UPDATE of a deployment; `change` edits the new object. */
export function deploymentUpdate(
  change: (object: Plain) => void = () => undefined,
  target: Partial<Target> = {},
): Plain {
  const object = clone(deployment);
  object['metadata'].generation++;
  change(object);
  return review(
    'UPDATE',
    { ...DEPLOYMENT, ...target },
    {
      object,
      oldObject: clone(deployment),
      options: { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'kubectl-set' },
    },
  );
}

export function deploymentCreate(uid = 'aaaaaaaa-4f2e-4a7e-8f7e-1f6f0a9d7c01'): Plain {
  const object = clone(deployment);
  delete object['metadata'].resourceVersion;
  Object.assign(object['metadata'], { uid, generation: 1, creationTimestamp: '2026-11-24T06:00:00Z' });
  object['status'] = {};
  return review('CREATE', DEPLOYMENT, { object, options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' } });
}

export function deploymentDelete(options: Plain = {}): Plain {
  return review('DELETE', DEPLOYMENT, {
    oldObject: clone(deployment),
    options: { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1', propagationPolicy: 'Background', ...options },
  });
}

export function scaleUpdate(replicas: number): Plain {
  const scale = (count: number): Plain => ({
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name: 'web',
      namespace: 'prod',
      uid: deployment['metadata'].uid,
      resourceVersion: '811',
      creationTimestamp: '2026-11-24T05:00:00Z',
    },
    spec: { replicas: count },
    status: { replicas: 3, selector: 'app=web' },
  });
  const built = review(
    'UPDATE',
    { ...DEPLOYMENT, sub: 'scale' },
    { object: scale(replicas), oldObject: scale(3), options: { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1' } },
  );
  built['request'].kind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
  return built;
}

export function eviction(deleteOptions: Plain | undefined): Plain {
  const object = {
    kind: 'Eviction',
    apiVersion: 'policy/v1',
    metadata: { name: 'web-0', namespace: 'prod', creationTimestamp: null },
    ...(deleteOptions ? { deleteOptions } : {}),
  };
  const built = review(
    'CREATE',
    { resource: 'pods', kind: 'Eviction', sub: 'eviction', name: 'web-0' },
    { object, options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' } },
  );
  built['request'].kind = { group: 'policy', version: 'v1', kind: 'Eviction' };
  return built;
}

export function exec(command: readonly string[]): Plain {
  const built = review(
    'CONNECT',
    { resource: 'pods', kind: 'PodExecOptions', sub: 'exec', name: 'web-0' },
    {
      object: { kind: 'PodExecOptions', apiVersion: 'v1', stdout: true, stderr: true, container: 'web', command },
    },
  );
  return built;
}

export function configMapUpdate(oldData: unknown, newData: unknown): Plain {
  const object = (data: unknown): Plain => ({
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'settings', namespace: 'prod', uid: 'c0', resourceVersion: '9' },
    data,
  });
  return review(
    'UPDATE',
    { resource: 'configmaps', kind: 'ConfigMap', name: 'settings' },
    { object: object(newData), oldObject: object(oldData) },
  );
}

export function secret(data: Plain, annotations: Plain = {}): Plain {
  return {
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: {
      name: 'db',
      namespace: 'prod',
      uid: '5ec',
      resourceVersion: '5',
      annotations,
      managedFields: [{ manager: 'kubectl' }],
    },
    data,
    type: 'Opaque',
  };
}

export function secretUpdate(old: Plain, changed: Plain): Plain {
  return review('UPDATE', { resource: 'secrets', kind: 'Secret', name: 'db' }, { object: changed, oldObject: old });
}

export function podCreate(suffix: string, change: (pod: Plain) => void = () => undefined): Plain {
  const volume = `kube-api-access-${suffix}`;
  const object: Plain = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'one', namespace: 'prod', uid: `uid-${suffix}`, creationTimestamp: '2026-11-24T06:00:00Z' },
    spec: {
      volumes: [
        {
          name: volume,
          projected: {
            sources: [
              { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
              { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
              {
                downwardAPI: {
                  items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
                },
              },
            ],
            defaultMode: 420,
          },
        },
      ],
      containers: [
        {
          name: 'main',
          image: 'busybox',
          volumeMounts: [{ name: volume, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
        },
      ],
    },
  };
  change(object);
  return review(
    'CREATE',
    { resource: 'pods', kind: 'Pod', name: object['metadata'].name },
    { object, options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' } },
  );
}

export function jobCreate(uid: string): Plain {
  const object: Plain = {
    kind: 'Job',
    apiVersion: 'batch/v1',
    metadata: { name: 'sum', namespace: 'prod', uid, creationTimestamp: '2026-11-24T06:00:00Z', generation: 1 },
    spec: {
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
      template: {
        metadata: {
          labels: {
            'batch.kubernetes.io/controller-uid': uid,
            'controller-uid': uid,
            'batch.kubernetes.io/job-name': 'sum',
            'job-name': 'sum',
          },
        },
        spec: { containers: [{ name: 'main', image: 'busybox' }], restartPolicy: 'Never' },
      },
    },
    status: {},
  };
  return review('CREATE', { group: 'batch', resource: 'jobs', kind: 'Job', name: 'sum' }, { object });
}

/** `given` names what the sender set: that is what managedFields holds. */
export function serviceCreate(
  clusterIP: string,
  nodePort: number,
  given: { clusterIP?: true; nodePort?: true } = {},
): Plain {
  const object: Plain = {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: {
      name: 'web',
      namespace: 'prod',
      uid: `uid-${clusterIP}`,
      creationTimestamp: '2026-11-24T06:00:00Z',
      managedFields: [
        {
          manager: 'kubectl-create',
          operation: 'Update',
          apiVersion: 'v1',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:spec': {
              'f:type': {},
              'f:ports': {
                '.': {},
                'k:{"port":80,"protocol":"TCP"}': {
                  '.': {},
                  'f:port': {},
                  'f:protocol': {},
                  'f:targetPort': {},
                  ...(given.nodePort ? { 'f:nodePort': {} } : {}),
                },
              },
              ...(given.clusterIP ? { 'f:clusterIP': {} } : {}),
            },
          },
        },
      ],
    },
    spec: {
      type: 'NodePort',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80, nodePort }],
    },
    status: { loadBalancer: {} },
  };
  return review('CREATE', { resource: 'services', kind: 'Service', name: 'web' }, { object });
}
