import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { ensureBinaries } from './build.ts';
import type { BinaryName } from './binaries.ts';
import {
  apiServerArguments,
  COMPONENT_NAMES,
  controllerManagerArguments,
  etcdArguments,
  kwokArguments,
  schedulerArguments,
  SERVICE_IP,
  type ComponentName,
} from './components.ts';
import {
  DEFAULT_AUDIT_POLICY,
  writeAdmissionConfiguration,
  writeAuditPolicy,
  type StaticManifests,
} from './configuration.ts';
import { ADMIN, createCredentials, createUserCredentials, WEBHOOK_CA, WEBHOOK_CLIENT } from './credentials.ts';
import { layoutOf, type Layout, type PairFiles } from './layout.ts';
import { freePorts } from './ports.ts';
import { aggregateRoles } from './rbac.ts';
import { ComponentStartError } from './readiness.ts';
import { openCluster, writeAccessFiles, type Cluster } from './running.ts';
import { hasState, readState, writeState, type ClusterState, type ComponentState } from './state.ts';

export type { Cluster } from './running.ts';

interface ClusterUser {
  /** CN of the client certificate, and name of the context. */
  readonly name: string;
  /** O of the client certificate. */
  readonly groups: readonly string[];
  /** A ClusterRole granted to the user in the whole cluster, such as `cluster-admin` or `edit`. Default: none. */
  readonly role?: string;
}

type OptionalComponent = 'controller-manager' | 'scheduler' | 'kwok';

export interface ClusterOptions {
  /** Everything is kept below this folder; it is made if it does not exist. */
  readonly dir: string;
  /** Beside etcd and the API server. Default: none. */
  readonly components?: readonly OptionalComponent[];
  readonly users?: readonly ClusterUser[];
  /** `host:port` of each webhook URL, exactly as in the URL: the API server shows these its client certificate. */
  readonly webhookHosts?: readonly string[];
  /** Instead of a generated one with CN=apiserver-webhook-client. */
  readonly webhookClientCert?: PairFiles & { readonly caFile: string };
  readonly staticManifests?: StaticManifests;
  readonly featureGates?: Readonly<Record<string, boolean>>;
  readonly extraApiServerArgs?: readonly string[];
  /** True: the processes outlive this one; `attachCluster` finds them. Default: false, they end with this process. */
  readonly detached?: boolean;
  /** A whole audit.k8s.io/v1 Policy. Default: level Metadata at ResponseComplete for all but leases and events. */
  readonly auditPolicy?: object;
  /** For each program. Default: 90,000. */
  readonly readyTimeoutMs?: number;
  /** Lines about long steps. Default: standard error. */
  readonly onProgress?: (line: string) => void;
}

const PORT_ATTEMPTS_MAX = 5;

/**
 * Starts an isolated control plane and returns when it serves: etcd and kube-apiserver, and the controllers asked for.
 * @throws ComponentStartError with the end of the log if a program does not start (what was started is stopped again), Error if the folder
 * already holds a cluster or a binary cannot be built.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const layout = layoutOf(resolve(options.dir));
  if (hasState(layout)) throw new Error(`${layout.dir} already holds a cluster: attachCluster() opens it`);
  const users = options.users ?? [];
  const names = [ADMIN, ...users.map(({ name }) => name)];
  if (new Set(names).size < names.length) throw new Error(`user names must differ, also from "${ADMIN}"`);

  const components = new Set<ComponentName>(['etcd', 'kube-apiserver']);
  for (const name of options.components ?? []) components.add(name === 'kwok' ? name : `kube-${name}`);
  const binaries = await ensureBinaries<BinaryName>(
    [...components, 'kubectl'],
    options.onProgress ? { onProgress: options.onProgress } : {},
  );

  for (const dir of [layout.dir, layout.configDir, layout.logDir]) mkdirSync(dir, { recursive: true, mode: 0o700 });
  await createCredentials(layout, SERVICE_IP);
  await Promise.all(users.map((user) => createUserCredentials(layout, user)));
  const { apiServerOptions, webhookClientCaFile } = writeApiServerFiles(layout, options);

  const cluster = await startOnFreePorts(layout, options, ([apiServerPort, etcdPort]) => {
    const apiServerUrl = `https://127.0.0.1:${apiServerPort}`;
    const etcdEndpoint = `https://127.0.0.1:${etcdPort}`;
    const args: Record<ComponentName, string[]> = {
      etcd: etcdArguments(layout, etcdPort),
      'kube-apiserver': apiServerArguments(layout, {
        ...apiServerOptions,
        port: apiServerPort,
        etcdEndpoint,
        hasControllerManager: components.has('kube-controller-manager'),
      }),
      'kube-controller-manager': controllerManagerArguments(layout),
      'kube-scheduler': schedulerArguments(layout),
      kwok: kwokArguments(layout),
    };
    return {
      version: 1,
      detached: options.detached ?? false,
      apiServerUrl,
      etcdEndpoint,
      kubectl: binaries.kubectl,
      webhookClientCaFile,
      users: users.map(({ name, groups }) => ({ name, groups })),
      components: COMPONENT_NAMES.filter((name) => components.has(name)).map((name): ComponentState => ({
        name,
        command: binaries[name],
        args: args[name],
        logFile: layout.log(name),
      })),
    };
  });

  try {
    if (!components.has('kube-controller-manager')) await aggregateRoles(cluster.request);
    const controllers = [...components].filter((name) => name !== 'etcd' && name !== 'kube-apiserver');
    await Promise.all(controllers.map((name) => cluster.start(name)));
    for (const { name, role } of users) if (role !== undefined) await cluster.grantRole({ user: name, role });
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/**
 * Opens a cluster that another process started, from its `cluster.json`. Its programs may be running or not.
 * @throws Error if the folder holds no cluster.
 */
export function attachCluster(dir: string): Promise<Cluster> {
  const layout = layoutOf(resolve(dir));
  return Promise.resolve().then(() => {
    readState(layout);
    return openCluster(layout, {});
  });
}

function writeApiServerFiles(layout: Layout, options: ClusterOptions) {
  const staticManifests = options.staticManifests ?? {};
  const admissionConfiguration = writeAdmissionConfiguration(layout, {
    webhookHosts: options.webhookHosts ?? [],
    clientCertificate: options.webhookClientCert ?? layout.pair(WEBHOOK_CLIENT),
    staticManifests,
  });
  const gates = Object.keys(staticManifests).length > 0 ? { ManifestBasedAdmissionControlConfig: true } : {};
  return {
    webhookClientCaFile: options.webhookClientCert?.caFile ?? layout.pair(WEBHOOK_CA).certFile,
    apiServerOptions: {
      admissionConfiguration,
      auditPolicy: writeAuditPolicy(layout, options.auditPolicy ?? DEFAULT_AUDIT_POLICY),
      featureGates: { ...gates, ...options.featureGates },
      extraArgs: options.extraApiServerArgs ?? [],
    },
  };
}

/** A free port may be taken before its server listens on it; then everything starts again on other ones. */
async function startOnFreePorts(
  layout: Layout,
  options: ClusterOptions,
  stateFor: (ports: readonly [number, number]) => ClusterState,
): Promise<Cluster> {
  for (let attempt = 1; ; attempt += 1) {
    const [first = 0, second = 0] = await freePorts(2);
    const state = stateFor([first, second]);
    writeState(layout, state);
    writeAccessFiles(layout, state);
    const cluster = openCluster(
      layout,
      options.readyTimeoutMs === undefined ? {} : { readyTimeoutMs: options.readyTimeoutMs },
    );
    try {
      await Promise.all([cluster.start('etcd'), cluster.start('kube-apiserver')]);
      return cluster;
    } catch (error) {
      await cluster.stop();
      const again = error instanceof ComponentStartError && error.addressInUse && attempt < PORT_ATTEMPTS_MAX;
      if (!again) throw error;
    }
  }
}
