import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildPlugin } from '../../cmd/build.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import type { PlaygroundLayout } from './layout.ts';
import { NODE } from './paths.ts';
import { mustRun } from './run-command.ts';
import type { PlaygroundState } from './state.ts';

/** A folder for the PATH: kubectl itself, and the plugin, bundled as it is shipped, under the name that kubectl looks for. */
export async function writeLaunchers(layout: PlaygroundLayout, cluster: Pick<Cluster, 'kubectl'>): Promise<void> {
  mkdirSync(layout.binDir, { recursive: true });
  const plugin = await buildPlugin(layout.pluginDir);
  const environment = `NODE_COMPILE_CACHE=${quoted(join(layout.pluginDir, 'compiled'))} KUBECTL_CHAIN_KUBECTL=${quoted(cluster.kubectl)}`;
  writeFileSync(layout.plugin, `#!/bin/sh\n${environment} exec ${quoted(NODE)} ${quoted(plugin)} "$@"\n`, {
    mode: 0o755,
  });
  rmSync(`${layout.binDir}/kubectl`, { force: true });
  symlinkSync(cluster.kubectl, `${layout.binDir}/kubectl`);
}

/**
 * What a member's client trusts: the genesis that its own organisation made, pinned by its hash, and the authorities of the nodes' APIs; for
 * every context of the kubeconfig.
 */
export async function pinChain(layout: PlaygroundLayout, cluster: Cluster, state: PlaygroundState): Promise<void> {
  const authorities = state.nodes.map(({ org }) =>
    readFileSync(`${layout.org(org).nodeDir}/tls/api-ca.crt`, 'utf8').trimEnd(),
  );
  writeFileSync(layout.apiCaFile, `${authorities.join('\n')}\n`);
  const [first] = state.nodes;
  if (first === undefined) throw new Error('there is no organisation');
  const contexts = [cluster.adminContext, ...cluster.users.map(({ name }) => name)];
  const args = [
    ...['trust', 'add', state.chainName],
    ...['--genesis', layout.org(first.org).genesis],
    ...state.nodes.flatMap(({ ports }) => ['--endpoint', `https://127.0.0.1:${ports.api}`]),
    ...['--ca-bundle', layout.apiCaFile],
    ...contexts.flatMap((context) => ['--kube-context', context]),
  ];
  await mustRun(layout.plugin, args, { env: { KUBECTL_CHAIN_HOME: layout.chainHome } });

  // One person plays all members here, and may say `--key bob`.
  const keys = join(layout.chainHome, 'keys');
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  for (const { org, person } of state.nodes) {
    for (const file of [layout.org(org).memberKey(person), layout.org(org).memberDescriptor(person)]) {
      symlinkSync(file, join(keys, basename(file)));
    }
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
