import { randomUUID } from 'node:crypto';

/** Who asks for every change here; no policy concerns it. */
export const ACTOR = 'alice';

/** CREATE of a ConfigMap as an API server reviews it. Each hook gets a request uid of its own, everything else alike. */
export function configMapReview(name: string, objectUid: string): string {
  const type = { group: '', version: 'v1' };
  const kind = { ...type, kind: 'ConfigMap' };
  const resource = { ...type, resource: 'configmaps' };
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
      namespace: 'dev',
      operation: 'CREATE',
      userInfo: { username: ACTOR, groups: ['system:authenticated'] },
      object: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { name, namespace: 'dev', uid: objectUid, creationTimestamp: '2026-11-24T00:00:00Z' },
        data: { greeting: 'hello', name },
      },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  };
  return JSON.stringify(review);
}
