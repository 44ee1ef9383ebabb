import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../control-plane/cluster.ts';
import { runKubectl } from '../control-plane/kubectl.ts';
import { nodeAgents } from './full-control-plane.ts';
import type { PlaygroundLayout } from './layout.ts';
import { reviewsAnswered } from './node-process.ts';
import { FAILOVER } from './paths.ts';
import { mustRun } from './run-command.ts';
import type { HookState, NodeState, PlaygroundState } from './state.ts';

const ACTIVE_TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 100;

export function failoverArguments(layout: PlaygroundLayout, hook: string): string[] {
  return [FAILOVER, layout.hookConfig(hook)];
}

export function hookUrl(hook: Pick<HookState, 'port'>): string {
  return `https://127.0.0.1:${hook.port}/admit`;
}

/** The failovers' configurations, and the authorities of the nodes' webhooks, any of which may answer. */
export function writeHookFiles(
  layout: PlaygroundLayout,
  hooks: readonly HookState[],
  nodes: readonly NodeState[],
): void {
  for (const hook of hooks) writeHookConfig(layout, hook, nodes);
  writeFileSync(layout.webhookCaFile, `${nodes.map((node) => caOf(layout, node)).join('\n')}\n`);
}

/** The failover asks those of `nodes` that belong to the hook. */
export function writeHookConfig(layout: PlaygroundLayout, hook: HookState, nodes: readonly NodeState[]): void {
  const group = nodes.filter(({ org }) => hook.orgs.includes(org));
  const config = {
    listenHost: '127.0.0.1',
    listenPort: hook.port,
    backends: group.map((node) => ({
      host: '127.0.0.1',
      port: node.ports.webhook,
      probe: { url: `https://127.0.0.1:${node.ports.webhook}/readyz`, caPem: caOf(layout, node) },
    })),
  };
  writeFileSync(layout.hookConfig(hook.name), `${JSON.stringify(config, null, 2)}\n`);
}

function caOf(layout: PlaygroundLayout, { org }: NodeState): string {
  return readFileSync(`${layout.org(org).nodeDir}/tls/webhook-ca.crt`, 'utf8').trimEnd();
}

/** Arguments of `kubectl` (which takes no flag before a plugin's name) that put the hooks in front of the API server. */
export function installArguments(layout: PlaygroundLayout, { hooks, controlPlane }: PlaygroundState): string[] {
  const urls = hooks.flatMap((hook) => ['--hook', `${hook.name}=${hookUrl(hook)}`]);
  // kwok plays every kubelet under a name that no production cluster leaves out of the gate.
  const agents = nodeAgents(controlPlane).flatMap((user) => ['--node-agent', user]);
  return ['chain', 'install', ...urls, ...agents, '--webhook-ca', layout.webhookCaFile, '--yes'];
}

/** Puts the hooks in front of the API server. @throws Error if it refuses them. */
export async function installHooks(
  layout: PlaygroundLayout,
  cluster: Cluster,
  state: PlaygroundState,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const install = [...installArguments(layout, state), `--context=${cluster.adminContext}`];
  await mustRun(cluster.kubectl, install, { env });
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
