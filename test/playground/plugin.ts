import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import type { Cluster } from '../control-plane/cluster.ts';
import type { PlaygroundLayout } from './layout.ts';
import { KUBECTL_CHAIN, NODE } from './paths.ts';
import type { PlaygroundState } from './state.ts';

/** A folder for the PATH: kubectl itself, and the plugin as kubectl looks for it. */
export function writeLaunchers(layout: PlaygroundLayout, cluster: Pick<Cluster, 'kubectl'>): void {
  mkdirSync(layout.binDir, { recursive: true });
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  writeFileSync(layout.plugin, `#!/bin/sh\nexec ${quoted(NODE)} ${quoted(KUBECTL_CHAIN)} "$@"\n`, { mode: 0o755 });
  rmSync(`${layout.binDir}/kubectl`, { force: true });
  symlinkSync(cluster.kubectl, `${layout.binDir}/kubectl`);
}

/** What a member's client trusts: the genesis by its hash, all nodes' addresses and authorities; for every context of the kubeconfig. */
export function writeChainHome(layout: PlaygroundLayout, cluster: Cluster, state: PlaygroundState): void {
  const authorities = state.nodes.map(({ org }) =>
    readFileSync(`${layout.org(org).nodeDir}/tls/api-ca.crt`, 'utf8').trimEnd(),
  );
  writeFileSync(layout.apiCaFile, `${authorities.join('\n')}\n`);
  mkdirSync(layout.chainHome, { recursive: true, mode: 0o700 });
  const config = {
    chains: [
      {
        name: state.chainName,
        genesisHash: state.genesisHash,
        endpoints: state.nodes.map(({ ports }) => `https://127.0.0.1:${ports.api}`),
        caBundle: layout.apiCaFile,
        kubeContexts: [cluster.adminContext, ...cluster.users.map(({ name }) => name)],
      },
    ],
  };
  writeFileSync(`${layout.chainHome}/config.yaml`, stringify(config), { mode: 0o600 });
}
