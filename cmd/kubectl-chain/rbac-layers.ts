import { EXCLUSIONS } from '../../src/change/index.ts';
import type { JsonObject } from '../../src/types/json.ts';
import { textAt } from './kube-api.ts';
import type { LayerJson } from './layer.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const MASTERS = 'Group system:masters';

type List = (path: string) => Promise<readonly JsonObject[] | undefined>;

interface Right {
  readonly verbs: readonly string[];
  readonly group: string;
  readonly resources: readonly string[];
}

const IMPERSONATE: Right = { verbs: ['impersonate'], group: '', resources: ['users', 'groups', 'serviceaccounts'] };
const CHANGE_ADMISSION: Right = {
  verbs: ['update', 'patch', 'delete', 'deletecollection'],
  group: 'admissionregistration.k8s.io',
  resources: ['validatingwebhookconfigurations', 'validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
};

/** What RBAC lets people do around the gate. */
export async function rbacLayers(list: List): Promise<readonly LayerJson[]> {
  const [roles, bindings, local] = await Promise.all([
    list(`${RBAC}/clusterroles`),
    list(`${RBAC}/clusterrolebindings`),
    list(`${RBAC}/rolebindings`),
  ]);
  const shown = roles === undefined || bindings === undefined ? undefined : { roles, bindings, local: local ?? [] };
  return [impersonation(shown), changers(shown), masters(shown)];
}

interface Shown {
  readonly roles: readonly JsonObject[];
  readonly bindings: readonly JsonObject[];
  /** Of single namespaces. */
  readonly local: readonly JsonObject[];
}

function impersonation(shown: Shown | undefined): LayerJson {
  const layer = 'impersonation';
  const notCovered = `system:masters passes every authorizer; a name alone leaves the gate only for ${EXCLUSIONS.length} listed writes; the audit stream and owners that lead nowhere tell of these`;
  if (shown === undefined)
    return { layer, state: 'unknown', required: false, found: 'RBAC cannot be read', notCovered };
  // A ServiceAccount may be impersonated by right of its namespace alone; kube-system holds the controllers'.
  const inSystem = shown.local.filter((binding) => textAt(binding, 'metadata', 'namespace') === 'kube-system');
  const who = holders(shown.roles, [...shown.bindings, ...inSystem], IMPERSONATE);
  const found = who.length === 0 ? 'nobody but system:masters may impersonate' : `may impersonate: ${who.join(', ')}`;
  return { layer, state: who.length === 0 ? 'ok' : 'missing', required: false, found, notCovered };
}

function changers(shown: Shown | undefined): LayerJson {
  const layer = 'webhook rights';
  const notCovered =
    'system:masters passes every authorizer; who may bind or escalate roles gives this right to anybody, through the gate';
  if (shown === undefined)
    return { layer, state: 'unknown', required: false, found: 'RBAC cannot be read', notCovered };
  const who = holders(shown.roles, shown.bindings, CHANGE_ADMISSION);
  const found =
    who.length === 0
      ? 'nobody but system:masters may change webhook configurations or admission policies'
      : `may change webhook configurations or admission policies: ${who.join(', ')}`;
  return { layer, state: who.length === 0 ? 'ok' : 'missing', required: false, found, notCovered };
}

function masters(shown: Shown | undefined): LayerJson {
  const bound = shown?.bindings.filter((binding) => subjectsOf(binding).includes(MASTERS)) ?? [];
  const by =
    bound.length === 0 ? '' : `; bound by ${bound.map((binding) => textAt(binding, 'metadata', 'name')).join(', ')}`;
  return {
    layer: 'system:masters',
    state: 'unknown',
    required: false,
    found: `nobody can list its members: whoever holds a client certificate with O=system:masters, or is given the group by another authenticator${by}`,
    notCovered: 'a member passes RBAC, not admission: its changes are gated like everybody\'s, until it removes the gate, which observers find',
  };
} // prettier-ignore

/** Subjects of the bindings whose ClusterRole gives one of these rights, without those who have every right. */
function holders(roles: readonly JsonObject[], bindings: readonly JsonObject[], right: Right): readonly string[] {
  const able = new Set(roles.filter((role) => gives(role, right)).map((role) => textAt(role, 'metadata', 'name')));
  const subjects = bindings
    .filter(
      (binding) => textAt(binding, 'roleRef', 'kind') === 'ClusterRole' && able.has(textAt(binding, 'roleRef', 'name')),
    )
    .flatMap(subjectsOf);
  return [...new Set(subjects)].filter((subject) => subject !== MASTERS).sort();
}

function subjectsOf(binding: JsonObject): readonly string[] {
  return ((binding['subjects'] ?? []) as JsonObject[]).map((subject) => {
    const namespace = textAt(subject, 'namespace');
    return `${textAt(subject, 'kind')} ${namespace === '' ? '' : `${namespace}/`}${textAt(subject, 'name')}`;
  });
}

function gives(role: JsonObject, { verbs, group, resources }: Right): boolean {
  return ((role['rules'] ?? []) as JsonObject[]).some((rule) => {
    const has = (field: string, values: readonly string[]): boolean =>
      ((rule[field] ?? []) as readonly string[]).some((value) => value === '*' || values.includes(value));
    return has('verbs', verbs) && has('resources', resources) && has('apiGroups', [group]);
  });
}
