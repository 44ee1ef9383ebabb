import type { Operation } from '../types/change.ts';
import {
  allOf,
  anyOf,
  controlledBy,
  hadCollectorFinalizer,
  hadOwner,
  hadSecretType,
  hadTimeToLive,
  isAggregated,
  isBoundToken,
  isKubeletCertificate,
  isLocalApiService,
  isMirrorPod,
  isOwnNode,
  isPodOfOwnNode,
  metadataOnly,
  taintsOnly,
  wasTerminating,
  type Condition,
} from './exclusion-conditions.ts';
import type { DecodedReview } from './review.ts';

/**
 * What becomes of a change: `gate` waits for the chain's decision; `record` is written down and never decided (the record hook); `none` is asked about by
 * nobody. The list holds the last two; what is not on it is for the gate.
 */
export type ChangeClass = 'gate' | 'record' | 'none';

/**
 * What never waits for the chain's decision (P6). A name alone never leaves the gate, because impersonation costs an administrator
 * nothing: each entry is an (actor, operation, resource) triple, narrowed by name, namespace or a condition where the
 * actor's work allows. `anyone` stands only where the resource changes nothing that a policy could protect.
 */
export interface Exclusion {
  readonly class: Exclude<ChangeClass, 'gate'>;
  readonly actor: Actor;
  readonly operations: readonly Operation[];
  readonly group: string;
  /** `pods`, `pods/status`, or `*` for every resource without subresource, or a `*` in front of `/scale`. */
  readonly resources: readonly string[];
  readonly names?: readonly string[];
  readonly namePrefixes?: readonly string[];
  readonly namespaces?: readonly string[];
  /** Only the single steps of a deletecollection, which have no name of their own. */
  readonly unnamed?: true;
  readonly where?: Condition;
  readonly reason: string;
}

export type Actor =
  | { readonly anyone: true }
  | { readonly user: string }
  /** A user with this prefix who is also in the group. */
  | { readonly userPrefix: string; readonly group: string };

/** What an installation may add, from the operator's configuration, never from a request. */
export interface ExclusionSettings {
  /** Users that play the kubelet of every node (kwok); none in production. */
  readonly nodeAgents?: readonly string[];
  /** Service of the chain's query API: reading it through the API server's proxy must not need a commit. */
  readonly chainService?: { readonly namespace: string; readonly names: readonly string[] };
  /** Objects that the chain's own ServiceAccount keeps in the cluster, by exact name. */
  readonly chainObjects?: readonly {
    readonly user: string;
    readonly group: string;
    readonly resource: string;
    readonly namespace: string;
    readonly names: readonly string[];
  }[];
}

const WRITE: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE'];
const anyone: Actor = { anyone: true };
const controller = (name: string): Actor => ({ user: `system:serviceaccount:kube-system:${name}` });
const kubelet: Actor = { userPrefix: 'system:node:', group: 'system:nodes' };
const apiServer: Actor = { user: 'system:apiserver' };
const controllerManager: Actor = { user: 'system:kube-controller-manager' };
const scheduler: Actor = { user: 'system:kube-scheduler' };

type Rule = Omit<Exclusion, 'class' | 'actor' | 'operations' | 'group' | 'resources'>;

const entryOf =
  (class_: Exclusion['class']) =>
  (
    actor: Actor,
    operations: readonly Operation[],
    group: string,
    resources: readonly string[],
    rule: Rule,
  ): Exclusion => ({
    class: class_,
    actor,
    operations,
    group,
    resources,
    ...rule,
  });

/** Written down, not decided. */
const record = entryOf('record');
/** Too many, too early, or no change at all: nobody is asked. */
const none = entryOf('none');

/** Each of these controllers reports in the status of what it watches over. */
const STATUS_WRITERS: readonly (readonly [controller: string, group: string, ...resources: readonly string[]])[] = [
  ['attachdetach-controller', '', 'nodes/status'],
  ['attachdetach-controller', 'storage.k8s.io', 'volumeattachments/status'],
  ['certificate-controller', 'certificates.k8s.io', 'certificatesigningrequests/status'],
  ['cronjob-controller', 'batch', 'cronjobs/status'],
  ['daemon-set-controller', 'apps', 'daemonsets/status'],
  ['deployment-controller', 'apps', 'deployments/status'],
  ['disruption-controller', 'policy', 'poddisruptionbudgets/status'],
  ['disruption-controller', '', 'pods/status'],
  ['expand-controller', '', 'persistentvolumeclaims/status', 'persistentvolumes/status'],
  ['horizontal-pod-autoscaler', 'autoscaling', 'horizontalpodautoscalers/status'],
  ['job-controller', 'batch', 'jobs/status'],
  ['namespace-controller', '', 'namespaces/status', 'namespaces/finalize'],
  ['node-controller', '', 'nodes/status', 'pods/status'],
  ['persistent-volume-binder', '', 'persistentvolumeclaims/status', 'persistentvolumes/status'],
  ['pod-garbage-collector', '', 'pods/status'],
  ['replicaset-controller', 'apps', 'replicasets/status'],
  ['replication-controller', '', 'replicationcontrollers/status'],
  ['resource-claim-controller', 'resource.k8s.io', 'resourceclaims/status'],
  ['resource-claim-controller', '', 'pods/status'],
  ['resourcequota-controller', '', 'resourcequotas/status'],
  ['service-cidrs-controller', 'networking.k8s.io', 'servicecidrs/status'],
  ['service-controller', '', 'services/status'],
  ['statefulset-controller', 'apps', 'statefulsets/status'],
  ['device-taint-eviction-controller', '', 'pods/status'],
];

/** Status of nodes and pods changes with every beat of every node, whoever writes it. */
const HEARTBEATS: readonly string[] = ['nodes/status', 'pods/status'];

/** What a controller makes, adopts and removes for the objects of one kind, which themselves went through the gate. */
const OWNERS: readonly (readonly [
  controller: string,
  kinds: readonly string[],
  group: string,
  ...resources: readonly string[],
])[] = [
  ['cronjob-controller', ['CronJob'], 'batch', 'jobs'],
  ['daemon-set-controller', ['DaemonSet'], '', 'pods'],
  ['daemon-set-controller', ['DaemonSet'], 'apps', 'controllerrevisions'],
  ['deployment-controller', ['Deployment'], 'apps', 'replicasets'],
  ['ephemeral-volume-controller', ['Pod'], '', 'persistentvolumeclaims'],
  ['job-controller', ['Job'], '', 'pods'],
  ['replicaset-controller', ['ReplicaSet'], '', 'pods'],
  ['replication-controller', ['ReplicationController'], '', 'pods'],
  ['resource-claim-controller', ['Pod'], 'resource.k8s.io', 'resourceclaims'],
  ['statefulset-controller', ['StatefulSet'], '', 'pods', 'persistentvolumeclaims'],
  ['statefulset-controller', ['StatefulSet'], 'apps', 'controllerrevisions'],
];

/**
 * The roles and bindings that a fresh API server 1.36 makes (label kubernetes.io/bootstrapping=rbac-defaults). By exact name: a prefix
 * would let whoever impersonates it make a binding of its own.
 */
const BOOTSTRAP_RBAC: readonly string[] = [
  ...['admin', 'cluster-admin', 'edit', 'view', 'extension-apiserver-authentication-reader'],
  ...`
  aggregate-to-admin aggregate-to-edit aggregate-to-view auth-delegator basic-user certificates.k8s.io:certificatesigningrequests:nodeclient
  certificates.k8s.io:certificatesigningrequests:selfnodeclient certificates.k8s.io:kube-apiserver-client-approver
  certificates.k8s.io:kube-apiserver-client-kubelet-approver certificates.k8s.io:kubelet-serving-approver certificates.k8s.io:legacy-unknown-approver
  discovery heapster kube-aggregator kube-controller-manager kube-dns kube-scheduler kubelet-api-admin monitoring node node-bootstrapper
  node-problem-detector node-proxier persistent-volume-provisioner public-info-viewer service-account-issuer-discovery volume-scheduler
  :extension-apiserver-authentication-reader :leader-locking-kube-controller-manager :leader-locking-kube-scheduler
  `.trim().split(/\s+/).map((name) => `system:${name}`),
  ...`
  attachdetach-controller certificate-controller clusterrole-aggregation-controller cronjob-controller daemon-set-controller deployment-controller
  device-taint-eviction-controller disruption-controller endpoint-controller endpointslice-controller endpointslicemirroring-controller
  ephemeral-volume-controller expand-controller generic-garbage-collector horizontal-pod-autoscaler job-controller
  legacy-service-account-token-cleaner namespace-controller node-controller persistent-volume-binder pod-garbage-collector pv-protection-controller
  pvc-protection-controller replicaset-controller replication-controller resource-claim-controller resourcequota-controller root-ca-cert-publisher
  route-controller selinux-warning-controller service-account-controller service-cidrs-controller service-controller statefulset-controller
  ttl-after-finished-controller ttl-controller validatingadmissionpolicy-status-controller volumeattributesclass-protection-controller
  bootstrap-signer cloud-provider token-cleaner
  `.trim().split(/\s+/).map((name) => `system:controller:${name}`),
]; // prettier-ignore

/** Bootstrap objects that a fresh API server must write before it is ready; by exact name where the names are fixed. */
const START_UP: readonly Exclusion[] = [
  none(apiServer, WRITE, 'networking.k8s.io', ['ipaddresses'], { reason: 'written before the Service it belongs to; a refusal breaks every Service' }),
  none(apiServer, ['CREATE', 'UPDATE'], 'networking.k8s.io', ['servicecidrs', 'servicecidrs/status'], { names: ['kubernetes'], reason: 'the default range of the API server' }),
  none(apiServer, ['CREATE', 'UPDATE'], '', ['namespaces'], { names: ['default', 'kube-node-lease', 'kube-public', 'kube-system'], reason: 'system namespaces at start-up' }),
  none(apiServer, WRITE, '', ['services', 'endpoints'], { names: ['kubernetes'], namespaces: ['default'], reason: 'address of the API server itself' }),
  none(apiServer, WRITE, 'discovery.k8s.io', ['endpointslices'], { names: ['kubernetes'], namespaces: ['default'], reason: 'address of the API server itself' }),
  none(apiServer, ['CREATE', 'UPDATE'], '', ['configmaps'], {
    names: ['extension-apiserver-authentication', 'kube-apiserver-legacy-service-account-token-tracking'],
    namespaces: ['kube-system'],
    reason: 'start-up',
  }),
  none(apiServer, ['CREATE', 'UPDATE'], 'scheduling.k8s.io', ['priorityclasses'], { names: ['system-cluster-critical', 'system-node-critical'], reason: 'start-up: without them the API server exits' }),
  none(apiServer, WRITE, 'flowcontrol.apiserver.k8s.io', ['flowschemas', 'flowschemas/status', 'prioritylevelconfigurations', 'prioritylevelconfigurations/status'], {
    names: [
      'catch-all', 'endpoint-controller', 'exempt', 'global-default', 'kube-controller-manager', 'kube-scheduler', 'kube-system-service-accounts',
      'leader-election', 'node-high', 'probes', 'service-accounts', 'system', 'system-leader-election', 'system-node-high', 'system-nodes',
      'workload-high', 'workload-leader-election', 'workload-low',
    ],
    reason: 'built-in flow control at start-up',
  }),
  none(apiServer, ['CREATE'], 'rbac.authorization.k8s.io', ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'], {
    names: BOOTSTRAP_RBAC,
    reason: 'built-in roles of a fresh cluster; a later UPDATE or DELETE of one is gated, and the API server goes on without it',
  }),
  none(apiServer, WRITE, 'apiregistration.k8s.io', ['apiservices'], { where: isLocalApiService, reason: 'registers the versions that it serves itself' }),
  none(apiServer, ['UPDATE'], 'apiregistration.k8s.io', ['apiservices/status'], { reason: 'whether the servers of aggregated APIs answer' }),
  record(apiServer, ['UPDATE'], '', ['secrets'], { where: allOf(hadSecretType('kubernetes.io/service-account-token'), metadataOnly), reason: 'label with the date on which a token Secret was used last' }),
  none(apiServer, ['UPDATE'], 'apiextensions.k8s.io', ['customresourcedefinitions/status'], { reason: 'conditions and finalizer of a CRD' }),
  none(apiServer, WRITE, 'internal.apiserver.k8s.io', ['storageversions', 'storageversions/status'], { reason: 'bookkeeping of API servers' }),
]; // prettier-ignore

const NODES: readonly Exclusion[] = [
  none(kubelet, ['UPDATE'], '', ['nodes/status'], { where: isOwnNode, reason: 'heartbeat' }),
  none(kubelet, ['CREATE', 'UPDATE'], '', ['nodes'], { where: isOwnNode, reason: 'registration at bootstrap' }),
  none(kubelet, ['CREATE', 'UPDATE'], 'storage.k8s.io', ['csinodes'], { where: isOwnNode, reason: 'registration of storage drivers' }),
  none(kubelet, ['UPDATE'], '', ['pods/status'], { where: isPodOfOwnNode, reason: 'state of its pods' }),
  record(kubelet, ['DELETE'], '', ['pods'], { where: allOf(isPodOfOwnNode, anyOf(wasTerminating, isMirrorPod)), reason: 'last step of a deletion that went through the gate' }),
  record(kubelet, ['CREATE'], '', ['pods'], { where: allOf(isPodOfOwnNode, isMirrorPod), reason: 'shows a pod that runs from a file of the node' }),
  record(kubelet, ['CREATE'], '', ['serviceaccounts/token'], { where: isBoundToken, reason: 'tokens of its pods, which end with them' }),
  none(kubelet, ['CREATE'], 'certificates.k8s.io', ['certificatesigningrequests'], { where: isKubeletCertificate, reason: 'renewal of its certificate' }),
  none({ userPrefix: 'system:bootstrap:', group: 'system:bootstrappers' }, ['CREATE'], 'certificates.k8s.io', ['certificatesigningrequests'], { where: isKubeletCertificate, reason: 'first certificate of a node' }),
]; // prettier-ignore

const SCHEDULER: readonly Exclusion[] = [
  none(scheduler, ['CREATE'], '', ['pods/binding'], { reason: 'places pods that went through the gate' }),
  none(scheduler, ['UPDATE'], '', ['pods/status'], { reason: 'says why a pod waits' }),
  record(scheduler, ['DELETE'], '', ['pods'], { where: hadOwner, reason: 'preemption; a pod without owner is gated' }),
  record(scheduler, ['UPDATE'], '', ['persistentvolumeclaims'], { where: metadataOnly, reason: 'names the node for a volume' }),
  record(scheduler, ['UPDATE'], '', ['persistentvolumes'], { reason: 'binds a volume' }),
  record(scheduler, ['UPDATE'], 'resource.k8s.io', ['resourceclaims', 'resourceclaims/status'], { reason: 'allocates devices' }),
]; // prettier-ignore

const CONTROLLER_MANAGER: readonly Exclusion[] = [
  record(controllerManager, ['CREATE'], '', ['serviceaccounts/token', 'serviceaccounts'], { namespaces: ['kube-system'], reason: 'identities of its own controllers' }),
  record(controllerManager, ['UPDATE', 'DELETE'], '', ['secrets'], { where: hadSecretType('kubernetes.io/service-account-token'), reason: 'fills and removes token Secrets, whose CREATE is gated' }),
  record(controller('certificate-controller'), ['UPDATE'], 'certificates.k8s.io', ['certificatesigningrequests/approval'], { where: isKubeletCertificate, reason: 'approves kubelets by the built-in rule' }),
  record(controller('certificate-controller'), ['DELETE'], 'certificates.k8s.io', ['certificatesigningrequests'], { reason: 'removes old requests' }),
  record(controller('clusterrole-aggregation-controller'), ['UPDATE'], 'rbac.authorization.k8s.io', ['clusterroles'], { where: isAggregated, reason: 'sum of ClusterRoles that went through the gate' }),
  record(controller('deployment-controller'), ['UPDATE'], 'apps', ['deployments'], { where: metadataOnly, reason: 'revision annotation' }),
  record(controller('endpoint-controller'), WRITE, '', ['endpoints'], { reason: 'addresses of Services' }),
  record(controller('endpointslice-controller'), WRITE, 'discovery.k8s.io', ['endpointslices'], { reason: 'addresses of Services' }),
  record(controller('endpointslicemirroring-controller'), WRITE, 'discovery.k8s.io', ['endpointslices'], { reason: 'addresses of Services' }),
  record(controller('generic-garbage-collector'), ['DELETE'], '*', ['*'], { where: hadOwner, reason: 'follows the deletion of an owner, which counts as its dependents\'' }),
  record(controller('generic-garbage-collector'), ['UPDATE'], '*', ['*'], { where: allOf(metadataOnly, anyOf(hadCollectorFinalizer, hadOwner)), reason: 'ends a foreground or orphaning deletion' }),
  record(controller('horizontal-pod-autoscaler'), ['UPDATE'], '*', ['*/scale'], { reason: 'within the bounds of an autoscaler that went through the gate' }),
  record(controller('namespace-controller'), ['DELETE'], '*', ['*'], { unnamed: true, reason: 'empties a Terminating namespace; the DELETE of the namespace counts as that of its content' }),
  record(controller('node-controller'), ['UPDATE'], '', ['nodes'], { where: taintsOnly, reason: 'taints of nodes that are not ready' }),
  record(controller('persistent-volume-binder'), WRITE, '', ['persistentvolumes'], { reason: 'binds, releases and reclaims volumes' }),
  record(controller('persistent-volume-binder'), ['UPDATE'], '', ['persistentvolumeclaims'], { reason: 'binds claims' }),
  record(controller('pod-garbage-collector'), ['DELETE'], '', ['pods'], { reason: 'removes pods that ended or whose node is gone' }),
  record(controller('pv-protection-controller'), ['UPDATE'], '', ['persistentvolumes'], { where: metadataOnly, reason: 'finalizer' }),
  record(controller('pvc-protection-controller'), ['UPDATE'], '', ['persistentvolumeclaims'], { where: metadataOnly, reason: 'finalizer' }),
  record(controller('root-ca-cert-publisher'), ['CREATE', 'UPDATE'], '', ['configmaps'], { names: ['kube-root-ca.crt'], reason: 'CA of the cluster in each namespace' }),
  record(controller('service-account-controller'), ['CREATE'], '', ['serviceaccounts'], { names: ['default'], reason: 'one in each namespace' }),
  record(controller('service-controller'), ['UPDATE'], '', ['services'], { where: metadataOnly, reason: 'finalizer of load balancers' }),
  record(controller('service-cidrs-controller'), ['UPDATE'], 'networking.k8s.io', ['servicecidrs'], { where: metadataOnly, reason: 'finalizer' }),
  record(controller('statefulset-controller'), ['CREATE', 'UPDATE'], '', ['persistentvolumeclaims'], { reason: 'claims from its templates, which carry no owner' }),
  // The taint eviction controller works under the name of the node controller (kubernetes 1.36, cmd/kube-controller-manager/app/core.go).
  record(controller('node-controller'), ['DELETE'], '', ['pods'], { reason: 'moves pods away from nodes that are not ready, or tainted' }),
  record(controller('device-taint-eviction-controller'), ['DELETE'], '', ['pods'], { reason: 'moves pods away from devices that are tainted' }),
  record(controller('token-cleaner'), ['DELETE'], '', ['secrets'], { namespaces: ['kube-system'], where: hadSecretType('bootstrap.kubernetes.io/token'), reason: 'expired bootstrap tokens' }),
  record(controller('bootstrap-signer'), ['UPDATE'], '', ['configmaps'], { names: ['cluster-info'], namespaces: ['kube-public'], reason: 'signature for joining nodes' }),
  record(controller('ttl-after-finished-controller'), ['DELETE'], 'batch', ['jobs'], { where: hadTimeToLive, reason: 'removal that the Job asked for' }),
  record(controller('ttl-controller'), ['UPDATE'], '', ['nodes'], { where: metadataOnly, reason: 'an annotation' }),
  record(controller('attachdetach-controller'), WRITE, 'storage.k8s.io', ['volumeattachments'], { reason: 'volumes follow their pods' }),
]; // prettier-ignore

/** The list for an installation. Kept in code, so that what leaves the gate is reviewed like code. */
export function exclusionsFor(settings: ExclusionSettings = {}): readonly Exclusion[] {
  const { nodeAgents = [], chainService, chainObjects = [] } = settings;
  const agents = nodeAgents.flatMap((user) => [
    none({ user }, ['UPDATE'], '', ['nodes/status', 'pods/status'], { reason: 'plays the kubelet' }),
    record({ user }, ['DELETE'], '', ['pods'], {
      where: wasTerminating,
      reason: 'plays the kubelet: last step of a deletion',
    }),
  ]);
  const proxy = chainService
    ? [
        none(anyone, ['CONNECT'], '', ['services/proxy'], {
          names: chainService.names,
          namespaces: [chainService.namespace],
          reason: 'reading the chain must not need a commit; its API checks every write itself',
        }),
      ]
    : [];
  const own = chainObjects.map(({ user, group, resource, namespace, names }) =>
    none({ user }, ['CREATE', 'UPDATE'], group, [resource], {
      names,
      namespaces: [namespace],
      reason: "the chain's own object",
    }),
  );
  return [...EXCLUSIONS, ...agents, ...proxy, ...own];
}

/** What holds in every installation. */
export const EXCLUSIONS: readonly Exclusion[] = [
  none(anyone, [...WRITE], 'coordination.k8s.io', ['leases'], { reason: 'heartbeats and leader election, many a second' }),
  none(anyone, [...WRITE], '', ['events'], { reason: 'messages about changes, not changes' }),
  none(anyone, [...WRITE], 'events.k8s.io', ['events'], { reason: 'messages about changes, not changes' }),
  none(anyone, ['CREATE'], 'authorization.k8s.io', ['localsubjectaccessreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'subjectaccessreviews'], {
    reason: 'questions; nothing is stored',
  }),
  none(anyone, ['CREATE'], 'authentication.k8s.io', ['selfsubjectreviews', 'tokenreviews'], { reason: 'questions; nothing is stored' }),
  ...START_UP,
  ...NODES,
  ...SCHEDULER,
  ...STATUS_WRITERS.flatMap(([name, group, ...resources]) =>
    resources.map((resource) => {
      const class_ = group === '' && HEARTBEATS.includes(resource) ? none : record;
      return class_(controller(name), ['UPDATE'], group, [resource], { reason: 'reports status' });
    }),
  ),
  ...OWNERS.map(([name, kinds, group, ...resources]) =>
    record(controller(name), WRITE, group, resources, { where: controlledBy(...kinds), reason: `carries out a ${kinds.join(' or ')} that went through the gate` }),
  ),
  ...CONTROLLER_MANAGER,
]; // prettier-ignore

/** What the hooks do with a review. Where both kinds of entries cover it, nobody is asked: so it is in the record hook's conditions. */
export function classOf(review: DecodedReview, exclusions: readonly Exclusion[]): ChangeClass {
  const covering = exclusions.filter((exclusion) => covers(exclusion, review));
  if (covering.length === 0) return 'gate';
  return covering.every((exclusion) => exclusion.class === 'record') ? 'record' : 'none';
}

/** The first entry that covers the review, or undefined: then it is for the gate. */
export function excludedBy(review: DecodedReview, exclusions: readonly Exclusion[]): Exclusion | undefined {
  return exclusions.find((exclusion) => covers(exclusion, review));
}

function covers(exclusion: Exclusion, review: DecodedReview): boolean {
  const { names, namePrefixes, namespaces, unnamed, where } = exclusion;
  return (
    isActor(exclusion.actor, review) &&
    exclusion.operations.includes(review.operation) &&
    (exclusion.group === '*' || exclusion.group === review.group) &&
    exclusion.resources.some((pattern) => isResource(pattern, review)) &&
    ((names === undefined && namePrefixes === undefined) ||
      (!review.unnamed &&
        ((names ?? []).includes(review.name) ||
          (namePrefixes ?? []).some((prefix) => review.name.startsWith(prefix))))) &&
    (namespaces === undefined || namespaces.includes(review.namespace)) &&
    (unnamed === undefined || (review.unnamed && review.namespace !== '' && review.resource !== 'namespaces')) &&
    (where === undefined || where.holds(review))
  );
}

function isActor(actor: Actor, review: DecodedReview): boolean {
  if ('anyone' in actor) return true;
  if ('user' in actor) return review.user === actor.user;
  return review.user.startsWith(actor.userPrefix) && review.groups.includes(actor.group);
}

function isResource(pattern: string, review: DecodedReview): boolean {
  if (pattern === '*') return review.subresource === '';
  if (pattern.startsWith('*/')) return review.subresource === pattern.slice(2);
  return pattern === (review.subresource === '' ? review.resource : `${review.resource}/${review.subresource}`);
}
