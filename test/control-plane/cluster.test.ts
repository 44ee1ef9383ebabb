import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBinaries } from './build.ts';
import { attachCluster, startCluster, type Cluster } from './cluster.ts';
import { runKubectl } from './kubectl.ts';
import { addFakeNode } from './kwok.ts';
import { createAuthority, issue } from './pki.ts';
import { identify, isAlive, type ProcessIdentity } from './process.ts';

/** Cold caches: the API server alone takes minutes to compile. */
const BUILD_TIMEOUT_MS = 30 * 60_000;
const START_TIMEOUT_MS = 120_000;

const root = mkdtempSync(join(tmpdir(), 'control-plane-'));
const opened: Cluster[] = [];

async function start(name: string, options: Omit<Parameters<typeof startCluster>[0], 'dir'> = {}): Promise<Cluster> {
  const cluster = await startCluster({ ...options, dir: join(root, name) });
  opened.push(cluster);
  return cluster;
}

function identities(cluster: Cluster): ProcessIdentity[] {
  return cluster.processes.flatMap(({ pid }) => identify(pid) ?? []);
}

interface AuditEvent {
  readonly stage: string;
  readonly level: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource: string; readonly name?: string };
  readonly responseStatus?: { readonly code: number };
  readonly annotations?: Readonly<Record<string, string>>;
}

function auditEvents(cluster: Cluster): AuditEvent[] {
  const lines = readFileSync(cluster.auditLog, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as AuditEvent);
}

beforeAll(async () => {
  await ensureBinaries(['kube-apiserver', 'etcd', 'kubectl', 'kube-controller-manager', 'kube-scheduler', 'kwok']);
}, BUILD_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all(opened.map((cluster) => cluster.stop()));
  rmSync(root, { recursive: true, force: true });
}, START_TIMEOUT_MS);

describe('two clusters side by side', () => {
  let first: Cluster;
  let second: Cluster;

  beforeAll(async () => {
    const users = [
      { name: 'alice', groups: ['org1'], role: 'edit' },
      { name: 'mallory "x", y', groups: ['org2'] },
    ];
    [first, second] = await Promise.all([start('first', { users }), start('second', { users })]);
  }, START_TIMEOUT_MS);

  test('have their own ports and their own objects', async () => {
    const args = ['create', 'configmap', 'only-first', '--from-literal=a=1'];
    expect(await runKubectl(first, args, { context: 'alice' })).toMatchObject({ code: 0 });
    expect(first.apiServerUrl).not.toBe(second.apiServerUrl);
    expect(first.etcd.endpoint).not.toBe(second.etcd.endpoint);
    const path = '/api/v1/namespaces/default/configmaps/only-first';
    expect((await first.request(path)).json()).toMatchObject({ data: { a: '1' } });
    expect((await second.request(path)).status).toBe(404);
  });

  test("refuse each other's certificates", async () => {
    const stranger = { ...first, kubeconfig: second.kubeconfig };
    const result = await runKubectl(stranger, ['get', 'configmaps', `--server=${first.apiServerUrl}`]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain('certificate');
  });

  test('know a user by the name and the groups of the certificate, whatever characters they hold', async () => {
    const result = await runKubectl(first, ['auth', 'whoami', '-o', 'json'], { context: 'mallory "x", y' });
    expect(JSON.parse(result.stdout)).toMatchObject({
      status: { userInfo: { username: 'mallory "x", y', groups: ['org2', 'system:authenticated'] } },
    });
  });

  test('refuse a user without a role, until the role is granted', async () => {
    const args = ['create', 'configmap', 'by-mallory'];
    const refused = await runKubectl(first, args, { context: 'mallory "x", y' });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('cannot create resource "configmaps"');
    await first.grantRole({ user: 'mallory "x", y', role: 'edit', namespace: 'default' });
    expect(await runKubectl(first, args, { context: 'mallory "x", y' })).toMatchObject({ code: 0 });
  });

  test('take a user who comes later', async () => {
    await first.addUser({ name: 'late', groups: [], role: 'cluster-admin' });
    expect(await runKubectl(first, ['get', 'secrets', '-A'], { context: 'late' })).toMatchObject({ code: 0 });
    await expect(first.addUser({ name: 'late', groups: [] })).rejects.toThrow('there is a user late already');
    expect((await first.request('/api/v1/nodes', {}, 'late')).status).toBe(200);
  });

  test('write every answered request to the audit log, with the refused ones', async () => {
    await runKubectl(first, ['create', 'configmap', 'audited'], { context: 'alice' });
    await runKubectl(first, ['get', 'nodes'], { context: 'alice' });
    const byAlice = (verb: string, resource: string) =>
      auditEvents(first).find(
        ({ verb: did, user, objectRef }) =>
          did === verb &&
          user.username === 'alice' &&
          objectRef?.resource === resource &&
          objectRef.name !== 'only-first',
      );
    await expect
      .poll(() => byAlice('create', 'configmaps'))
      .toMatchObject({
        level: 'Metadata',
        stage: 'ResponseComplete',
        objectRef: { name: 'audited' },
        responseStatus: { code: 201 },
      });
    await expect.poll(() => byAlice('list', 'nodes')).toMatchObject({ responseStatus: { code: 403 } });
    expect(auditEvents(first).filter((event) => event.objectRef?.resource === 'leases')).toEqual([]);
  });

  test('give tokens to ServiceAccounts that the API server accepts', async () => {
    await runKubectl(first, ['create', 'serviceaccount', 'robot']);
    const { stdout } = await runKubectl(first, ['create', 'token', 'robot']);
    // The administrator's certificate would win over the token.
    const whoami = ['--kubeconfig=/dev/null', '--context=', `--token=${stdout.trim()}`, 'auth', 'whoami', '-o', 'json'];
    const target = [`--server=${first.apiServerUrl}`, `--certificate-authority=${first.caFile}`];
    const result = await runKubectl(first, [...target, ...whoami]);
    expect(result.stdout).toContain('system:serviceaccount:default:robot');
  });

  test('enforce quotas', async () => {
    await runKubectl(second, ['create', 'quota', 'none', '--hard=configmaps=0']);
    // What the controller manager would write, if there was one.
    const status = { hard: { configmaps: '0' }, used: { configmaps: '0' } };
    const path = '/api/v1/namespaces/default/resourcequotas/none/status';
    const contentType = 'application/merge-patch+json';
    expect((await second.request(path, { method: 'PATCH', contentType, body: { status } })).status).toBe(200);
    const create = () => runKubectl(second, ['create', 'configmap', 'too-many', '--dry-run=server']);
    await expect.poll(async () => (await create()).stderr, { timeout: 10_000 }).toContain('exceeded quota: none');
  });
});

test(
  'kill -9 of the API server or of etcd and a new start keep the data and the addresses',
  async () => {
    const cluster = await start('killed');
    await runKubectl(cluster, ['create', 'configmap', 'kept', '--from-literal=a=1']);
    const before = cluster.processes.find(({ name }) => name === 'kube-apiserver');
    await cluster.kill('kube-apiserver');
    expect(cluster.processes).toContainEqual(expect.objectContaining({ name: 'kube-apiserver', running: false }));
    await expect(cluster.request('/readyz')).rejects.toThrow('ECONNREFUSED');

    await cluster.start('kube-apiserver');
    const after = cluster.processes.find(({ name }) => name === 'kube-apiserver');
    expect(after).toMatchObject({ running: true });
    expect(after?.pid).not.toBe(before?.pid);

    await cluster.kill('etcd');
    await cluster.start('etcd');
    const read = () => runKubectl(cluster, ['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}']);
    await expect.poll(async () => (await read()).stdout, { timeout: 30_000 }).toBe('1');
  },
  START_TIMEOUT_MS,
);

test(
  'stop leaves no process behind, and a stopped cluster starts again with its data',
  async () => {
    const cluster = await start('stopped');
    await runKubectl(cluster, ['create', 'namespace', 'kept']);
    const processes = identities(cluster);
    expect(processes).toHaveLength(2);
    await cluster.stop();
    expect(processes.filter(isAlive)).toEqual([]);

    const again = await attachCluster(cluster.dir);
    await Promise.all([again.start('etcd'), again.start('kube-apiserver')]);
    expect((await again.request('/api/v1/namespaces/kept')).status).toBe(200);
    await again.stop();
    expect(again.processes.filter(({ running }) => running)).toEqual([]);
  },
  START_TIMEOUT_MS,
);

test(
  'a detached cluster outlives the process that started it, and any process can use, repair and stop it',
  async () => {
    const dir = join(root, 'detached');
    const script = `
      const { startCluster } = await import(${JSON.stringify(join(import.meta.dirname, 'cluster.ts'))});
      await startCluster({ dir: ${JSON.stringify(dir)}, detached: true, users: [{ name: 'alice', groups: [], role: 'edit' }] });`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);

    const cluster = await attachCluster(dir);
    opened.push(cluster);
    const path = '/api/v1/namespaces/default/configmaps';
    expect((await cluster.request(path, {}, 'alice')).status).toBe(200);
    await cluster.kill('kube-apiserver');
    await cluster.start('kube-apiserver');
    expect((await cluster.request(path, {}, 'alice')).status).toBe(200);
    const processes = identities(cluster);
    expect(processes).toHaveLength(2);
    await cluster.stop();
    expect(processes.filter(isAlive)).toEqual([]);
  },
  START_TIMEOUT_MS,
);

test(
  'a webhook sees the client certificate of the API server, over TLS with an authority of its own',
  async () => {
    const authority = await createAuthority('webhook-server-ca');
    const { certificate, privateKey } = await issue(authority, { commonName: 'hook', hosts: ['127.0.0.1'] });
    const callers: { commonName: string | undefined; authorized: boolean }[] = [];
    const hook = createServer(
      { cert: certificate, key: privateKey, requestCert: true, rejectUnauthorized: false },
      (incoming, answer) => {
        const socket = incoming.socket as TLSSocket;
        const commonName = socket.getPeerCertificate().subject?.CN;
        callers.push({ commonName: String(commonName), authorized: socket.authorized });
        incoming.setEncoding('utf8');
        let body = '';
        incoming.on('data', (text: string) => (body += text));
        incoming.on('end', () => {
          const { uid } = (JSON.parse(body) as { request: { uid: string } }).request;
          const response = { uid, allowed: true, warnings: ['seen'], auditAnnotations: { note: 'seen' } };
          answer.setHeader('content-type', 'application/json');
          answer.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
        });
      },
    );
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    const { port } = hook.address() as AddressInfo;
    const cluster = await start('hooked', { webhookHosts: [`127.0.0.1:${port}`] });
    // Only the authority that the cluster names is trusted: `authorized` says whether the chain ends there.
    hook.setSecureContext({ cert: certificate, key: privateKey, ca: readFileSync(cluster.webhookClientCaFile) });

    const clientConfig = {
      url: `https://127.0.0.1:${port}/review`,
      caBundle: Buffer.from(authority.certificate).toString('base64'),
    };
    const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }];
    const created = await cluster.request('/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
      method: 'POST',
      body: {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata: { name: 'hook' },
        webhooks: [
          {
            name: 'hook.example.org',
            clientConfig,
            rules,
            admissionReviewVersions: ['v1'],
            sideEffects: 'None',
            failurePolicy: 'Fail',
          },
        ],
      },
    });
    expect(created.status).toBe(201);
    // The API server hears of the configuration by a watch.
    await expect
      .poll(async () => (await runKubectl(cluster, ['create', 'configmap', 'seen', '--dry-run=server'])).stderr, {
        timeout: 10_000,
      })
      .toContain('Warning: seen');
    expect(callers[0]).toEqual({ commonName: 'apiserver-webhook-client', authorized: true });
    const annotated = () =>
      auditEvents(cluster).find(({ annotations }) => annotations?.['hook.example.org/note'] === 'seen');
    await expect.poll(annotated).toMatchObject({ verb: 'create', objectRef: { resource: 'configmaps' } });
    hook.closeAllConnections();
    hook.close();
  },
  START_TIMEOUT_MS,
);

test(
  'with controllers and a fake node, the Pods of a Deployment run',
  async () => {
    const cluster = await start('full', { components: ['controller-manager', 'scheduler', 'kwok'] });
    await addFakeNode(cluster, 'node-1');
    expect(await runKubectl(cluster, ['create', 'deployment', 'web', '--image=web', '--replicas=2'])).toMatchObject({
      code: 0,
    });
    const ready = () => runKubectl(cluster, ['get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}']);
    await expect.poll(async () => (await ready()).stdout, { timeout: 60_000, interval: 250 }).toBe('2');
  },
  START_TIMEOUT_MS,
);

test(
  'a program that does not start is told with the end of its log, and nothing stays behind',
  async () => {
    const name = 'wrong';
    await expect(start(name, { extraApiServerArgs: ['--no-such-flag'] })).rejects.toThrow(
      /kube-apiserver ended:[^]*no-such-flag/,
    );
    const cluster = await attachCluster(join(root, name));
    await sleep(100);
    expect(cluster.processes.map(({ running }) => running)).toEqual([false, false]);
  },
  START_TIMEOUT_MS,
);
