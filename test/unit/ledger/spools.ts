import type { Hash, ValidatorId } from '../../../src/types/brand.ts';
import type { ChangeAttributes } from '../../../src/types/change.ts';
import type { Owner, RecordedChange, SpoolEntry, SpooledRecordPayload } from '../../../src/types/transaction.ts';
import { attributesOf, CLUSTER, hashOf, START_MS } from './test-chain.ts';

export const SPOOL = '00112233445566778899aabbccddeeff';
const controller = (name: string): string => `system:serviceaccount:kube-system:${name}`;

/** A write of the replicaset controller, unless said otherwise. */
export function written(changes: Partial<ChangeAttributes> = {}, owners: readonly Owner[] = []): RecordedChange {
  return {
    attributes: attributesOf({
      operation: 'CREATE',
      group: '',
      resource: 'pods',
      name: 'web-1-a',
      uid: 'uid-pod',
      resourceVersion: '',
      user: controller('replicaset-controller'),
      ...changes,
    }),
    commitment: { diff: hashOf('diff of a pod'), strict: hashOf('strict of a pod') },
    owners,
    receivedMs: START_MS,
  };
}

export const ownedBy = (group: string, kind: string, name: string, uid: string): readonly Owner[] => [
  { group, kind, name, uid, controller: true },
];

/** The ReplicaSet that the deployment controller makes of prod-web/web (uid-1), and a pod of it. */
export const replicaSet = (): RecordedChange =>
  written(
    {
      group: 'apps',
      resource: 'replicasets',
      name: 'web-1',
      uid: 'uid-rs',
      user: controller('deployment-controller'),
    },
    ownedBy('apps', 'Deployment', 'web', 'uid-1'),
  );
export const pod = (name = 'web-1-a'): RecordedChange =>
  written({ name, uid: `uid-${name}` }, ownedBy('apps', 'ReplicaSet', 'web-1', 'uid-rs'));

export function spooled(
  first: number,
  previous: Hash | '',
  entries: readonly SpoolEntry[],
  more: Partial<Pick<SpooledRecordPayload, 'node' | 'spool' | 'keyId'>> = {},
): Omit<SpooledRecordPayload, 'v' | 'alg' | 'chain'> {
  return {
    kind: 'spooled-record',
    node: 'alpha' as ValidatorId,
    cluster: CLUSTER,
    keyId: hashOf('cluster key'),
    spool: SPOOL,
    first,
    previous,
    entries,
    ...more,
  };
}
