import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { webhookConfiguration } from '../../src/change/index.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { runKubectl } from '../control-plane/kubectl.ts';
import type { PlaygroundLayout } from './layout.ts';
import { reviewsAnswered } from './node-process.ts';
import { FAILOVER } from './paths.ts';
import type { HookState, NodeState, PlaygroundState } from './state.ts';

const WEBHOOK_NAME = 'kubectl-chain';
const ACTIVE_TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 100;

export function failoverArguments(layout: PlaygroundLayout, hook: string): string[] {
  return [FAILOVER, layout.hookConfig(hook)];
}

export function hookUrl(hook: Pick<HookState, 'port'>): string {
  return `https://127.0.0.1:${hook.port}/admit`;
}

/** The failover's configuration and the authorities of its nodes' webhooks, any of which may answer. */
export function writeHookFiles(layout: PlaygroundLayout, hook: HookState, nodes: readonly NodeState[]): void {
  const group = nodes.filter(({ org }) => hook.orgs.includes(org));
  const caOf = (node: NodeState, name: string) =>
    readFileSync(`${layout.org(node.org).nodeDir}/tls/${name}-ca.crt`, 'utf8');
  const config = {
    listenHost: '127.0.0.1',
    listenPort: hook.port,
    backends: group.map((node) => ({
      host: '127.0.0.1',
      port: node.ports.webhook,
      probe: { url: `https://127.0.0.1:${node.ports.webhook}/readyz`, caPem: caOf(node, 'webhook') },
    })),
  };
  writeFileSync(layout.hookConfig(hook.name), `${JSON.stringify(config, null, 2)}\n`);
  writeFileSync(layout.hookCa(hook.name), group.map((node) => caOf(node, 'webhook').trimEnd()).join('\n'));
}

/** Puts the hooks in front of the API server. @throws Error if it refuses them. */
export async function installHooks(layout: PlaygroundLayout, cluster: Cluster, state: PlaygroundState): Promise<void> {
  const configuration = webhookConfiguration({
    name: WEBHOOK_NAME,
    hooks: state.hooks.map((hook) => ({
      name: hook.name,
      url: hookUrl(hook),
      caBundle: readFileSync(layout.hookCa(hook.name)).toString('base64'),
    })),
    ...(state.controlPlane === 'full' ? { exclusions: { nodeAgents: ['kwok'] } } : {}),
  });
  writeFileSync(layout.webhookFile, `${JSON.stringify(configuration, null, 2)}\n`);
  const applied = await runKubectl(cluster, ['apply', '-f', layout.webhookFile]);
  if (applied.code !== 0) throw new Error(`the webhook configuration was refused: ${applied.stderr}`);
}

/**
 * Returns when a dry run has gone through every hook: the API server takes a moment to see a new configuration, and until then it would let
 * everything pass. The nodes' own counters say that they were asked.
 * @throws Error with the last answer after half a minute.
 */
export async function waitUntilHooked(cluster: Cluster, state: PlaygroundState): Promise<void> {
  const counts = () =>
    Promise.all(
      state.hooks.map(async ({ orgs }) => {
        const group = state.nodes.filter(({ org }) => orgs.includes(org));
        const answered = await Promise.all(group.map((node) => reviewsAnswered(node).catch(() => 0)));
        return answered.reduce((sum, count) => sum + count, 0);
      }),
    );
  const before = await counts();
  const deadline = performance.now() + ACTIVE_TIMEOUT_MS;
  for (;;) {
    const dryRun = ['create', 'configmap', 'kubectl-chain-check', '--dry-run=server', '--namespace=default'];
    const { code, stderr } = await runKubectl(cluster, dryRun);
    const asked = (await counts()).every((count, i) => count > (before[i] ?? 0));
    if (code === 0 && asked) return;
    if (performance.now() > deadline) {
      throw new Error(
        `no admission through all hooks: ${asked ? '' : 'not every hook was asked; '}exit ${code}\n${stderr}`,
      );
    }
    await sleep(POLL_INTERVAL_MS);
  }
}
