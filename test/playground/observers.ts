import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import type { Cluster } from '../control-plane/cluster.ts';
import { runKubectl } from '../control-plane/kubectl.ts';
import type { PlaygroundLayout } from './layout.ts';
import type { Organisation } from './organisations.ts';

const ROLE = 'kubectl-chain-observer';
export const OBSERVERS_GROUP = 'kubectl-chain-observers';

export function observerUser(org: string): string {
  return `observer-${org}`;
}

/**
 * One read-only identity for each organisation, in a kubeconfig of its own. It may read whatever a policy may come to govern, Secrets too: the
 * organisation's node sees the same objects in the reviews, and keeps digests of their values only.
 */
export async function createObservers(
  layout: PlaygroundLayout,
  cluster: Cluster,
  orgs: readonly Organisation[],
): Promise<void> {
  for (const { name } of orgs) {
    writeFileSync(layout.org(name).observerKubeconfig, onlyContext(cluster.kubeconfig, observerUser(name)), {
      mode: 0o600,
    });
  }
  writeFileSync(layout.observerRoleFile, observerRole());
  const applied = await runKubectl(cluster, ['apply', '-f', layout.observerRoleFile]);
  if (applied.code !== 0) throw new Error(`the observers' role was refused: ${applied.stderr}`);
}

function observerRole(): string {
  const metadata = { name: ROLE, labels: { 'app.kubernetes.io/name': 'kubectl-chain' } };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  return [
    {
      apiVersion,
      kind: 'ClusterRole',
      metadata,
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }],
    },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: ROLE },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: OBSERVERS_GROUP }],
    },
  ]
    .map((document) => stringify(document))
    .join('---\n');
}

interface Kubeconfig {
  readonly contexts: readonly { name: string; context: { user: string } }[];
  readonly users: readonly { name: string }[];
}

/** A copy of the kubeconfig with the one context and the credentials that it needs. */
function onlyContext(file: string, context: string): string {
  const all = parse(readFileSync(file, 'utf8')) as Kubeconfig;
  const kept = all.contexts.filter(({ name }) => name === context);
  return stringify({
    ...all,
    contexts: kept,
    users: all.users.filter(({ name }) => kept.some((one) => one.context.user === name)),
    'current-context': context,
  });
}
