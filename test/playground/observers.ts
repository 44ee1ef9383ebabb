import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import type { Cluster } from '../control-plane/cluster.ts';
import type { PlaygroundLayout } from './layout.ts';
import type { Organisation } from './organisations.ts';

/** The group that `kubectl chain install` gives the observers' role to. */
export const OBSERVERS_GROUP = 'kubectl-chain-observers';

export function observerUser(org: string): string {
  return `observer-${org}`;
}

/** A kubeconfig of its own for each organisation's observer; `kubectl chain install` gives the group its rights, which only read. */
export function writeObserverKubeconfigs(
  layout: PlaygroundLayout,
  cluster: Pick<Cluster, 'kubeconfig'>,
  orgs: readonly Organisation[],
): void {
  for (const { name } of orgs) {
    const text = onlyContext(cluster.kubeconfig, observerUser(name));
    writeFileSync(layout.org(name).observerKubeconfig, text, { mode: 0o600 });
  }
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
