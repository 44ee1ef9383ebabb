import { describe, expect, test } from 'vitest';
import { afterDeletion, madeByControlPlane, newestWord } from '../../../cmd/kubectl-chain/newest-word.ts';
import type { VerifiedRecord } from '../../../src/client/answer.ts';
import type { Decision, SpoolEntry } from '../../../src/types/transaction.ts';
import type { JsonObject } from '../../../src/types/json.ts';
import { changeOf, CLUSTER } from '../ledger/test-chain.ts';
import { pod, spooled, written } from '../ledger/spools.ts';

const object = { cluster: CLUSTER, group: '', resource: 'pods', namespace: 'prod-web', name: 'web-1-a' };
const is = { group: '', resource: 'pods', name: 'web-1-a', uid: 'uid-web-1-a' } as const;

const recordOf = (index: number, payload: object, decision: Decision): VerifiedRecord =>
  ({ index, leaf: { result: { decision } }, transaction: { payload } }) as unknown as VerifiedRecord;
const mutation = (index: number, decision: Decision = 'ADMITTED'): VerifiedRecord =>
  recordOf(index, { kind: 'mutation', attestation: changeOf('pod', { ...is, operation: 'UPDATE' }) }, decision);
const record = (index: number, ...entries: readonly SpoolEntry[]): VerifiedRecord =>
  recordOf(index, spooled(0, '', entries), 'RECORDED');

describe('P4 the last word on an object', () => {
  test('is the newest admitted change, whatever was refused since', () => {
    const word = newestWord([mutation(3, 'REFUSED'), mutation(2), mutation(1)], object);
    expect(word).toMatchObject({ record: { index: 2 }, attestation: { attributes: { name: 'web-1-a' } } });
  });

  test('is the deletion by the control plane after it', () => {
    const word = newestWord([record(5, written({ ...is, operation: 'DELETE' })), mutation(2)], object);
    expect(word).toMatchObject({ record: { index: 5 }, attributes: { operation: 'DELETE' }, attestation: undefined });
  });

  test('within one record of many is the last entry about it', () => {
    const gone = written({ ...is, operation: 'DELETE' });
    expect(newestWord([record(5, gone, pod(), pod('web-1-b'))], object)?.attributes.operation).toBe('CREATE');
    expect(newestWord([record(5, pod(), gone, pod('web-1-b'))], object)?.attributes.operation).toBe('DELETE');
  });

  test('is no update by the control plane, no subresource, no other object and no gap', () => {
    const others = [
      written({ ...is, operation: 'UPDATE' }),
      written({ ...is, operation: 'CREATE', subresource: 'binding' }),
      written({ ...is, operation: 'DELETE', name: 'web-1-b' }),
      { gap: 'open', atMs: 1, count: null } as unknown as SpoolEntry,
    ];
    expect(newestWord([record(5, ...others), mutation(2)], object)?.record.index).toBe(2);
    expect(newestWord([record(5, ...others)], object)).toBeUndefined();
  });
});

describe('what the cluster holds', () => {
  const live = (metadata: JsonObject): JsonObject => ({ metadata });

  test('after a recorded deletion is nothing, or what waits for its finalizers', () => {
    expect(afterDeletion(undefined, { user: 'gc' })[0]).toBe('MATCH');
    expect(afterDeletion(live({ deletionTimestamp: '2026-01-01T00:00:00Z' }), { user: 'gc' })[0]).toBe('MATCH');
    expect(afterDeletion(live({ uid: 'uid-other' }), { user: 'gc' })[0]).toBe('DRIFT');
  });

  test('where the control plane made it is that object or another one', () => {
    expect(madeByControlPlane(live({ uid: 'uid-web-1-a' }), pod().attributes)[0]).toBe('BODY_UNAVAILABLE');
    expect(madeByControlPlane(live({ uid: 'uid-other' }), pod().attributes)[0]).toBe('DRIFT');
  });
});
