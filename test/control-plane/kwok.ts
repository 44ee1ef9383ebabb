import type { Cluster } from './cluster.ts';

/**
 * Adds a node that kwok plays: Pods bound to it become Running. The cluster needs the component `kwok`.
 * @throws Error with the API server's answer if the node is refused.
 */
export async function addFakeNode(cluster: Pick<Cluster, 'request'>, name: string): Promise<void> {
  const capacity = { cpu: '32', memory: '256Gi', pods: '500' };
  const answer = await cluster.request('/api/v1/nodes', {
    method: 'POST',
    body: {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' } },
      status: { capacity, allocatable: capacity },
    },
  });
  if (answer.status !== 201) throw new Error(`node ${name}: ${answer.status} ${answer.text}`);
}
