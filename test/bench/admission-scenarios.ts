import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../control-plane/cluster.ts';
import type { Playground } from '../playground/playground.ts';
import { closedLoop } from './closed-loop.ts';
import { quantile } from './figure.ts';

/** A value of one run, under its name. */
export type Values = Readonly<Record<string, { readonly value: number; readonly unit: string }>>;

export interface Scenario {
  readonly controlPlane: 'api' | 'full';
  readonly rounds: number;
  /** `tag` is another one in each run, and a name for objects. */
  run(playground: Playground, tag: string): Promise<Values>;
}

const BURST_OBJECTS = 200;
const ROLLOUT_PODS = 300;
const waitMaxMs = 600_000;

const creates = (clients: number, calls: number, rounds: number): Scenario => ({
  controlPlane: 'api',
  rounds,
  run: async ({ cluster }, tag) => {
    const { latenciesMs, perSecond, failed } = await closedLoop(clients, calls, async (index) => {
      const body = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `${tag}-${index}` },
        data: { value: 'x'.repeat(1_000) },
      };
      const path = '/api/v1/namespaces/default/configmaps';
      return (await cluster.request(path, { method: 'POST', body: JSON.stringify(body) })).status === 201;
    });
    if (failed > 0) throw new Error(`${failed} of ${calls} creates failed`);
    const ms = (value: number) => ({ value, unit: 'ms' });
    return {
      p50: ms(quantile(latenciesMs, 0.5)),
      p99: ms(quantile(latenciesMs, 0.99)),
      rate: { value: perSecond, unit: '1/s' },
    };
  },
});

export const scenarios: Readonly<Record<string, Scenario>> = {
  '1 client': creates(1, 150, 5),
  '16 clients': creates(16, 600, 5),
  'burst of 200': { controlPlane: 'api', rounds: 3, run: burst },
  'rollout of 300 pods': { controlPlane: 'full', rounds: 1, run: rollout },
};

/** `kubectl apply -k` of a folder with 200 ConfigMaps: one process that asks for and creates one after the other. */
async function burst({ kubectl, dir }: Playground, tag: string): Promise<Values> {
  const folder = join(dir, `burst-${tag}`);
  mkdirSync(folder);
  const objects = Array.from({ length: BURST_OBJECTS }, (_, index) =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `${tag}-${index}` },
      data: { value: 'x'.repeat(1_000) },
    }),
  );
  writeFileSync(join(folder, 'objects.yaml'), objects.join('\n---\n'));
  writeFileSync(join(folder, 'kustomization.yaml'), 'namespace: default\nresources: [objects.yaml]\n');
  const { code, stderr, ms } = await kubectl('admin', ['apply', '-k', folder], { timeoutMs: waitMaxMs });
  if (code !== 0) throw new Error(`kubectl apply -k: exit ${code}: ${stderr}`);
  return { time: { value: ms, unit: 'ms' } };
}

/** From the creation of a Deployment until all of its pods are available: what its controllers, the scheduler and kwok write goes through the hooks too. */
async function rollout({ cluster }: Playground, tag: string): Promise<Values> {
  const deployments = '/apis/apps/v1/namespaces/default/deployments';
  const labels = { app: tag };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'none', image: 'none' }] } };
  const startedMs = performance.now();
  const created = await cluster.request(deployments, {
    method: 'POST',
    body: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: tag },
      spec: { replicas: ROLLOUT_PODS, selector: { matchLabels: labels }, template },
    },
  });
  if (created.status !== 201) throw new Error(`deployment: ${created.status} ${created.text}`);
  const available = async (): Promise<number> => {
    const answer = await cluster.request(`${deployments}/${tag}`);
    return answer.json<{ status?: { availableReplicas?: number } }>().status?.availableReplicas ?? 0;
  };
  await until(`${ROLLOUT_PODS} pods`, async () => (await available()) === ROLLOUT_PODS);
  const ms = performance.now() - startedMs;
  await cluster.request(`${deployments}/${tag}?propagationPolicy=Foreground`, { method: 'DELETE' });
  await until('the end of the pods', async () => (await podsOf(cluster, tag)) === 0);
  return { time: { value: ms, unit: 'ms' } };
}

async function podsOf(cluster: Cluster, tag: string): Promise<number> {
  const answer = await cluster.request(`/api/v1/namespaces/default/pods?labelSelector=app%3D${tag}`);
  return answer.json<{ items: readonly unknown[] }>().items.length;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + waitMaxMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`waited too long for ${what}`);
    await sleep(100);
  }
}
