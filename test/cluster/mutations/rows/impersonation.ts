import { EXCLUSIONS } from '../../../../src/change/index.ts';
import { nodeAgents } from '../../../playground/full-control-plane.ts';
import type { Row } from '../row.ts';
import type { Identity, Stage } from '../stage.ts';
import { configMap, pod } from './manifests.ts';

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

const create = (s: Stage, identities: readonly Identity[]) =>
  Promise.all(identities.map((as, i) => s.raw('POST', CM, { body: configMap(`x${i}`), as })));

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
