import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { webhookConfiguration } from '../../src/change/index.ts';
import { startCluster, type Cluster } from '../control-plane/cluster.ts';
import { runKubectl, type KubectlResult } from '../control-plane/kubectl.ts';
import { addFakeNode } from '../control-plane/kwok.ts';
import { createAuthority, issue } from '../control-plane/pki.ts';
import { ADMITTED, Recorder, ScriptedLedger, ScriptedRecords } from '../unit/webhook/fixture.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { createWebhook, type Webhook } from '../../webhook/index.ts';
import type { ClusterId } from '../../src/types/brand.ts';
import type { ChangeAttestation } from '../../src/types/change.ts';

const START_TIMEOUT_MS = 200_000;
const SETTLED_TIMEOUT_MS = 60_000;

const dir = mkdtempSync(join(tmpdir(), 'webhook-configuration-'));
const ledger = new ScriptedLedger();
/** The configuration and the server are told the same. */
const exclusions = {
  nodeAgents: ['kwok'],
  chainService: { namespace: 'default', names: ['https:chain-api:443'] },
};
const records = new ScriptedRecords();
const recorder = new Recorder();
let webhook: Webhook;
let cluster: Cluster;

const asked = (): ChangeAttestation[] => ledger.asked.map(({ attestation }) => attestation);
const titles = (): string[] =>
  asked().map(
    ({ attributes: a }) => `${a.user} ${a.operation} ${a.resource}${a.subresource && `/${a.subresource}`} ${a.name}`,
  );
const recordedTitles = (): string[] =>
  records.given.map(
    ({ change: { attributes: a } }) =>
      `${a.user.replace('system:serviceaccount:kube-system:', '')} ${a.operation} ${a.resource}${a.subresource && `/${a.subresource}`}`,
  );
const alice = (...args: string[]): Promise<KubectlResult> => runKubectl(cluster, args, { context: 'alice' });

/** The real configuration on a real API server with all controllers, and a webhook with a ledger that answers what it is told. */
beforeAll(async () => {
  const authority = await createAuthority('webhook-server-ca');
  const { certificate, privateKey } = await issue(authority, { commonName: 'hook', hosts: ['127.0.0.1'] });
  webhook = createWebhook({
    ledger,
    records,
    exclusions,
    cluster: 'test' as ClusterId,
    hookName: 'east',
    sha256: nativeBackend.sha256,
    hmacSha256: nativeBackend.hmacSha256,
    tls: { key: privateKey, cert: certificate, clientCa: authority.certificate },
    ready: () => ({ ready: true, reasons: [] }),
    logger: recorder.logger,
    metrics: recorder.metrics,
  });
  const { port } = await webhook.listen({ host: '127.0.0.1', port: 0 });
  const host = `127.0.0.1:${port}`;
  cluster = await startCluster({
    dir: join(dir, 'cluster'),
    components: ['controller-manager', 'scheduler', 'kwok'],
    users: [{ name: 'alice', groups: ['system:masters'] }],
    webhookHosts: [host],
  });
  webhook.setTls({ key: privateKey, cert: certificate, clientCa: readFileSync(cluster.webhookClientCaFile, 'utf8') });
  await addFakeNode(cluster, 'node-1');
  const caBundle = Buffer.from(authority.certificate).toString('base64');
  const configuration = webhookConfiguration({
    name: 'kubectl-chain',
    hooks: [{ name: 'east', url: `https://${host}/admit`, caBundle }],
    record: { name: 'record', url: `https://${host}/record`, caBundle },
    exclusions,
  });
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  const created = await cluster.request(path, { method: 'POST', body: configuration });
  // An expression that does not compile is refused here.
  if (created.status !== 201) throw new Error(created.text);
  const canary = () =>
    alice('create', 'configmap', 'kubectl-chain-canary-east', '-n', 'kube-system', '--dry-run=server');
  const isAsked = async (): Promise<void> => {
    const { stderr } = await canary();
    if (!stderr.includes('canary answered by the hook east')) throw new Error(stderr);
  };
  await vi.waitFor(isAsked, { timeout: 20_000, interval: 250 });
}, START_TIMEOUT_MS);

afterAll(async () => {
  await cluster?.stop();
  await webhook?.close();
  rmSync(dir, { recursive: true, force: true });
}, START_TIMEOUT_MS);

beforeEach(() => {
  ledger.outcome = ADMITTED;
  ledger.asked.length = 0;
  records.given.length = 0;
});

/** The chain is down for everything but what `admits` lets through. */
function admitOnly(...allowed: string[]): void {
  ledger.outcome = () => {
    const title = titles().at(-1) ?? '';
    const isAllowed = allowed.some((text) => title.includes(text));
    return Promise.resolve(isAllowed ? ADMITTED : { kind: 'unavailable', code: 'WEBHOOK_NO_CLUSTER_KEY' });
  };
}

describe('what a person does goes through the gate, what the control plane does for it never waits (P6)', () => {
  test('a Deployment becomes ready, is updated and deleted with everything it owns, while the chain answers alice alone', async () => {
    admitOnly('alice ');
    expect(await alice('create', 'deployment', 'web', '--image=web:1', '--replicas=2')).toMatchObject({ code: 0 });
    const ready = (path: string) => async () =>
      (await alice('get', 'deployment', 'web', '-o', `jsonpath={${path}}`)).stdout;
    await expect.poll(ready('.status.readyReplicas'), { timeout: SETTLED_TIMEOUT_MS, interval: 500 }).toBe('2');
    expect(await alice('set', 'image', 'deployment/web', '*=web:2')).toMatchObject({ code: 0 });
    // Until its controller writes nothing more: the API server asks again about a deletion that such a write got ahead of.
    const settled = async (): Promise<string> => {
      const path =
        '{.status.observedGeneration} {.status.replicas} {.status.availableReplicas} {.status.conditions[?(@.type=="Progressing")].reason}';
      return (await alice('get', 'deployment', 'web', '-o', `jsonpath=${path}`)).stdout;
    };
    await expect.poll(settled, { timeout: SETTLED_TIMEOUT_MS, interval: 500 }).toBe('2 2 2 NewReplicaSetAvailable');
    expect(await alice('delete', 'deployment', 'web', '--cascade=foreground', '--wait=false')).toMatchObject({
      code: 0,
    });
    await expect
      .poll(async () => (await alice('get', 'deployment,replicaset,pod', '-o', 'name')).stdout, {
        timeout: SETTLED_TIMEOUT_MS,
        interval: 500,
      })
      .toBe('');
    expect(titles()).toEqual([
      'alice CREATE deployments web',
      'alice UPDATE deployments web',
      'alice DELETE deployments web',
    ]);
    const written = [...new Set(recordedTitles())].sort();
    expect(written).toEqual(
      expect.arrayContaining([
        'deployment-controller CREATE replicasets',
        'deployment-controller UPDATE deployments/status',
        'generic-garbage-collector DELETE replicasets',
        'kwok DELETE pods',
        'replicaset-controller CREATE pods',
        'replicaset-controller DELETE pods',
        'system:kube-controller-manager CREATE serviceaccounts/token',
      ]),
    );
    // What comes with every beat of every node, and what people do, is not recorded here.
    const never = /leases|events|pods\/status|nodes\/status|binding|ipaddresses|reviews|alice/;
    expect(written.filter((title) => never.test(title))).toEqual([]);
    const pod = records.given.find(
      ({ change: { attributes: a } }) => a.operation === 'CREATE' && a.resource === 'pods',
    );
    expect(pod?.change.owners).toMatchObject([{ group: 'apps', kind: 'ReplicaSet', controller: true }]);
  }, 200_000);

  test('Jobs, StatefulSets, DaemonSets and Services are carried out, and a namespace is emptied', async () => {
    admitOnly('alice ');
    expect(await alice('create', 'namespace', 'dev')).toMatchObject({ code: 0 });
    await expect
      .poll(async () => (await alice('get', 'serviceaccount', 'default', '-n', 'dev')).code, {
        timeout: SETTLED_TIMEOUT_MS,
      })
      .toBe(0);
    expect(await alice('create', 'job', 'sum', '-n', 'dev', '--image=sum')).toMatchObject({ code: 0 });
    const pod = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'x', image: 'x' }] } };
    const selector = { matchLabels: { app: 'x' } };
    for (const object of [
      {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'agent', namespace: 'dev' },
        spec: { selector, template: pod },
      },
      {
        apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'dev' },
        spec: { selector, serviceName: 'db', replicas: 1, template: pod },
      }, // prettier-ignore
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'x', namespace: 'dev' },
        spec: { selector: { app: 'x' }, ports: [{ port: 80 }] },
      },
    ]) {
      const result = await runKubectl(cluster, ['create', '-f', '-'], {
        context: 'alice',
        stdin: JSON.stringify(object),
      });
      expect(result).toMatchObject({ code: 0 });
    }
    const get = (what: string, path: string) => async () =>
      (await alice('get', ...what.split(' '), '-n', 'dev', '-o', `jsonpath={${path}}`)).stdout;
    await expect
      .poll(get('daemonset agent', '.status.numberReady'), { timeout: SETTLED_TIMEOUT_MS, interval: 500 })
      .toBe('1');
    await expect
      .poll(get('statefulset db', '.status.readyReplicas'), { timeout: SETTLED_TIMEOUT_MS, interval: 500 })
      .toBe('1');
    await expect.poll(get('job sum', '.status.succeeded'), { timeout: SETTLED_TIMEOUT_MS, interval: 500 }).not.toBe('');
    await expect
      .poll(get('endpointslices', '.items[0].endpoints[0].addresses[0]'), {
        timeout: SETTLED_TIMEOUT_MS,
        interval: 500,
      })
      .not.toBe('');
    expect(await alice('delete', 'namespace', 'dev', '--wait=false')).toMatchObject({ code: 0 });
    await expect
      .poll(async () => (await alice('get', 'namespace', 'dev')).code, { timeout: SETTLED_TIMEOUT_MS, interval: 500 })
      .toBe(1);
    expect(titles().filter((title) => !title.startsWith('alice '))).toEqual([]);
  }, 300_000);

  test('the API server starts again, and writes its start-up objects anew, while the chain is down', async () => {
    // Two that it makes at its start.
    const made = [
      '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/probes',
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node-problem-detector',
    ];
    for (const path of made) expect((await cluster.request(path, { method: 'DELETE' })).status).toBe(200);
    ledger.asked.length = 0;
    admitOnly();
    await cluster.kill('kube-apiserver');
    await cluster.start('kube-apiserver');
    for (const path of made) {
      const status = async (): Promise<number> => (await cluster.request(path)).status;
      await expect.poll(status, { timeout: SETTLED_TIMEOUT_MS, interval: 250 }).toBe(200);
    }
    expect(titles()).toEqual([]);
  }, 120_000);

  test('the API server asks the record hook only about what the control plane writes, and the gate about the rest: the webhook had nothing to let through', () => {
    expect(recorder.outcomes).not.toContain('excluded');
    expect(recorder.outcomes).not.toContain('invalid');
    expect(recorder.outcomes).not.toContain('failed');
    expect(recorder.outcomes).not.toContain('lost');
    expect(records.misses).toBe(0);
  });
});

describe('a name alone never leaves the gate', () => {
  test.each([
    ['system:kube-scheduler', ['create', 'configmap', 'x']],
    ['system:apiserver', ['create', 'configmap', 'x']],
    ['system:apiserver', ['create', 'clusterrolebinding', 'mine', '--clusterrole=cluster-admin', '--user=mallory']],
    ['system:kube-controller-manager', ['create', 'token', 'default', '-n', 'default']],
    ['system:serviceaccount:kube-system:deployment-controller', ['create', 'deployment', 'x', '--image=x']],
    ['system:serviceaccount:kube-system:replicaset-controller', ['run', 'x', '--image=x']],
    ['system:serviceaccount:kube-system:namespace-controller', ['delete', 'configmap', 'victim']],
    ['system:serviceaccount:kube-system:generic-garbage-collector', ['delete', 'configmap', 'victim']],
    ['system:serviceaccount:kube-system:generic-garbage-collector', ['annotate', 'configmap', 'victim', 'a=b']],
    [
      'system:serviceaccount:kube-system:clusterrole-aggregation-controller',
      ['annotate', 'clusterrole', 'cluster-admin', 'a=b'],
    ],
    ['system:node:node-1', ['label', 'node', 'node-1', 'a=b']],
    ['kwok', ['create', 'configmap', 'x']],
  ])('%s %s', async (user, args) => {
    await alice('create', 'configmap', 'victim');
    ledger.asked.length = 0;
    admitOnly();
    // The administrator's groups allow it; the gate is what refuses.
    const result = await runKubectl(cluster, [...args, `--as=${user}`, '--as-group=system:masters']);
    expect(result.stderr).toContain('not recorded');
    expect(asked()[0]?.attributes.user).toBe(user);
  });
});

describe('two attempts at one change have one digest on a real API server', () => {
  const digestsOf = async (object: unknown, ...steps: string[]): Promise<readonly string[]> => {
    ledger.asked.length = 0;
    // Refused, so that the next attempt is a CREATE again: as it is while the votes are missing.
    ledger.outcome = {
      kind: 'refused',
      code: 'WEBHOOK_CANARY',
      proposal: null,
      binding: null,
      leaseMs: null,
      height: null,
      leaf: null,
    };
    for (const _ of steps)
      await runKubectl(cluster, ['create', '-f', '-'], { context: 'alice', stdin: JSON.stringify(object) });
    return asked().map(({ digest }) => digest.diff);
  };
  const meta = { name: 'same', namespace: 'default' };
  const podSpec = { containers: [{ name: 'x', image: 'x' }] };

  test.each([
    ['Service with an allocated address', { apiVersion: 'v1', kind: 'Service', metadata: meta, spec: { type: 'NodePort', ports: [{ port: 80 }] } }],
    ['LoadBalancer with all its ports', { apiVersion: 'v1', kind: 'Service', metadata: meta, spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports: [{ port: 80 }] } }],
    ['Pod', { apiVersion: 'v1', kind: 'Pod', metadata: meta, spec: podSpec }],
    ['Pod with a generated name', { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'run-', namespace: 'default' }, spec: podSpec }],
    ['Job', { apiVersion: 'batch/v1', kind: 'Job', metadata: meta, spec: { template: { spec: { ...podSpec, restartPolicy: 'Never' } } } }],
    ['Job with a generated name', { apiVersion: 'batch/v1', kind: 'Job', metadata: { generateName: 'run-', namespace: 'default' }, spec: { template: { spec: { ...podSpec, restartPolicy: 'Never' } } } }],
    ['PersistentVolumeClaim', { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: meta, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }],
    ['Secret', { apiVersion: 'v1', kind: 'Secret', metadata: meta, stringData: { k: 'v' } }],
    ['Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'same' } }],
  ])('%s', async (_name, object) => {
    const digests = await digestsOf(object, 'first', 'second');
    expect(digests).toHaveLength(2);
    expect(digests[1]).toBe(digests[0]);
  }); // prettier-ignore

  test('but a node port that was given is bound', async () => {
    const service = (nodePort: number) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta,
      spec: { type: 'NodePort', ports: [{ port: 80, nodePort }] },
    });
    const [first] = await digestsOf(service(30_101), 'once');
    const [second] = await digestsOf(service(30_102), 'once');
    expect(first).toBeDefined();
    expect(second).not.toBe(first);
  });
});

describe('what people see', () => {
  test('a refusal with its reason and a warning with the proposal; a dry run only the warning', async () => {
    ledger.outcome = {
      kind: 'refused',
      code: 'WEBHOOK_CANARY',
      proposal: null,
      binding: null,
      leaseMs: null,
      height: null,
      leaf: null,
    };
    const refused = await alice('create', 'configmap', 'seen');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain(
      'admission webhook "east.gate.kubectl-chain.dev" denied the request: CREATE configmaps default/seen is refused',
    );
    ledger.evaluation = { kind: 'needs-votes', policies: ['production'], approvals: 2, proposal: null };
    const dry = await alice('create', 'configmap', 'seen', '--dry-run=server');
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stderr).toContain(
      'Warning: kubectl-chain: CREATE configmaps default/seen needs 2 approvals (production)',
    );
  });
});
