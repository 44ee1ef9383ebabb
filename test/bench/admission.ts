import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fastify from 'fastify';
import { makeServerCertificates } from '../../src/cluster/certificates.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { startPlayground, type Playground } from '../playground/playground.ts';
import { closedLoop, type LoopResult } from './closed-loop.ts';
import { print, quantile } from './figure.ts';

const webhooksPath = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const chainConfiguration = 'kubectl-chain';
const idleConfiguration = 'bench-idle';
const clientCounts = [1, 16] as const;
const callsOf = { 1: 150, 16: 600 } as const;
/** Subjects take turns, so that what else happens on the machine hits all of them. */
const rounds = 5;
/** After a change of the configuration, until every part of the API server has seen it. */
const settleMs = 1_500;

type Subject = 'none' | 'idle-webhook' | 'witnessed' | 'single';

/**
 * ConfigMap creates through a real API server: without a webhook, with a Fastify webhook that does nothing, and through the
 * gate in both profiles.
 */
export async function benchAdmission(): Promise<void> {
  const results = new Map<string, LoopResult[]>();
  for (const profile of ['witnessed', 'single'] as const) {
    const dir = mkdtempSync(join(tmpdir(), 'kubectl-chain-bench-'));
    const playground = await startPlayground({ dir, profile, onProgress: (line) => process.stderr.write(`${line}\n`) });
    const idle = await startIdleWebhook();
    try {
      const subjects: readonly Subject[] =
        profile === 'witnessed' ? ['none', 'idle-webhook', 'witnessed'] : ['idle-webhook', 'single'];
      for (let round = 0; round < rounds; round += 1) {
        for (const subject of subjects) {
          await putInFront(playground, subject, idle);
          for (const clients of clientCounts) {
            const key = `${subject}/${clients}`;
            const found = await creates(playground.cluster, `${subject}-${profile}-${round}-${clients}`, clients);
            results.set(key, [...(results.get(key) ?? []), found]);
            process.stderr.write(
              `${profile} round ${round + 1}: ${key} p50 ${quantile(found.latenciesMs, 0.5).toFixed(1)} ms, ${found.perSecond.toFixed(0)}/s, ${found.failed} failed\n`,
            );
          }
        }
      }
    } finally {
      await idle.close();
      await playground.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  }
  report(results);
}

function report(results: ReadonlyMap<string, readonly LoopResult[]>): void {
  const medianOf = (key: string, value: (result: LoopResult) => number): number =>
    quantile((results.get(key) ?? []).map(value), 0.5);
  for (const clients of clientCounts) {
    for (const subject of ['none', 'idle-webhook', 'single', 'witnessed'] as const) {
      const metrics = [
        ['p50', 'ms', (r: LoopResult) => quantile(r.latenciesMs, 0.5)],
        ['p99', 'ms', (r: LoopResult) => quantile(r.latenciesMs, 0.99)],
        ['rate', '1/s', (r: LoopResult) => r.perSecond],
      ] as const;
      for (const [metric, unit, of] of metrics) {
        const value = medianOf(`${subject}/${clients}`, of);
        const ratio = value / medianOf(`idle-webhook/${clients}`, of);
        print({
          bench: 'admission',
          subject,
          metric: `${metric}, ${clients} clients`,
          value,
          unit,
          ratioTo: { subject: 'idle-webhook', ratio },
        });
      }
    }
  }
}

async function creates(cluster: Cluster, prefix: string, clients: 1 | 16): Promise<LoopResult> {
  const path = '/api/v1/namespaces/default/configmaps';
  return closedLoop(clients, callsOf[clients], async (index) => {
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `${prefix}-${index}` },
      data: { value: 'x'.repeat(1_000) },
    };
    const { status } = await cluster.request(path, { method: 'POST', body: JSON.stringify(body) });
    return status === 201;
  });
}

/** Exactly one of the configurations is there afterwards, or none. */
async function putInFront(playground: Playground, subject: Subject, idle: IdleWebhook): Promise<void> {
  const { cluster } = playground;
  for (const name of [chainConfiguration, idleConfiguration])
    await cluster.request(`${webhooksPath}/${name}`, { method: 'DELETE' });
  if (subject === 'witnessed' || subject === 'single') await playground.installHooks();
  if (subject === 'idle-webhook') {
    const answer = await cluster.request(webhooksPath, { method: 'POST', body: JSON.stringify(idle.configuration) });
    if (answer.status !== 201) throw new Error(`the idle webhook was not installed: ${answer.text}`);
  }
  await sleep(settleMs);
}

interface IdleWebhook {
  readonly configuration: object;
  close(): Promise<void>;
}

/** The least that a validating webhook can do: parse and allow. */
async function startIdleWebhook(): Promise<IdleWebhook> {
  const tls = await makeServerCertificates({
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    commonName: 'idle webhook',
    days: 1,
  });
  const app = fastify({
    https: { key: tls.privateKeyPem, cert: tls.certificatePem },
    keepAliveTimeout: 120_000,
    bodyLimit: 32 * 1024 * 1024,
  });
  app.post('/admit', async (request) => {
    const { request: review } = request.body as { request: { uid: string } };
    return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: review.uid, allowed: true } };
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    configuration: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: idleConfiguration },
      webhooks: [
        {
          name: 'idle.bench.kubectl-chain.dev',
          clientConfig: { url: `${url}/admit`, caBundle: Buffer.from(tls.caBundlePem).toString('base64') },
          rules: [{ apiGroups: [''], apiVersions: ['*'], resources: ['configmaps'], operations: ['*'], scope: '*' }],
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          timeoutSeconds: 10,
        },
      ],
    },
    close: () => app.close(),
  };
}
