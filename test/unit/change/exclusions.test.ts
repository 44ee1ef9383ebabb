import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  classOf,
  decodeReview,
  excludedBy,
  EXCLUSIONS,
  exclusionsFor,
  webhookConfiguration,
} from '../../../src/change/index.ts';
import { MATCH_CONDITIONS_MAX, matchConditions, recordConditions } from '../../../src/change/webhook-configuration.ts';
import { guardManifest, staticManifest, webhookManifest } from '../../../manifests/generate.ts';
import { bytesOf, clone, deploymentUpdate, review, type Loose, type Plain } from './reviews.ts';

const ctl = (name: string): string => `system:serviceaccount:kube-system:${name}`;

function by(user: string, built: Plain, groups: string[] = []): Plain {
  built['request'].userInfo = { username: user, groups };
  return built;
}

const reasonFor = (built: Plain, exclusions = EXCLUSIONS): string | undefined =>
  excludedBy(decodeReview(bytesOf(built)), exclusions)?.reason;

const owned = (kind: string): Plain => ({
  ownerReferences: [{ apiVersion: 'v1', kind, name: 'o', uid: 'u', controller: true }],
});
const objectOf = (kind: string, metadata: Plain = {}, rest: Plain = {}): Plain => ({
  kind,
  apiVersion: 'v1',
  metadata: { name: 'x', namespace: 'prod', uid: 'u', ...metadata },
  ...rest,
});
const create = (resource: string, object: Plain, sub?: string): Plain =>
  review(
    'CREATE',
    {
      resource,
      kind: object['kind'],
      name: object['metadata'].name,
      namespace: object['metadata'].namespace,
      ...(sub ? { sub } : {}),
    },
    { object },
  );
const remove = (resource: string, oldObject: Plain): Plain =>
  review('DELETE', { resource, kind: oldObject['kind'], name: 'x' }, { oldObject });
const update = (
  resource: string,
  oldObject: Plain,
  change: (object: Plain) => void = () => undefined,
  sub?: string,
): Plain => {
  const object = clone(oldObject);
  change(object);
  return review(
    'UPDATE',
    { resource, kind: oldObject['kind'], name: object['metadata'].name, ...(sub ? { sub } : {}) },
    { object, oldObject },
  );
};
const node = (name: string): Plain => ({
  kind: 'Node',
  apiVersion: 'v1',
  metadata: { name, uid: 'n' },
  spec: { podCIDR: '10.0.0.0/24' },
});

/** What leaves the gate, and its nearest neighbours, which do not: only one thing differs in each. */
const CASES: readonly [name: string, leaves: Plain, ...stays: Plain[]][] = [
  ['replicaset-controller makes pods of a ReplicaSet',
    by(ctl('replicaset-controller'), create('pods', objectOf('Pod', owned('ReplicaSet')))),
    by(ctl('replicaset-controller'), create('pods', objectOf('Pod'))),
    by(ctl('replicaset-controller'), create('pods', objectOf('Pod', owned('Job')))),
    by(ctl('replicaset-controller'), create('secrets', objectOf('Secret', owned('ReplicaSet')))),
    by(ctl('replicaset-controller-2'), create('pods', objectOf('Pod', owned('ReplicaSet')))),
    by('system:serviceaccount:prod:replicaset-controller', create('pods', objectOf('Pod', owned('ReplicaSet'))))],
  ['the scheduler binds pods',
    by('system:kube-scheduler', create('pods', objectOf('Binding'), 'binding')),
    by('system:kube-scheduler', create('pods', objectOf('Pod'))),
    by('alice', create('pods', objectOf('Binding'), 'binding'))],
  ['a node reports its own status',
    by('system:node:n1', update('nodes', node('n1'), undefined, 'status'), ['system:nodes']),
    by('system:node:n1', update('nodes', node('n2'), undefined, 'status'), ['system:nodes']),
    by('system:node:n1', update('nodes', node('n1'), undefined, 'status'), [])],
  ['a node ends the deletion of its pod',
    by('system:node:n1', remove('pods', objectOf('Pod', { deletionTimestamp: 't' }, { spec: { nodeName: 'n1' } })), ['system:nodes']),
    by('system:node:n1', remove('pods', objectOf('Pod', {}, { spec: { nodeName: 'n1' } })), ['system:nodes']),
    by('system:node:n1', remove('pods', objectOf('Pod', { deletionTimestamp: 't' }, { spec: { nodeName: 'n2' } })), ['system:nodes'])],
  ['the garbage collector removes dependents',
    by(ctl('generic-garbage-collector'), remove('configmaps', objectOf('ConfigMap', owned('App')))),
    by(ctl('generic-garbage-collector'), remove('configmaps', objectOf('ConfigMap', { ownerReferences: [] }))),
    by(ctl('generic-garbage-collector'), remove('configmaps', objectOf('ConfigMap')))],
  ['the garbage collector lets dependents go, on the object itself only',
    by(ctl('generic-garbage-collector'), update('configmaps', objectOf('ConfigMap', owned('App')), (o) => delete o['metadata'].ownerReferences)),
    by(ctl('generic-garbage-collector'), update('configmaps', objectOf('ConfigMap', owned('App')), (o) => delete o['metadata'].ownerReferences, 'finalize'))],
  ['the garbage collector ends a foreground deletion',
    by(ctl('generic-garbage-collector'), update('configmaps', objectOf('ConfigMap', { deletionTimestamp: 't', finalizers: ['foregroundDeletion'] }, { data: { a: '1' } }), (o) => void (o['metadata'].finalizers = []))),
    by(ctl('generic-garbage-collector'), update('configmaps', objectOf('ConfigMap', { deletionTimestamp: 't', finalizers: ['foregroundDeletion'] }, { data: { a: '1' } }), (o) => void (o['data'].a = '2'))),
    by(ctl('generic-garbage-collector'), update('configmaps', objectOf('ConfigMap', { finalizers: ['foregroundDeletion'] }), (o) => void (o['metadata'].finalizers = []))),
    by(ctl('generic-garbage-collector'), update('configmaps', objectOf('ConfigMap', { deletionTimestamp: 't', finalizers: ['mine'] }), (o) => void (o['metadata'].finalizers = [])))],
  ['the deployment controller writes its revision annotation',
    by(ctl('deployment-controller'), deploymentUpdate((o) => void (o['metadata'].annotations.revision = '4'))),
    by(ctl('deployment-controller'), deploymentUpdate((o) => void (o['spec'].replicas = 9)))],
  ['the node controller moves pods away from tainted nodes', by(ctl('node-controller'), remove('pods', objectOf('Pod')))],
  ['the node controller taints nodes',
    by(ctl('node-controller'), update('nodes', node('n1'), (o) => void (o['spec'].taints = [{ key: 'k' }]))),
    by(ctl('node-controller'), update('nodes', node('n1'), (o) => void (o['spec'].unschedulable = true)))],
  ['the namespace controller empties a namespace',
    by(ctl('namespace-controller'), unnamed(remove('configmaps', objectOf('ConfigMap')))),
    by(ctl('namespace-controller'), remove('configmaps', objectOf('ConfigMap')))],
  ['ClusterRoles are summed up',
    by(ctl('clusterrole-aggregation-controller'), rbac(update('clusterroles', objectOf('ClusterRole', {}, { aggregationRule: { a: 1 } }), (o) => void (o['rules'] = [])))),
    by(ctl('clusterrole-aggregation-controller'), rbac(update('clusterroles', objectOf('ClusterRole'), (o) => void (o['rules'] = [])))),
    by(ctl('clusterrole-aggregation-controller'), rbac(update('clusterroles', objectOf('ClusterRole', {}, { aggregationRule: { a: 1 } }), (o) => void (o['aggregationRule'] = { a: 2 }))))],
  ['the API server writes its built-in roles',
    by('system:apiserver', rbac(create('clusterroles', objectOf('ClusterRole', { name: 'system:node' })))),
    by('system:apiserver', rbac(create('clusterroles', objectOf('ClusterRole', { name: 'mine' })))),
    by('system:apiserver', rbac(remove('clusterroles', objectOf('ClusterRole'))))],
  ['the API server registers what it serves itself',
    by('system:apiserver', registration(create('apiservices', objectOf('APIService', {}, { spec: { group: 'apps' } })))),
    by('system:apiserver', registration(create('apiservices', objectOf('APIService', {}, { spec: { service: { name: 'evil' } } }))))],
  ['the API server says whether the servers of aggregated APIs answer',
    by('system:apiserver', registration(update('apiservices', objectOf('APIService', {}, { spec: { service: { name: 'metrics' } } }), undefined, 'status'))),
    by('system:apiserver', registration(update('apiservices', objectOf('APIService', {}, { spec: { service: { name: 'metrics' } } }))))],
  ['the API server labels a token Secret that is used',
    by('system:apiserver', update('secrets', objectOf('Secret', { labels: {} }, { type: 'kubernetes.io/service-account-token', data: { token: 'dA==' } }), (secret) => void (secret['metadata'].labels['kubernetes.io/legacy-token-last-used'] = '2026-11-24'))),
    by('system:apiserver', update('secrets', objectOf('Secret', { labels: {} }, { type: 'kubernetes.io/service-account-token', data: { token: 'dA==' } }), (secret) => void (secret['data'].token = 'eA==')))],
  ['the controller manager gets tokens for its controllers',
    by('system:kube-controller-manager', create('serviceaccounts', objectOf('TokenRequest', { namespace: 'kube-system' }), 'token')),
    by('system:kube-controller-manager', create('serviceaccounts', objectOf('TokenRequest'), 'token'))],
  ['the controller manager fills token Secrets',
    by('system:kube-controller-manager', update('secrets', objectOf('Secret', {}, { type: 'kubernetes.io/service-account-token' }))),
    by('system:kube-controller-manager', update('secrets', objectOf('Secret', {}, { type: 'Opaque' })))],
  ['a node gets tokens that end with its pods',
    by('system:node:n1', create('serviceaccounts', objectOf('TokenRequest', {}, { spec: { boundObjectRef: { kind: 'Pod' } } }), 'token'), ['system:nodes']),
    by('system:node:n1', create('serviceaccounts', objectOf('TokenRequest', {}, { spec: {} }), 'token'), ['system:nodes'])],
  ['a new node asks for its certificate',
    by('system:bootstrap:abcdef', certificates(create('certificatesigningrequests', objectOf('CertificateSigningRequest', {}, { spec: { signerName: 'kubernetes.io/kube-apiserver-client-kubelet' } }))), ['system:bootstrappers']),
    by('system:bootstrap:abcdef', certificates(create('certificatesigningrequests', objectOf('CertificateSigningRequest', {}, { spec: { signerName: 'kubernetes.io/kube-apiserver-client' } }))), ['system:bootstrappers'])],
  ['the autoscaler scales',
    by(ctl('horizontal-pod-autoscaler'), update('widgets', objectOf('Scale'), undefined, 'scale')),
    by(ctl('horizontal-pod-autoscaler'), update('widgets', objectOf('Widget')))],
  ['finished Jobs are removed where they ask for it',
    by(ctl('ttl-after-finished-controller'), batch(remove('jobs', objectOf('Job', {}, { spec: { ttlSecondsAfterFinished: 1 } })))),
    by(ctl('ttl-after-finished-controller'), batch(remove('jobs', objectOf('Job', {}, { spec: {} }))))],
]; // prettier-ignore

function inGroup(group: string): (built: Plain) => Plain {
  return (built) => {
    built['request'].resource.group = group;
    return built;
  };
}
function rbac(built: Plain): Plain {
  return inGroup('rbac.authorization.k8s.io')(built);
}
function registration(built: Plain): Plain {
  return inGroup('apiregistration.k8s.io')(built);
}
function certificates(built: Plain): Plain {
  return inGroup('certificates.k8s.io')(built);
}
function batch(built: Plain): Plain {
  return inGroup('batch')(built);
}
function unnamed(built: Plain): Plain {
  delete built['request'].name;
  return built;
}

describe('what leaves the gate, and what next to it does not', () => {
  it.each(CASES.map(([name, ...rest]) => [name, rest] as const))('%s', (_name, [leaves, ...stays]) => {
    expect(reasonFor(leaves!)).toBeDefined();
    for (const built of stays) expect(reasonFor(built)).toBeUndefined();
  });

  it('leases, events and access reviews leave it for anybody, other resources of a person never', () => {
    for (const [group, resource] of [['coordination.k8s.io', 'leases'], ['', 'events'], ['events.k8s.io', 'events'], ['authorization.k8s.io', 'subjectaccessreviews'], ['authentication.k8s.io', 'tokenreviews']]) {
      expect(reasonFor(inGroup(group!)(by('alice', create(resource!, objectOf('X')))))).toBeDefined();
      expect(reasonFor(inGroup('example.com')(by('alice', create(resource!, objectOf('X')))))).toBeUndefined();
    }
    for (const resource of ['pods', 'secrets', 'serviceaccounts', 'nodes']) {
      expect(reasonFor(by('alice', create(resource, objectOf('X'))))).toBeUndefined();
    }
  }); // prettier-ignore

  it("a node agent, the chain's own objects and its API's proxy leave it only where they are configured", () => {
    const kwok = by('kwok', update('nodes', node('n1'), undefined, 'status'));
    const read = by(
      'alice',
      review(
        'CONNECT',
        {
          resource: 'services',
          kind: 'ServiceProxyOptions',
          sub: 'proxy',
          name: 'https:chain-api:443',
          namespace: 'kubectl-chain',
        },
        { object: { kind: 'ServiceProxyOptions', path: '/' } },
      ),
    );
    const own = by(
      'system:serviceaccount:kubectl-chain:chain-node',
      create('secrets', objectOf('Secret', { name: 'chain-tls', namespace: 'kubectl-chain' })),
    );
    const configured = exclusionsFor({
      nodeAgents: ['kwok'],
      chainService: { namespace: 'kubectl-chain', names: ['https:chain-api:443'] },
      chainObjects: [
        {
          user: 'system:serviceaccount:kubectl-chain:chain-node',
          group: '',
          resource: 'secrets',
          namespace: 'kubectl-chain',
          names: ['chain-tls'],
        },
      ],
    });
    for (const built of [kwok, read, own]) {
      expect(reasonFor(built)).toBeUndefined();
      expect(reasonFor(built, configured)).toBeDefined();
    }
    const other = clone(own);
    other['request'].name = 'other';
    other['request'].object.metadata.name = 'other';
    expect(reasonFor(other, configured)).toBeUndefined();
  });

  it('no entry is for an actor alone: each names operations and resources, and has a reason', () => {
    for (const { operations, resources, reason, actor, unnamed, where, group } of EXCLUSIONS) {
      expect(operations.length * resources.length * reason.length).toBeGreaterThan(0);
      if (resources.includes('*') || group === '*')
        expect(where ?? unnamed ?? resources.includes('*/scale')).toBeTruthy();
      if ('anyone' in actor) expect(resources).not.toContain('*');
    }
  });
});

describe('P1: whoever impersonates the API server', () => {
  it.each([
    [
      'makes no binding of its own under a system name',
      rbac(create('clusterrolebindings', objectOf('ClusterRoleBinding', { name: 'system:backdoor' }))),
    ],
    [
      'makes no role of its own under a system name',
      rbac(create('clusterroles', objectOf('ClusterRole', { name: 'system:controller:backdoor' }))),
    ],
    ['widens no built-in role', rbac(update('clusterroles', objectOf('ClusterRole', { name: 'system:basic-user' })))],
    [
      'gives nobody cluster-admin',
      rbac(update('clusterrolebindings', objectOf('ClusterRoleBinding', { name: 'cluster-admin' }))),
    ],
  ])('%s', (_what, built) => {
    expect(reasonFor(by('system:apiserver', built, ['system:masters']))).toBeUndefined();
  });
});

describe('what is recorded, and what nobody is asked about', () => {
  const kindOf = (built: Plain): string =>
    classOf(decodeReview(bytesOf(built)), exclusionsFor({ nodeAgents: ['kwok'] }));
  const podOf = (kind: string): Plain => objectOf('Pod', owned(kind));

  it.each<[string, string, Plain]>([
    ['record', 'a pod of a ReplicaSet', by(ctl('replicaset-controller'), create('pods', podOf('ReplicaSet')))],
    ['record', 'an eviction by the node controller', by(ctl('node-controller'), remove('pods', objectOf('Pod')))],
    ['record', 'a token of a controller', by('system:kube-controller-manager', create('serviceaccounts', objectOf('TokenRequest', { namespace: 'kube-system' }), 'token'))],
    ['record', "a Service's addresses", by(ctl('endpoint-controller'), update('endpoints', objectOf('Endpoints')))],
    ['record', 'the end of a pod on a node', by('kwok', remove('pods', objectOf('Pod', { deletionTimestamp: 't' })))],
    ['none', "a pod's status", by('system:kube-scheduler', update('pods', objectOf('Pod'), undefined, 'status'))],
    ['none', "a node's status, whoever writes it", by(ctl('node-controller'), update('nodes', objectOf('Node'), undefined, 'status'))],
    ['none', 'a binding', by('system:kube-scheduler', create('pods', objectOf('Binding'), 'binding'))],
    ['gate', 'a pod without its ReplicaSet', by(ctl('replicaset-controller'), create('pods', objectOf('Pod')))],
    ['gate', 'what a person does', by('alice', create('pods', podOf('ReplicaSet')))],
  ])('%s: %s', (kind, _what, built) => {
    expect(kindOf(built)).toBe(kind);
  }); // prettier-ignore

  it('an Event or a lease with an owner that the garbage collector removes stays with nobody', () => {
    const event = objectOf('Event', owned('Pod'));
    expect(kindOf(by(ctl('generic-garbage-collector'), remove('events', event)))).toBe('none');
  });

  it('is said to the API server in both entries: the gate leaves out all of it, the record entry asks about the one and not the other', () => {
    const list = exclusionsFor();
    const gate = matchConditions(list);
    const recorded = recordConditions(list);
    expect(recorded.at(-1)?.name).toBe('written-by-the-control-plane');
    expect(recorded.length).toBeLessThanOrEqual(MATCH_CONDITIONS_MAX);
    const names = gate.map(({ name }) => name);
    for (const { name } of recorded.slice(0, -1)) expect(names).toContain(name);
    expect(recorded.map(({ name }) => name)).not.toContain('exclude-kube-system-replicaset-controller');
    expect(recorded.at(-1)?.expression).toContain('kube-system:replicaset-controller');
    expect(recorded.at(-1)?.expression).not.toContain("'leases'");
  });
});

describe('the webhook configuration', () => {
  const hooks = [
    { name: 'east', url: 'https://192.0.2.2:8443/admit', caBundle: 'Y2E=' },
    { name: 'west', service: { namespace: 'chain', name: 'west', path: '/admit', port: 443 }, caBundle: 'Y2E=' },
  ];

  it('has one Fail entry for each hook group, for everything, without side effects in a dry run', () => {
    const { webhooks } = webhookConfiguration({ name: 'kubectl-chain', hooks }) as { webhooks: Loose[] };
    expect(webhooks.map(({ name, clientConfig }: Loose) => [name, clientConfig])).toEqual([
      ['east.gate.kubectl-chain.dev', { url: 'https://192.0.2.2:8443/admit', caBundle: 'Y2E=' }],
      ['west.gate.kubectl-chain.dev', { service: hooks[1]?.service, caBundle: 'Y2E=' }],
    ]);
    for (const webhook of webhooks) {
      expect(webhook).toMatchObject({
        rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'], resources: ['*/*'], scope: '*' }],
        failurePolicy: 'Fail', matchPolicy: 'Equivalent', sideEffects: 'NoneOnDryRun', timeoutSeconds: 10, admissionReviewVersions: ['v1'],
      }); // prettier-ignore
    }
  });

  it('keeps within the 64 conditions that the API server takes, each of its own name', () => {
    const conditions = matchConditions(exclusionsFor({ nodeAgents: ['kwok', 'virtual-kubelet'] }));
    expect(conditions.length).toBeLessThanOrEqual(MATCH_CONDITIONS_MAX);
    expect(new Set(conditions.map(({ name }) => name)).size).toBe(conditions.length);
    expect(() =>
      matchConditions(exclusionsFor({ nodeAgents: Array.from({ length: 64 }, (_, i) => `agent-${i}`) })),
    ).toThrow('actors');
  });

  it('lets no configured name break out of an expression', () => {
    expect(() => matchConditions(exclusionsFor({ nodeAgents: ["x' || true || 'x"] }))).toThrow('cannot be excluded');
  });

  it('wants exactly one of url and service', () => {
    const both = { ...hooks[0]!, service: hooks[1]!.service! };
    expect(() => webhookConfiguration({ name: 'x', hooks: [both] })).toThrow('either a url or a service');
    expect(() => webhookConfiguration({ name: 'x', hooks: [{ name: 'x', caBundle: '' }] })).toThrow(
      'either a url or a service',
    );
  });

  it('in manifests/ is what the code makes', () => {
    const file = join(import.meta.dirname, '../../../manifests/base/webhook-configuration.yaml');
    expect(readFileSync(file, 'utf8')).toBe(webhookManifest());
    const fixed = join(import.meta.dirname, '../../../manifests/guard-static/webhooks.yaml');
    expect(readFileSync(fixed, 'utf8')).toBe(staticManifest());
    const guard = join(import.meta.dirname, '../../../manifests/guard/admission-policy.yaml');
    expect(readFileSync(guard, 'utf8')).toBe(guardManifest());
  });
});
