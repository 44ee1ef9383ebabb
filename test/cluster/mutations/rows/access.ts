import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import type { Row } from '../row.ts';
import { isThere, type Stage } from '../stage.ts';
import { MERGE_PATCH, pod, secret } from './manifests.ts';

const RBAC = 'rbac.authorization.k8s.io/v1';
const created = { operation: 'CREATE', resource: 'v1/configmaps' } as const;

/** Names that the exclusions speak of, with a kind that none of them may write; and names that only look like them. */
const SYSTEM_NAMES = [
  'system:kube-scheduler',
  'system:kube-controller-manager',
  'system:apiserver',
  'system:node:node-1',
  'system:serviceaccount:kube-system:deployment-controller',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:serviceaccount:kube-system:namespace-controller',
  'system:foo',
  'system:serviceaccount:kube-system:robot',
  'kwok',
] as const;

/** Who can have what: accounts, tokens, certificates, roles; and who is recorded when somebody acts as somebody else. */
export const ACCESS: readonly Row[] = [
  {
    id: 'account',
    what: 'a ServiceAccount, and `kubectl create token`',
    change: async (s) => [
      await s.kubectl(['create', 'serviceaccount', 'x']),
      await s.kubectl(['create', 'token', 'x']),
    ],
    records: [
      { operation: 'CREATE', resource: 'v1/serviceaccounts' },
      { operation: 'CREATE', resource: 'v1/serviceaccounts/token' },
    ],
    refused: [{ operation: 'CREATE', resource: 'v1/serviceaccounts' }],
  },
  {
    id: 'token-system',
    what: "`kubectl create token` for a control plane's own ServiceAccount",
    prepare: (s) => s.makeIn('kube-system', account(s.ns)),
    change: async (s) => [await s.kubectl(['create', 'token', s.ns, '--namespace=kube-system'])],
    records: [{ operation: 'CREATE', resource: 'v1/serviceaccounts/token', name: '$', namespace: 'kube-system' }],
    note: 'only the controller manager gets these unasked',
  },
  {
    id: 'token-secret',
    voted: true,
    what: 'a Secret that is filled with a token',
    prepare: (s) => s.make(account('x')),
    change: async (s) => {
      const metadata = { name: 'x', annotations: { 'kubernetes.io/service-account.name': 'x' } };
      const type = 'kubernetes.io/service-account-token';
      const attempt = await s.given(['create', '-f', '-'], { apiVersion: 'v1', kind: 'Secret', type, metadata });
      const isFilled = (object: unknown) => (object as { data?: { token?: string } }).data?.token !== undefined;
      await s.effect('/api/v1/namespaces/$/secrets/x', isFilled);
      return [attempt];
    },
    records: [{ operation: 'CREATE', resource: 'v1/secrets' }],
    note: "the token that the controller manager writes into it is not recorded; the Secret's own CREATE is",
  },
  {
    id: 'pod-account',
    what: 'a Pod with a ServiceAccount of its own',
    prepare: (s) => s.make(account('robot')),
    change: async (s) => [await s.given(['create', '-f', '-'], pod('x', { serviceAccountName: 'robot' }))],
    records: [{ operation: 'CREATE', resource: 'v1/pods' }],
  },
  {
    id: 'secret',
    what: 'a Secret made, changed and removed',
    change: async (s) => [
      await s.given(['create', '-f', '-'], secret('x')),
      await s.raw('PATCH', '/api/v1/namespaces/$/secrets/x', {
        contentType: MERGE_PATCH,
        body: { stringData: { key: 'other' } },
      }),
      await s.kubectl(['delete', 'secret', 'x']),
    ],
    records: (['CREATE', 'UPDATE', 'DELETE'] as const).map((operation) => ({
      operation,
      resource: 'v1/secrets',
      ...(operation === 'DELETE' && { contended: true }),
    })),
    refused: [{ operation: 'CREATE', resource: 'v1/secrets' }],
    note: 'values are redacted',
  },
  {
    id: 'csr',
    what: 'a certificate: asked for, approved (`kubectl certificate approve`), signed',
    change: async (s) => {
      const attempts = [
        await s.given(['create', '-f', '-'], await signingRequest(s.ns)),
        await s.kubectl(['certificate', 'approve', s.ns]),
      ];
      const isSigned = (object: unknown) =>
        (object as { status?: { certificate?: string } }).status?.certificate !== undefined;
      await s.effect('/apis/certificates.k8s.io/v1/certificatesigningrequests/$', isSigned);
      return attempts;
    },
    records: [
      { operation: 'CREATE', resource: 'certificates.k8s.io/v1/certificatesigningrequests', name: '$', namespace: '' },
      {
        operation: 'UPDATE',
        resource: 'certificates.k8s.io/v1/certificatesigningrequests/approval',
        name: '$',
        namespace: '',
      },
    ],
    refused: [
      { operation: 'CREATE', resource: 'certificates.k8s.io/v1/certificatesigningrequests', name: '$', namespace: '' },
    ],
    note: 'the signature that follows is not recorded',
  },
  {
    id: 'csr-approve',
    what: 'the approval of a request that is there',
    prepare: async (s) => s.make(await signingRequest(s.ns)),
    change: async (s) => [await s.kubectl(['certificate', 'approve', s.ns])],
    records: [
      {
        operation: 'UPDATE',
        resource: 'certificates.k8s.io/v1/certificatesigningrequests/approval',
        name: '$',
        namespace: '',
      },
    ],
    note: 'kubectl writes the time of the approval into it, so a later call is another change',
  },
  {
    id: 'rbac',
    what: '`kubectl create role`, `rolebinding`, `clusterrole`, `clusterrolebinding`',
    change: async (s) => [
      await s.kubectl(['create', 'role', 'x', '--verb=get', '--resource=pods']),
      await s.kubectl(['create', 'rolebinding', 'x', '--role=x', '--user=somebody']),
      await s.kubectl(['create', 'clusterrole', s.ns, '--verb=*', '--resource=*']),
      await s.kubectl(['create', 'clusterrolebinding', s.ns, '--clusterrole=cluster-admin', '--user=somebody']),
    ],
    records: [
      { operation: 'CREATE', resource: `${RBAC}/roles` },
      { operation: 'CREATE', resource: `${RBAC}/rolebindings` },
      { operation: 'CREATE', resource: `${RBAC}/clusterroles`, name: '$', namespace: '' },
      { operation: 'CREATE', resource: `${RBAC}/clusterrolebindings`, name: '$', namespace: '' },
    ],
  },
  {
    id: 'upsert',
    voted: true,
    what: 'PUT of a Role that is not there',
    change: async (s) => [
      await s.raw('PUT', `/apis/${RBAC}/namespaces/$/roles/x`, {
        body: { apiVersion: RBAC, kind: 'Role', metadata: { name: 'x' }, rules: [] },
      }),
    ],
    records: [{ operation: 'CREATE', resource: `${RBAC}/roles` }],
  },
  {
    id: 'escalate',
    what: 'a Role with more rights than its maker has',
    prepare: async (s) => {
      const rules = [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['create'] }];
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'little' };
      const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: `${s.ns}-little` }];
      await s.make(
        { apiVersion: RBAC, kind: 'Role', metadata: { name: 'little' }, rules },
        { apiVersion: RBAC, kind: 'RoleBinding', metadata: { name: 'little' }, roleRef, subjects },
      );
    },
    change: async (s) => [
      await s.kubectl(['create', 'role', 'x', '--verb=*', '--resource=secrets', `--as=${s.ns}-little`]),
    ],
    records: [],
    ends: /attempting to grant RBAC permissions/,
    note: 'the API server refuses it before it asks a webhook',
  },
  {
    id: 'aggregate',
    what: 'a ClusterRole that is the sum of others, and one more part of it',
    change: async (s) => {
      const [sum, part] = [`${s.ns}-sum`, `${s.ns}-part`];
      const matchLabels = { sum: s.ns };
      const attempts = [
        await s.given(['create', '-f', '-'], {
          apiVersion: RBAC,
          kind: 'ClusterRole',
          metadata: { name: sum },
          aggregationRule: { clusterRoleSelectors: [{ matchLabels }] },
        }),
        await s.given(['create', '-f', '-'], {
          apiVersion: RBAC,
          kind: 'ClusterRole',
          metadata: { name: part, labels: matchLabels },
          rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
        }),
      ];
      const isFilled = (object: unknown) => ((object as { rules?: unknown[] }).rules?.length ?? 0) > 0;
      await s.effect(`/apis/${RBAC}/clusterroles/$-sum`, isFilled);
      return attempts;
    },
    records: ['$-sum', '$-part'].map((name) => ({
      operation: 'CREATE',
      resource: `${RBAC}/clusterroles`,
      name,
      namespace: '',
    })),
    note: 'the rules that its controller gathers are not recorded',
  },
  {
    id: 'as-bob',
    what: '`kubectl --as=bob`',
    change: async (s) => [await s.kubectl(['create', 'configmap', 'x', '--as=bob', '--as-group=system:masters'])],
    records: [{ ...created, user: 'bob' }],
    note: "who is impersonated is recorded; the person's name is in the audit log of the API server alone",
  },
  {
    id: 'as-scheduler',
    what: 'acting as names of the control plane, a name that looks like one, a robot of kube-system',
    change: (s) => Promise.all(SYSTEM_NAMES.map((user, i) => asSystem(s, user, `x${i}`))),
    records: SYSTEM_NAMES.map((user, i) => ({ ...created, name: `x${i}`, user })),
    note: 'a name alone never leaves the gate',
  },
  {
    id: 'as-robot',
    what: "a ServiceAccount's own token",
    prepare: async (s) => {
      await s.make(account('robot'));
      await s.admin(['create', 'rolebinding', 'robot', '--clusterrole=edit', `--serviceaccount=${s.ns}:robot`]);
    },
    change: async (s) => {
      const token = (await s.admin(['create', 'token', 'robot'])).trim();
      const server = s.playground.cluster.apiServerUrl;
      const anonymous = {
        clusters: [{ name: 'c', cluster: { server, 'certificate-authority': s.playground.cluster.caFile } }],
      };
      const config = {
        apiVersion: 'v1',
        kind: 'Config',
        ...anonymous,
        users: [{ name: 'robot', user: { token } }],
        contexts: [{ name: 'alice', context: { cluster: 'c', user: 'robot' } }],
      };
      const dir = s.folder({ kubeconfig: JSON.stringify(config) });
      return [await s.kubectl(['create', 'configmap', 'x'], { env: { KUBECONFIG: `${dir}/kubeconfig` } })];
    },
    records: [{ ...created, user: 'system:serviceaccount:$:robot' }],
  },
  {
    id: 'quota',
    what: 'what a quota refuses',
    prepare: async (s) => {
      await s.make({
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'none' },
        spec: { hard: { 'count/secrets': '0' } },
      });
      const isCounted = (object: unknown) => (object as { status?: { hard?: object } }).status?.hard !== undefined;
      await s.until('/api/v1/namespaces/$/resourcequotas/none', isCounted);
    },
    change: async (s) => [await s.given(['create', '-f', '-'], secret('x'))],
    records: [{ operation: 'CREATE', resource: 'v1/secrets', uid: 'unstored' }],
    ends: /exceeded quota/,
    note: 'admitted by the chain first',
  },
  {
    id: 'limits',
    what: 'a Namespace, a LimitRange and a ResourceQuota by a person',
    change: async (s) => {
      const spec = { limits: [{ type: 'Container', default: { cpu: '1' } }] };
      return [
        await s.kubectl(['create', 'namespace', `${s.ns}-in`]),
        await s.given(['create', '-f', '-'], { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'x' }, spec }),
        await s.kubectl(['create', 'quota', 'x', '--hard=count/secrets=9']),
      ];
    },
    records: [
      { operation: 'CREATE', resource: 'v1/namespaces', name: '$-in', namespace: '$-in' },
      { operation: 'CREATE', resource: 'v1/limitranges' },
      { operation: 'CREATE', resource: 'v1/resourcequotas' },
    ],
    note: 'the count of the quota, the default ServiceAccount and the CA that follow are not recorded',
  },
  {
    id: 'webhook-config',
    what: 'a mutating and a validating webhook configuration',
    change: async (s) => {
      const attempts = [];
      for (const kind of ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']) {
        const metadata = { name: s.ns };
        attempts.push(
          await s.given(['create', '-f', '-'], {
            apiVersion: 'admissionregistration.k8s.io/v1',
            kind,
            metadata,
            webhooks: [],
          }),
        );
      }
      await s.until('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/$', isThere);
      return attempts;
    },
    records: [],
    note: 'the API server never asks an ordinary webhook about them: a static one and the observers are for these',
  },
];

function asSystem(stage: Stage, user: string, name: string) {
  return stage.kubectl([
    'create',
    'configmap',
    name,
    `--as=${user}`,
    '--as-group=system:masters',
    '--as-group=system:nodes',
  ]);
}

function account(name: string): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } };
}

async function signingRequest(name: string): Promise<object> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const request = await Pkcs10CertificateRequestGenerator.create({ name: `CN=${name}`, keys, signingAlgorithm });
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(request.toString('pem')).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
    },
  };
}
