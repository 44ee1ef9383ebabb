import { writeFileAtomically } from '../control-plane/files.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { hookUrl } from './hooks.ts';
import type { PlaygroundLayout } from './layout.ts';
import { UNBOUND_USER } from './organisations.ts';
import { CLUSTER_NAME } from './paths.ts';
import type { PlaygroundState } from './state.ts';

/** Writes `env.json`, the interface for those who use a playground and did not start it. Changed only by adding. */
export function writeEnv(layout: PlaygroundLayout, cluster: Cluster, state: PlaygroundState): void {
  const env = {
    version: 1,
    kubeconfig: cluster.kubeconfig,
    adminContext: cluster.adminContext,
    kubectl: cluster.kubectl,
    plugin: layout.plugin,
    chainHome: layout.chainHome,
    profile: state.profile,
    cluster: CLUSTER_NAME,
    nodes: state.nodes.map(({ org, ports, process, logFile }) => ({
      org,
      pid: process?.pid ?? -1,
      apiUrl: `https://127.0.0.1:${ports.api}`,
      peerAddress: `127.0.0.1:${ports.peer}`,
      metricsUrl: `http://127.0.0.1:${ports.metrics}/metrics`,
      dataDir: layout.org(org).dataDir,
      configFile: layout.org(org).config,
      logFile,
    })),
    members: state.nodes.map(({ org, person }) => ({
      name: person,
      org,
      keyFile: layout.org(org).memberKey(person),
      passphraseFile: layout.passphraseFile,
    })),
    users: state.nodes.map(({ org, person }) => ({ name: person, org, kubeconfigContext: person })),
    unboundUser: { name: UNBOUND_USER, kubeconfigContext: UNBOUND_USER },
    hooks: state.hooks.map((hook) => ({ orgs: hook.orgs, url: hookUrl(hook) })),
    webhookUrls: state.nodes.map(({ org, ports }) => ({ org, url: `https://127.0.0.1:${ports.webhook}/admit` })),
    etcd: cluster.etcd,
    auditLog: cluster.auditLog,
    controlPlane: cluster.processes.map(({ name, pid, logFile }) => ({ name, pid, logFile })),
  };
  writeFileAtomically(layout.envFile, `${JSON.stringify(env, null, 2)}\n`);
}
