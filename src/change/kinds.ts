/**
 * Built-in resources whose main endpoint ignores `status`, because it is written through `/status` only (the strategies of
 * Kubernetes 1.36: PrepareForUpdate puts the old status back). By group, then the versions for which that was checked: in
 * any other version, and for every custom resource, `status` may carry what someone asked for, so it is kept and digested.
 */
const STATUS_SUBRESOURCE: Readonly<Record<string, { versions: readonly string[]; resources: readonly string[] }>> = {
  '': {
    versions: ['v1'],
    resources: [
      'namespaces', 'nodes', 'persistentvolumeclaims', 'persistentvolumes', 'pods', 'replicationcontrollers',
      'resourcequotas', 'services',
    ],
  },
  'admissionregistration.k8s.io': { versions: ['v1'], resources: ['validatingadmissionpolicies'] },
  'apiextensions.k8s.io': { versions: ['v1'], resources: ['customresourcedefinitions'] },
  'apiregistration.k8s.io': { versions: ['v1'], resources: ['apiservices'] },
  apps: { versions: ['v1'], resources: ['daemonsets', 'deployments', 'replicasets', 'statefulsets'] },
  autoscaling: { versions: ['v1', 'v2'], resources: ['horizontalpodautoscalers'] },
  batch: { versions: ['v1'], resources: ['cronjobs', 'jobs'] },
  'certificates.k8s.io': { versions: ['v1'], resources: ['certificatesigningrequests'] },
  'flowcontrol.apiserver.k8s.io': { versions: ['v1'], resources: ['flowschemas', 'prioritylevelconfigurations'] },
  'networking.k8s.io': { versions: ['v1'], resources: ['ingresses', 'servicecidrs'] },
  policy: { versions: ['v1'], resources: ['poddisruptionbudgets'] },
  'resource.k8s.io': { versions: ['v1'], resources: ['resourceclaims'] },
  'storage.k8s.io': { versions: ['v1'], resources: ['volumeattachments'] },
}; // prettier-ignore

/**
 * Groups whose objects are stored in fields of Go types: a list without elements is stored as no list, and read back as null where its field is always
 * written. Not those that carry JSON of somebody else's, in which the two differ: CRDs, devices; nor custom resources.
 */
const TYPED_GROUPS: readonly string[] = [
  '', 'admissionregistration.k8s.io', 'apiregistration.k8s.io', 'apps', 'autoscaling', 'batch', 'certificates.k8s.io',
  'coordination.k8s.io', 'discovery.k8s.io', 'flowcontrol.apiserver.k8s.io', 'networking.k8s.io', 'node.k8s.io', 'policy',
  'rbac.authorization.k8s.io', 'scheduling.k8s.io', 'storage.k8s.io',
]; // prettier-ignore

export function losesEmptyLists({ group, resource }: Pick<ResourceName, 'group' | 'resource'>): boolean {
  return TYPED_GROUPS.includes(group) && resource !== 'controllerrevisions';
}

export interface ResourceName {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

export function hasStatusSubresource({ group, version, resource }: ResourceName): boolean {
  const known = Object.hasOwn(STATUS_SUBRESOURCE, group) ? STATUS_SUBRESOURCE[group] : undefined;
  return known !== undefined && known.versions.includes(version) && known.resources.includes(resource);
}

/**
 * Lists that Kubernetes itself merges by key (patchMergeKey, x-kubernetes-list-map-keys), by the name of their field; the
 * first key that every element has and that is unique counts. Where none is, the list is compared as a whole, in order.
 */
const LIST_KEYS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  addresses: [['type']],
  claims: [['name']],
  conditions: [['type']],
  containers: [['name']],
  env: [['name']],
  ephemeralContainers: [['name']],
  hostAliases: [['ip']],
  imagePullSecrets: [['name']],
  initContainers: [['name']],
  matchConditions: [['name']],
  ownerReferences: [['uid']],
  podIPs: [['ip']],
  ports: [['containerPort', 'protocol'], ['port', 'protocol']],
  resourceClaims: [['name']],
  schedulingGates: [['name']],
  secrets: [['name']],
  topologySpreadConstraints: [['topologyKey', 'whenUnsatisfiable']],
  volumeDevices: [['devicePath']],
  volumeMounts: [['mountPath']],
  volumes: [['name']],
  webhooks: [['name']],
}; // prettier-ignore

/** Candidate keys of the list in a field of this name. */
export function listKeysOf(field: string): readonly (readonly string[])[] {
  return Object.hasOwn(LIST_KEYS, field) ? (LIST_KEYS[field] ?? []) : [];
}
