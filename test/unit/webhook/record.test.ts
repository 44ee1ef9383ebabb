import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { configMapUpdate, deploymentUpdate, review, type Loose, type Plain } from '../change/reviews.ts';
import { makeCertificates, send, start, type Certificates, type Reply, type Running } from './fixture.ts';

let certificates: Certificates;
let running: Running;

beforeAll(async () => {
  certificates = await makeCertificates();
});
afterEach(async () => running.webhook.close());

const replicaSet = (by: string, metadata: Plain = {}): Loose => {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web-1-a',
      namespace: 'prod',
      uid: 'uid-pod',
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'uid-n' },
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'uid-rs', controller: true },
      ],
      ...metadata,
    },
    spec: { containers: [{ name: 'web', image: 'web:1' }] },
  };
  const built = review('CREATE', { resource: 'pods', kind: 'Pod', name: 'web-1-a' }, { object });
  built['request'].userInfo = {
    username: `system:serviceaccount:kube-system:${by}`,
    groups: ['system:serviceaccounts'],
  };
  return built;
};
const POD = JSON.stringify(replicaSet('replicaset-controller'));

async function ask(body: string, query = ''): Promise<Reply> {
  return send(running.port, body, { path: `/record${query}`, client: certificates.apiServer });
}

describe('the record hook', () => {
  test('records what a controller writes, with the owners it was made for, and allows it', async () => {
    running = await start(certificates);
    const { status, json } = await ask(POD);
    expect(status).toBe(200);
    expect(json.response).toMatchObject({ allowed: true, auditAnnotations: { height: '8', leaf: '43' } });
    const [given] = running.records.given;
    expect(given?.change.attributes).toMatchObject({ operation: 'CREATE', resource: 'pods', name: 'web-1-a', uid: 'uid-pod' });
    expect(given?.change.owners).toEqual([
      { group: 'apps', kind: 'ReplicaSet', name: 'web-1', uid: 'uid-rs', controller: true },
      { group: '', kind: 'Node', name: 'n', uid: 'uid-n', controller: false },
    ]);
    expect(running.recorder.outcomes).toEqual(['recorded']);
    expect(running.ledger.asked).toEqual([]);
  }); // prettier-ignore

  test('allows what is in the spool', async () => {
    running = await start(certificates);
    running.records.outcome = { kind: 'spooled' };
    expect((await ask(POD)).json.response).toMatchObject({ allowed: true, auditAnnotations: { spooled: 'true' } });
    expect(running.recorder.outcomes).toEqual(['spooled']);
  });

  test.each<[string, () => string]>([
    ['a person changes', () => JSON.stringify(deploymentUpdate((object) => void (object['spec'].replicas = 4)))],
    ['a controller changes without its owner', () => JSON.stringify(replicaSet('replicaset-controller', { ownerReferences: [] }))],
    ['another controller changes', () => JSON.stringify(replicaSet('ttl-controller'))],
  ])('leaves what %s to the gate', async (_what, body) => {
    running = await start(certificates);
    expect((await ask(body())).json.response).toEqual({ uid: '6d9a61a6-6a8c-4f0a-9d9e-0c8d3c3f7a11', allowed: true });
    expect(running.records.given).toEqual([]);
    expect(running.recorder.outcomes).toEqual(['excluded']);
  }); // prettier-ignore

  test('and the gate never waits for what is the record hook s', async () => {
    running = await start(certificates);
    running.ledger.outcome = { kind: 'unavailable', code: 'WEBHOOK_NO_CLUSTER_KEY' };
    const { json } = await send(running.port, POD, { client: certificates.apiServer });
    expect(json.response.allowed).toBe(true);
    expect(running.ledger.asked).toEqual([]);
  });

  test('records nothing of a dry run, and nothing that changes nothing', async () => {
    running = await start(certificates);
    const dry = replicaSet('replicaset-controller');
    dry.request.dryRun = true;
    await ask(JSON.stringify(dry));
    const same = configMapUpdate({ k: 'v' }, { k: 'v' });
    same['request'].userInfo = { username: 'system:serviceaccount:kube-system:root-ca-cert-publisher', groups: [] };
    for (const object of [same['request'].object, same['request'].oldObject]) object.metadata.name = 'kube-root-ca.crt';
    same['request'].name = 'kube-root-ca.crt';
    await ask(JSON.stringify(same));
    expect(running.recorder.outcomes).toEqual(['dry-run', 'empty']);
    expect(running.records.given).toEqual([]);
  });
});

describe('what cannot be recorded has no answer, so that the failurePolicy of the hook decides', () => {
  test('a spool that is full', async () => {
    running = await start(certificates);
    running.records.outcome = { kind: 'lost', reason: 'the spool is full' };
    const { status, json, headers } = await ask(POD);
    expect([status, json.code]).toEqual([503, 'WEBHOOK_NOT_RECORDED']);
    // With it the API server would ask again, and the control plane wait.
    expect(headers['retry-after']).toBeUndefined();
    expect(running.recorder.outcomes).toEqual(['lost']);
  });

  test('a ledger that never answers: within the time of the hook', async () => {
    running = await start(certificates, { limits: { recordTimeoutMs: 200 } });
    running.records.outcome = () => new Promise(() => {});
    expect((await ask(POD, '?timeout=2s')).json.code).toBe('WEBHOOK_NOT_RECORDED');
    const [given] = running.records.given;
    expect((given?.deadlineMs ?? 0) - (given?.change.receivedMs ?? 0)).toBeLessThanOrEqual(150);
  });

  test('a review that cannot be understood, and one without the key of the cluster: both are counted as missed', async () => {
    running = await start(certificates);
    const odd = replicaSet('replicaset-controller');
    odd.request.later = true;
    expect((await ask(JSON.stringify(odd))).json).toMatchObject({ code: 'WEBHOOK_NOT_RECORDED' });
    running.ledger.key = undefined;
    expect((await ask(POD)).json.message).toContain('the key of the cluster');
    expect(running.records.misses).toBe(2);
    expect(running.records.given).toEqual([]);
  });

  test('more at once than it takes', async () => {
    running = await start(certificates, { limits: { reviewsMax: 1, recordTimeoutMs: 400 } });
    let waiting: (() => void) | undefined;
    const first = new Promise<void>((resolve) => (waiting = resolve));
    running.records.outcome = () => {
      waiting?.();
      return new Promise(() => {});
    };
    const one = ask(POD);
    await first;
    expect((await ask(POD)).json.message).toContain('in progress');
    expect(running.records.misses).toBe(1);
    await one;
  });
});

test('nobody but the API server records', async () => {
  running = await start(certificates);
  expect((await send(running.port, POD, { path: '/record', client: certificates.somebody })).status).toBe(403);
  expect(running.records.given).toEqual([]);
});
