import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../control-plane/cluster.ts';
import { addFakeNode } from '../control-plane/kwok.ts';
import type { ControlPlane } from './state.ts';

/** Nodes that kwok plays: two, so that draining one leaves a place for its pods. */
export const FAKE_NODES = ['node-1', 'node-2'] as const;

const DEPLOYMENT = 'kubectl-chain-check';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const REPLICAS = 2;
const AVAILABLE_TIMEOUT_MS = 120_000;
const POLL_INTERVAL_MS = 100;

/** Who plays the kubelets; the hooks and the nodes must leave out the same. */
export function nodeAgents(controlPlane: ControlPlane): readonly string[] {
  return controlPlane === 'full' ? ['kwok'] : [];
}

export async function addFakeNodes(cluster: Cluster, controlPlane: ControlPlane): Promise<void> {
  if (controlPlane !== 'full') return;
  for (const name of FAKE_NODES) await addFakeNode(cluster, name);
}

interface Deployment {
  readonly status?: { readonly availableReplicas?: number };
}

/**
 * Returns when the pods of a Deployment that went through the hooks are available: every controller has done its part behind the gate. The
 * Deployment is then removed again.
 * @throws Error with what the API server said last.
 */
export async function waitUntilDeployed(cluster: Cluster, controlPlane: ControlPlane): Promise<void> {
  if (controlPlane !== 'full') return;
  const labels = { app: DEPLOYMENT };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'none', image: 'none' }] } };
  const created = await cluster.request(DEPLOYMENTS, {
    method: 'POST',
    body: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: DEPLOYMENT },
      spec: { replicas: REPLICAS, selector: { matchLabels: labels }, template },
    },
  });
  // One may be left from a start that was interrupted.
  if (created.status !== 201 && created.status !== 409)
    throw new Error(`deployment: ${created.status} ${created.text}`);
  const deadline = performance.now() + AVAILABLE_TIMEOUT_MS;
  for (;;) {
    const answer = await cluster.request(`${DEPLOYMENTS}/${DEPLOYMENT}`);
    if (answer.json<Deployment>().status?.availableReplicas === REPLICAS) break;
    if (performance.now() > deadline)
      throw new Error(`the pods of a Deployment do not become available: ${answer.text}`);
    await sleep(POLL_INTERVAL_MS);
  }
  const removed = await cluster.request(`${DEPLOYMENTS}/${DEPLOYMENT}?propagationPolicy=Background`, {
    method: 'DELETE',
  });
  if (removed.status !== 200) throw new Error(`deployment: ${removed.status} ${removed.text}`);
}
