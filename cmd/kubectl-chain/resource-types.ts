import { ChainError } from '../../src/errors/chain-error.ts';

export interface ResourceType {
  readonly group: string;
  readonly resource: string;
  readonly isNamespaced: boolean;
}

/** plural, singular, short names, group, namespaced: what `kubectl api-resources` says of a plain cluster. Reading needs no discovery. */
const table: readonly (readonly [plural: string, singular: string, short: string, group: string, namespaced: boolean])[] = [
  ['configmaps', 'configmap', 'cm', '', true],
  ['endpoints', 'endpoints', 'ep', '', true],
  ['events', 'event', 'ev', '', true],
  ['limitranges', 'limitrange', 'limits', '', true],
  ['namespaces', 'namespace', 'ns', '', false],
  ['nodes', 'node', 'no', '', false],
  ['persistentvolumeclaims', 'persistentvolumeclaim', 'pvc', '', true],
  ['persistentvolumes', 'persistentvolume', 'pv', '', false],
  ['pods', 'pod', 'po', '', true],
  ['podtemplates', 'podtemplate', '', '', true],
  ['replicationcontrollers', 'replicationcontroller', 'rc', '', true],
  ['resourcequotas', 'resourcequota', 'quota', '', true],
  ['secrets', 'secret', '', '', true],
  ['serviceaccounts', 'serviceaccount', 'sa', '', true],
  ['services', 'service', 'svc', '', true],
  ['mutatingwebhookconfigurations', 'mutatingwebhookconfiguration', '', 'admissionregistration.k8s.io', false],
  ['validatingadmissionpolicies', 'validatingadmissionpolicy', '', 'admissionregistration.k8s.io', false],
  ['validatingadmissionpolicybindings', 'validatingadmissionpolicybinding', '', 'admissionregistration.k8s.io', false],
  ['validatingwebhookconfigurations', 'validatingwebhookconfiguration', '', 'admissionregistration.k8s.io', false],
  ['customresourcedefinitions', 'customresourcedefinition', 'crd crds', 'apiextensions.k8s.io', false],
  ['apiservices', 'apiservice', '', 'apiregistration.k8s.io', false],
  ['controllerrevisions', 'controllerrevision', '', 'apps', true],
  ['daemonsets', 'daemonset', 'ds', 'apps', true],
  ['deployments', 'deployment', 'deploy', 'apps', true],
  ['replicasets', 'replicaset', 'rs', 'apps', true],
  ['statefulsets', 'statefulset', 'sts', 'apps', true],
  ['horizontalpodautoscalers', 'horizontalpodautoscaler', 'hpa', 'autoscaling', true],
  ['cronjobs', 'cronjob', 'cj', 'batch', true],
  ['jobs', 'job', '', 'batch', true],
  ['certificatesigningrequests', 'certificatesigningrequest', 'csr', 'certificates.k8s.io', false],
  ['leases', 'lease', '', 'coordination.k8s.io', true],
  ['endpointslices', 'endpointslice', '', 'discovery.k8s.io', true],
  ['ingressclasses', 'ingressclass', '', 'networking.k8s.io', false],
  ['ingresses', 'ingress', 'ing', 'networking.k8s.io', true],
  ['networkpolicies', 'networkpolicy', 'netpol', 'networking.k8s.io', true],
  ['poddisruptionbudgets', 'poddisruptionbudget', 'pdb', 'policy', true],
  ['clusterrolebindings', 'clusterrolebinding', '', 'rbac.authorization.k8s.io', false],
  ['clusterroles', 'clusterrole', '', 'rbac.authorization.k8s.io', false],
  ['rolebindings', 'rolebinding', '', 'rbac.authorization.k8s.io', true],
  ['roles', 'role', '', 'rbac.authorization.k8s.io', true],
  ['priorityclasses', 'priorityclass', 'pc', 'scheduling.k8s.io', false],
  ['csidrivers', 'csidriver', '', 'storage.k8s.io', false],
  ['storageclasses', 'storageclass', 'sc', 'storage.k8s.io', false],
  ['volumeattachments', 'volumeattachment', '', 'storage.k8s.io', false],
]; // prettier-ignore

/**
 * `deploy`, `deployment`, `deployments`, `deployments.apps`, `deployments.v1.apps`; anything else with a dot is a plural with its
 * group, taken to be namespaced unless an empty namespace is given. Throws CLI_RESOURCE_TYPE.
 */
export function resourceType(text: string): ResourceType {
  const [first = '', ...rest] = text.toLowerCase().split('.');
  const isVersion = /^v\d+((alpha|beta)\d+)?$/.test(rest[0] ?? '') && rest.length > 1;
  const group = (isVersion ? rest.slice(1) : rest).join('.');
  for (const [plural, singular, short, knownGroup, isNamespaced] of table) {
    const isName = first === plural || first === singular || short.split(' ').includes(first);
    if (isName && first !== '' && (group === '' || group === knownGroup))
      return { group: knownGroup, resource: plural, isNamespaced };
  }
  if (first === '' || group === '') throw new ChainError('CLI_RESOURCE_TYPE', { type: text });
  return { group, resource: first, isNamespaced: true };
}

/** The resource of a kind, as an ownerReference names it: of a plain cluster's kinds exactly, of others by the rule that nearly all follow. */
export function resourceOfKind(group: string, kind: string): ResourceType {
  const singular = kind.toLowerCase();
  const known = table.find(([, name, , knownGroup]) => name === singular && knownGroup === group);
  if (known !== undefined) return { group, resource: known[0], isNamespaced: known[4] };
  const plural = /(?:s|x|ch|sh)$/.test(singular)
    ? `${singular}es`
    : /[^aeiou]y$/.test(singular)
      ? `${singular.slice(0, -1)}ies`
      : `${singular}s`;
  return { group, resource: plural, isNamespaced: true };
}

/** `TYPE`, `TYPE/NAME`, or `TYPE NAME`. */
export function typeAndName(words: readonly string[]): { readonly type: string; readonly name: string | null } {
  const [first = '', second, ...more] = words;
  const slash = first.indexOf('/');
  if (more.length > 0 || (slash >= 0 && second !== undefined))
    throw new ChainError('CLI_USAGE', { problem: 'give one TYPE/NAME at a time' });
  if (slash < 0) return { type: first, name: second ?? null };
  const name = first.slice(slash + 1);
  if (name === '') throw new ChainError('CLI_USAGE', { problem: `${first}: the name is missing` });
  return { type: first.slice(0, slash), name };
}
