import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestInit, Response } from './request.ts';

export interface RoleGrant {
  /** Exactly one of `user` and `group`. */
  readonly user?: string;
  readonly group?: string;
  /** A ClusterRole: `cluster-admin`, `edit`, `view` or one that was made. */
  readonly role: string;
  /** Only in this namespace. Default: in the whole cluster. */
  readonly namespace?: string;
}

type Request = (path: string, init?: RequestInit, user?: string) => Promise<Response>;

const VISIBLE_WITHIN_MS = 1_000;
const POLL_INTERVAL_MS = 10;

/**
 * Makes a (Cluster)RoleBinding as the administrator. For a user of the cluster it returns when the API server's authorizer, which follows
 * by a watch, has seen it.
 * @throws Error with the API server's answer if the binding is refused.
 */
export async function grantRole(
  request: Request,
  knowsUser: (name: string) => boolean,
  grant: RoleGrant,
): Promise<void> {
  const { user, group, role, namespace } = grant;
  const name = user ?? group;
  if (name === undefined || (user !== undefined && group !== undefined))
    throw new Error('a grant is for a user or for a group');
  const waits = user !== undefined && knowsUser(user);
  const before = waits ? await rulesOf(request, user, namespace) : '';

  const rbac = 'rbac.authorization.k8s.io';
  const kind = namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding';
  const folder = namespace === undefined ? '' : `namespaces/${encodeURIComponent(namespace)}/`;
  const answer = await request(`/apis/${rbac}/v1/${folder}${kind.toLowerCase()}s`, {
    method: 'POST',
    body: {
      apiVersion: `${rbac}/v1`,
      kind,
      metadata: { generateName: 'granted-' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: rbac, kind: user === undefined ? 'Group' : 'User', name }],
    },
  });
  if (answer.status !== 201) throw new Error(`${kind} of ${role} for ${name}: ${answer.status} ${answer.text}`);

  if (!waits) return;
  const deadline = performance.now() + VISIBLE_WITHIN_MS;
  // A role that the user had already changes no rule: then this takes the whole second.
  while ((await rulesOf(request, user, namespace)) === before && performance.now() < deadline)
    await sleep(POLL_INTERVAL_MS);
}

interface ClusterRole {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly aggregationRule?: { readonly clusterRoleSelectors?: readonly { matchLabels?: Record<string, string> }[] };
  readonly rules?: readonly unknown[] | null;
}

const CLUSTER_ROLES = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
/** `edit` gathers `view`, and `admin` gathers `edit`. */
const AGGREGATED = ['view', 'edit', 'admin'];

/**
 * Fills the ClusterRoles `view`, `edit` and `admin`, which are empty until the controller manager gathers their rules: for a cluster without
 * one. Roles that are made later are not gathered.
 * @throws Error with the API server's answer if a role cannot be written.
 */
export async function aggregateRoles(request: Request): Promise<void> {
  const roles = new Map(
    (await request(CLUSTER_ROLES)).json<{ items: ClusterRole[] }>().items.map((role) => [role.metadata.name, role]),
  );
  for (const name of AGGREGATED) {
    const role = roles.get(name);
    const selectors = role?.aggregationRule?.clusterRoleSelectors ?? [];
    const gathered = [...roles.values()].filter(
      ({ metadata }) =>
        metadata.name !== name &&
        selectors.some(({ matchLabels = {} }) =>
          Object.entries(matchLabels).every(([label, value]) => metadata.labels?.[label] === value),
        ),
    );
    const body = { rules: gathered.flatMap(({ rules }) => rules ?? []) };
    const contentType = 'application/merge-patch+json';
    const answer = await request(`${CLUSTER_ROLES}/${name}`, { method: 'PATCH', contentType, body });
    if (answer.status !== 200) throw new Error(`ClusterRole ${name}: ${answer.status} ${answer.text}`);
    roles.set(name, answer.json<ClusterRole>());
  }
}

async function rulesOf(request: Request, user: string, namespace = 'default'): Promise<string> {
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
  const answer = await request(
    '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    { method: 'POST', body: review },
    user,
  );
  const { status } = answer.json<{ status?: { resourceRules?: unknown[] } }>();
  return (status?.resourceRules ?? [])
    .map((rule) => JSON.stringify(rule))
    .toSorted()
    .join('\n');
}
