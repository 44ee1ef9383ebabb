import type { Row } from '../row.ts';
import { has, isThere, type Stage } from '../stage.ts';
import { MERGE_PATCH, pod, secret, signingRequest } from './manifests.ts';

const RBAC = 'rbac.authorization.k8s.io/v1';
const created = { operation: 'CREATE', resource: 'v1/configmaps' } as const;

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
    id: 'token-dry',
    what: 'a token with `dryRun=All`',
    prepare: (s) => s.make(account('x')),
    change: async (s) => [
      await s.raw('POST', '/api/v1/namespaces/$/serviceaccounts/x/token?dryRun=All', {
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
      }),
    ],
    records: [{ operation: 'CREATE', resource: 'v1/serviceaccounts/token' }],
    note: 'the API server hands out a real token, so it is no dry run',
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
    id: 'csr-deny',
    what: '`kubectl certificate deny`',
    prepare: async (s) => s.make(await signingRequest(s.ns)),
    change: async (s) => [await s.kubectl(['certificate', 'deny', s.ns])],
    records: [
      {
        operation: 'UPDATE',
        resource: 'certificates.k8s.io/v1/certificatesigningrequests/approval',
        name: '$',
        namespace: '',
      },
    ],
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
    prepare: (s) =>
      s.make(...littleRole(s, [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['create'] }])),
    change: async (s) => [
      await s.kubectl(['create', 'role', 'x', '--verb=*', '--resource=secrets', `--as=${s.ns}-little`]),
    ],
    records: [],
    ends: /attempting to grant RBAC permissions/,
    note: 'the API server refuses it before it asks a webhook',
  },
  {
    id: 'escalate-verbs',
    what: 'the same, and a RoleBinding, by somebody with the verbs `escalate` and `bind`',
    prepare: (s) =>
      s.make(
        ...littleRole(s, [
          {
            apiGroups: ['rbac.authorization.k8s.io'],
            resources: ['roles', 'rolebindings'],
            verbs: ['create', 'get', 'escalate', 'bind'],
          },
        ]),
      ),
    change: async (s) => {
      const as = `--as=${s.ns}-little`;
      return [
        await s.kubectl(['create', 'role', 'x', '--verb=*', '--resource=secrets', as]),
        await s.kubectl(['create', 'rolebinding', 'x', '--role=x', `--user=${s.ns}-little`, as]),
      ];
    },
    records: ['roles', 'rolebindings'].map((resource) => ({
      operation: 'CREATE',
      resource: `${RBAC}/${resource}`,
      user: '$-little',
    })),
  },
  {
    id: 'reconcile',
    what: '`kubectl auth reconcile`',
    prepare: (s) => s.make({ apiVersion: RBAC, kind: 'Role', metadata: { name: 'x' }, rules: [] }),
    change: async (s) => {
      const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
      return [
        await s.given(['auth', 'reconcile', '-f', '-'], {
          apiVersion: RBAC,
          kind: 'Role',
          metadata: { name: 'x', namespace: s.ns },
          rules,
        }),
      ];
    },
    records: [{ operation: 'UPDATE', resource: `${RBAC}/roles` }],
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
    id: 'as-robot',
    what: "a ServiceAccount's own token",
    prepare: async (s) => {
      await s.make(account('robot'));
      await s.admin(['create', 'rolebinding', 'robot', '--clusterrole=edit', `--serviceaccount=${s.ns}:robot`]);
    },
    change: async (s) => {
      const token = (await s.admin(['create', 'token', 'robot'])).trim();
      return [await s.withToken(token, ['create', 'configmap', 'x'])];
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
    id: 'limit-defaults',
    voted: true,
    what: 'a Pod whose resources a LimitRange fills in',
    prepare: async (s) => {
      const spec = { limits: [{ type: 'Container', default: { cpu: '200m' }, defaultRequest: { cpu: '20m' } }] };
      await s.make({ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'given' }, spec });
      await filledIn(s);
    },
    change: async (s) => {
      const attempt = await s.kubectl(['run', 'x', '--image=first']);
      await s.effect(
        '/api/v1/namespaces/$/pods/x',
        has('200m', 'spec', 'containers', '0', 'resources', 'limits', 'cpu'),
      );
      return [attempt];
    },
    records: [{ operation: 'CREATE', resource: 'v1/pods' }],
    note: 'recorded and voted for as it is stored',
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

/** A Role with these rules, and somebody who has nothing else. */
function littleRole({ ns }: Stage, rules: readonly object[]): object[] {
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'little' };
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: `${ns}-little` }];
  return [
    { apiVersion: RBAC, kind: 'Role', metadata: { name: 'little' }, rules },
    { apiVersion: RBAC, kind: 'RoleBinding', metadata: { name: 'little' }, roleRef, subjects },
  ];
}

function account(name: string): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } };
}

/** The API server's admission has heard of the LimitRange. */
async function filledIn(stage: Stage): Promise<void> {
  const dryRun = ['run', 'tried', '--image=first', '--dry-run=server', '--output=json'];
  const deadline = performance.now() + 30_000;
  for (;;) {
    if ((await stage.admin(dryRun)).includes('200m')) return;
    if (performance.now() > deadline) throw new Error('the LimitRange does not come into force');
  }
}
