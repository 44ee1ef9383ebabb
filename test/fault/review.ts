import { randomUUID } from 'node:crypto';

/** Who asks for every change here; no policy concerns it. */
export const ACTOR = 'alice';
const CREATED = '2026-11-24T00:00:00Z';

/** CREATE of a ConfigMap as an API server reviews it. Each hook gets a request uid of its own, everything else alike. */
export function configMapReview(name: string, objectUid: string, user = ACTOR): string {
  const metadata = { name, namespace: 'dev', uid: objectUid, creationTimestamp: CREATED };
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata, data: { greeting: 'hello', name } };
  return creation('configmaps', user, object);
}

/** CREATE of a Pod by the controller of its ReplicaSet, which is recorded and not decided. */
export function podReview(name: string): string {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'uid-of-web-1', controller: true };
  const metadata = { name, namespace: 'dev', uid: randomUUID(), creationTimestamp: CREATED, ownerReferences: [owner] };
  const spec = { containers: [{ name: 'web', image: 'web:1' }] };
  const object = { kind: 'Pod', apiVersion: 'v1', metadata, spec };
  return creation('pods', 'system:serviceaccount:kube-system:replicaset-controller', object);
}

interface CoreObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
}

function creation(plural: string, user: string, object: CoreObject): string {
  const type = { group: '', version: 'v1' };
  const kind = { ...type, kind: object.kind };
  const resource = { ...type, resource: plural };
  const { name, namespace } = object.metadata;
  const review = {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: randomUUID(),
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name,
      namespace,
      operation: 'CREATE',
      userInfo: { username: user, groups: ['system:authenticated'] },
      object,
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  };
  return JSON.stringify(review);
}
