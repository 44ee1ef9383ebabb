import { EXCLUSIONS } from '../../../../src/change/index.ts';
import { nodeAgents } from '../../../playground/full-control-plane.ts';
import type { Row } from '../row.ts';
import { isThere, type Attempt, type Identity, type Stage } from '../stage.ts';
import { configMap, MERGE_PATCH, pod, secret, workload } from './manifests.ts';

const CM = '/api/v1/namespaces/$/configmaps';
const created = { operation: 'CREATE', resource: 'v1/configmaps' } as const;
const CONTROLLER = 'deployment-controller';
const CONTROLLER_USER = `system:serviceaccount:kube-system:${CONTROLLER}`;

/** Every actor that the exclusions speak of, with the groups that it has and those of an administrator. */
const LISTED: readonly Identity[] = [
  ...new Map(
    EXCLUSIONS.flatMap(({ actor }): Identity[] => {
      if ('anyone' in actor) return [];
      if ('user' in actor) return [{ user: actor.user, groups: [] }];
      return [{ user: `${actor.userPrefix}node-1`, groups: [actor.group] }];
    }).map((identity) => [identity.user, identity]),
  ).values(),
  ...nodeAgents('full').map((user) => ({ user, groups: [] })),
].map(({ user, groups }) => ({ user, groups: [...groups, 'system:masters'] }));

/** What only looks like one. */
const LIKE_LISTED: readonly Identity[] = [
  'system:foo',
  'system:kube-scheduler2',
  'System:kube-scheduler',
  'system:serviceaccount:kube-system:robot',
  `system:serviceaccount:default:${CONTROLLER}`,
].map((user) => ({ user, groups: ['system:masters'] }));

async function create(s: Stage, identities: readonly Identity[]): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  for (const [i, as] of identities.entries()) attempts.push(await s.raw('POST', CM, { body: configMap(`x${i}`), as }));
  return attempts;
}

/** The administrator's own right, as this controller. */
const controller = (name: string): Identity => ({
  user: `system:serviceaccount:kube-system:${name}`,
  groups: ['system:masters'],
});
const gone = '00000000-0000-4000-8000-000000000000';
const ownedBy = (apiVersion: string, kind: string) => ({
  ownerReferences: [{ apiVersion, kind, name: 'gone', uid: gone, controller: true }],
});
const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'x' },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'none', resources: { requests: { storage: '1Gi' } } },
};

/** What impersonation does reach: each is a triple of the list, and leaves something in the log of the API server alone. */
async function reach(s: Stage): Promise<Attempt[]> {
  const owned = {
    ...(workload('ReplicaSet', 'y') as object),
    metadata: { name: 'y', ...ownedBy('apps/v1', 'Deployment') },
  };
  return [
    await s.raw('POST', '/apis/apps/v1/namespaces/$/replicasets', {
      as: controller('deployment-controller'),
      body: owned,
    }),
    await s.raw('POST', '/api/v1/namespaces/$/pods', {
      as: controller('replicaset-controller'),
      body: pod('y', {}, ownedBy('apps/v1', 'ReplicaSet')),
    }),
    await s.raw('PATCH', '/apis/apps/v1/namespaces/$/deployments/x/scale', {
      as: controller('horizontal-pod-autoscaler'),
      contentType: MERGE_PATCH,
      body: { spec: { replicas: 0 } },
    }),
    await s.raw('DELETE', '/api/v1/namespaces/$/pods/x', { as: controller('pod-garbage-collector') }),
    await s.raw('DELETE', '/api/v1/namespaces/$/secrets', { as: controller('namespace-controller') }),
    await s.raw('DELETE', `${CM}/owned`, { as: controller('generic-garbage-collector') }),
    await s.raw('POST', '/api/v1/namespaces/$/endpoints', {
      as: controller('endpoint-controller'),
      body: { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'x' }, subsets: [] },
    }),
    await s.raw('POST', '/api/v1/namespaces/$/persistentvolumeclaims', {
      as: controller('statefulset-controller'),
      body: claim,
    }),
    await s.raw('PATCH', `${CM}/kube-root-ca.crt`, {
      as: controller('root-ca-cert-publisher'),
      contentType: MERGE_PATCH,
      body: { data: { 'ca.crt': 'another' } },
    }),
  ];
}

/** Names of the control plane, and the doors to them: none leads around the gate. */
export const IMPERSONATION: readonly Row[] = [
  {
    id: 'as-listed',
    what: 'every actor of the list below, impersonated, with a kind that it may not write on its own',
    change: (s) => create(s, LISTED),
    records: LISTED.map(({ user }, i) => ({ ...created, name: `x${i}`, user })),
    note: 'a name alone never leaves the gate',
  },
  {
    id: 'as-reaching',
    what: 'controllers, impersonated, with what they must do on their own',
    prepare: async (s) => {
      await s.make(workload('Deployment', 'x', { paused: true }), pod('x', { schedulerName: 'nobody' }), secret('x'));
      await s.make(configMap('owner'));
      const uid = (await s.get(`${CM}/owner`))?.metadata?.uid;
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }];
      await s.make({ ...configMap('owned'), metadata: { name: 'owned', ownerReferences } });
      await s.until(`${CM}/kube-root-ca.crt`, isThere);
    },
    change: reach,
    records: [],
    note: 'the list below is all that impersonation reaches: found out, not prevented',
  },
  {
    id: 'as-alike',
    what: 'names that only look like one of the list',
    change: (s) => create(s, LIKE_LISTED),
    records: LIKE_LISTED.map(({ user }, i) => ({ ...created, name: `x${i}`, user })),
  },
  {
    id: 'as-token',
    what: 'a token that was minted for a listed ServiceAccount',
    prepare: async (s) => {
      await s.admin([
        'create',
        'rolebinding',
        'it',
        '--clusterrole=edit',
        `--serviceaccount=kube-system:${CONTROLLER}`,
      ]);
    },
    change: async (s) => {
      const token = await s.admin(['create', 'token', CONTROLLER, '--namespace=kube-system']);
      return [await s.withToken(token.trim(), ['create', 'configmap', 'x'])];
    },
    records: [{ ...created, user: CONTROLLER_USER }],
    note: 'minting it is recorded, and gated where a policy says so: see `serviceaccounts/token`',
  },
  {
    id: 'as-secret',
    what: 'a Secret with a token of a listed ServiceAccount, and what is done with the token',
    prepare: async (s) => {
      await s.admin([
        'create',
        'rolebinding',
        'it',
        '--clusterrole=edit',
        `--serviceaccount=kube-system:${CONTROLLER}`,
      ]);
    },
    change: async (s) => {
      const metadata = {
        name: s.ns,
        namespace: 'kube-system',
        annotations: { 'kubernetes.io/service-account.name': CONTROLLER },
      };
      const secret = { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/service-account-token', metadata };
      const path = '/api/v1/namespaces/kube-system/secrets/$';
      const made = await s.raw('POST', '/api/v1/namespaces/kube-system/secrets', { body: secret });
      if (!made.ok) return [made];
      const tokenOf = (object: unknown) => (object as { data?: { token?: string } } | undefined)?.data?.token;
      await s.until(path, (object) => tokenOf(object) !== undefined);
      const token = Buffer.from(tokenOf(await s.get(path)) ?? '', 'base64').toString('utf8');
      return [made, await s.withToken(token, ['create', 'configmap', 'x'])];
    },
    records: [
      { operation: 'CREATE', resource: 'v1/secrets', name: '$', namespace: 'kube-system' },
      { ...created, user: CONTROLLER_USER },
    ],
    refused: [{ operation: 'CREATE', resource: 'v1/secrets', name: '$', namespace: 'kube-system' }],
  },
  {
    id: 'as-pod',
    what: 'a Pod with a listed ServiceAccount',
    change: async (s) => [
      await s.raw('POST', '/api/v1/namespaces/kube-system/pods', {
        body: pod(s.ns, { serviceAccountName: CONTROLLER, schedulerName: 'nobody' }),
      }),
    ],
    records: [{ operation: 'CREATE', resource: 'v1/pods', name: '$', namespace: 'kube-system' }],
  },
];
