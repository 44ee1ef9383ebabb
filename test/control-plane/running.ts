import type { ComponentName } from './components.ts';
import {
  ADMIN,
  CLUSTER_CA,
  createUserCredentials,
  ETCD_CA,
  ETCD_CLIENT,
  userPair,
  writeKubeconfig,
  writeProgramKubeconfigs,
} from './credentials.ts';
import type { Layout } from './layout.ts';
import { isAlive, sendSignal, startProcess, terminate, waitUntilGone } from './process.ts';
import { grantRole, type RoleGrant } from './rbac.ts';
import { sizeOf, waitUntilReady, type StartedComponent } from './readiness.ts';
import { createHttpsClient, type HttpsClient, type RequestInit, type Response } from './request.ts';
import { readState, updateState, withProcess, type ClusterState, type UserState } from './state.ts';

interface ClusterProcess {
  readonly name: ComponentName;
  /** The last one that was started; -1 if none was. */
  readonly pid: number;
  readonly logFile: string;
  readonly running: boolean;
}

/** A control plane of its own. All paths are absolute. */
export interface Cluster {
  readonly dir: string;
  /** Holds the administrator's context and one for each user, called like the user. */
  readonly kubeconfig: string;
  readonly adminContext: string;
  readonly kubectl: string;
  readonly kubectlCacheDir: string;
  /** `https://127.0.0.1:<port>` */
  readonly apiServerUrl: string;
  /** Authority of the API server's certificate, and of the users' certificates. */
  readonly caFile: string;
  /** Authority of the client certificate that the API server shows to webhooks. */
  readonly webhookClientCaFile: string;
  readonly etcd: {
    readonly endpoint: string;
    readonly caFile: string;
    readonly certFile: string;
    readonly keyFile: string;
  };
  /** One JSON audit event a line. */
  readonly auditLog: string;
  readonly users: readonly UserState[];
  /** As they are now. */
  readonly processes: readonly ClusterProcess[];
  /** One HTTPS request to the API server, by the administrator or by a user. Any status is an answer. */
  readonly request: (path: string, init?: RequestInit, user?: string) => Promise<Response>;
  /** Makes a certificate and a context for one more user. @throws Error if the name is taken. */
  readonly addUser: (user: UserState & { readonly role?: string }) => Promise<void>;
  readonly grantRole: (grant: RoleGrant) => Promise<void>;
  /** Starts a program that is not running, with the arguments of its first start, and waits until it serves. */
  readonly start: (name: ComponentName) => Promise<void>;
  /** Sends a signal, SIGKILL by default; returns when the process is gone, except after SIGSTOP and SIGCONT. */
  readonly kill: (name: ComponentName, signal?: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT') => Promise<void>;
  /** Ends every program; the data stays, and `start` would go on with it. Never touches a process that only has the same pid. */
  readonly stop: () => Promise<void>;
}

export interface RunningOptions {
  readonly readyTimeoutMs?: number;
}

const READY_TIMEOUT_MS_DEFAULT = 90_000;
/** The API server waits for its open watches; nobody needs their last events. etcd and the controllers end at once. */
const STOP_GRACE_MS = 2_000;

/** Writes the kubeconfigs for people and programs. */
export function writeAccessFiles(layout: Layout, state: ClusterState): void {
  writeKubeconfig(layout, state.apiServerUrl, [ADMIN, ...state.users.map(({ name }) => name)]);
  writeProgramKubeconfigs(layout, state.apiServerUrl);
}

/** The cluster whose state file is in the folder. Nothing is started. */
export function openCluster(layout: Layout, options: RunningOptions): Cluster {
  const { apiServerUrl, etcdEndpoint, kubectl, webhookClientCaFile } = readState(layout);
  const readyTimeoutMs = options.readyTimeoutMs ?? READY_TIMEOUT_MS_DEFAULT;
  const caFile = layout.pair(CLUSTER_CA).certFile;
  const etcd = { endpoint: etcdEndpoint, caFile: layout.pair(ETCD_CA).certFile, ...layout.pair(ETCD_CLIENT) };
  const clients = new Map<string, HttpsClient>();

  function request(path: string, init?: RequestInit, user = ADMIN): Promise<Response> {
    let client = clients.get(user);
    if (client === undefined) {
      client = createHttpsClient(apiServerUrl, caFile, userPair(layout, user));
      clients.set(user, client);
    }
    return client.request(path, init);
  }

  async function answers(path: string): Promise<boolean> {
    return (await request(path, { timeoutMs: 5_000 })).status === 200;
  }

  async function waitFor(started: StartedComponent): Promise<void> {
    switch (started.name) {
      case 'etcd': {
        const client = createHttpsClient(etcdEndpoint, etcd.caFile, etcd);
        const isHealthy = async () => (await client.request('/health', { timeoutMs: 5_000 })).status === 200;
        await waitUntilReady(started, isHealthy, readyTimeoutMs).finally(() => client.close());
        return;
      }
      case 'kube-apiserver':
        // A fresh one says that it is ready some milliseconds before it has made the namespace.
        return waitUntilReady(
          started,
          async () => (await answers('/readyz')) && (await answers('/api/v1/namespaces/default')),
          readyTimeoutMs,
        );
      case 'kube-controller-manager':
        // Until then Pods are refused for want of a ServiceAccount.
        return waitUntilReady(
          started,
          () => answers('/api/v1/namespaces/default/serviceaccounts/default'),
          readyTimeoutMs,
        );
      case 'kube-scheduler':
      case 'kwok':
        return;
    }
  }

  async function start(name: ComponentName): Promise<void> {
    const { logFile } = componentOf(readState(layout), name);
    const logOffset = sizeOf(logFile);
    const state = await updateState(layout, async (current) => {
      const component = componentOf(current, name);
      if (component.process !== undefined && isAlive(component.process)) return current;
      return withProcess(current, name, await startProcess({ ...component, detached: current.detached }));
    });
    const started = componentOf(state, name).process;
    if (started !== undefined) await waitFor({ name, process: started, logFile, logOffset });
  }

  /** Kept connections would fail the next request instead of opening a new one. */
  function dropConnections(): void {
    for (const client of clients.values()) client.close();
    clients.clear();
  }

  async function stop(): Promise<void> {
    dropConnections();
    for (const { process: running } of readState(layout).components.toReversed())
      if (running !== undefined) await terminate(running, STOP_GRACE_MS);
  }

  async function kill(name: ComponentName, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = componentOf(readState(layout), name).process;
    if (running === undefined || !sendSignal(running, signal)) return;
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
    if (name === 'kube-apiserver') dropConnections();
    if (!(await waitUntilGone(running, readyTimeoutMs))) throw new Error(`${name} is still there after ${signal}`);
  }

  function grant(roleGrant: RoleGrant): Promise<void> {
    const isKnown = (name: string) => readState(layout).users.some((user) => user.name === name);
    return grantRole(request, isKnown, roleGrant);
  }

  async function addUser({ name, groups, role }: UserState & { readonly role?: string }): Promise<void> {
    await updateState(layout, async (state) => {
      if (name === ADMIN || state.users.some((user) => user.name === name))
        throw new Error(`there is a user ${name} already`);
      await createUserCredentials(layout, { name, groups });
      const changed = { ...state, users: [...state.users, { name, groups }] };
      writeAccessFiles(layout, changed);
      return changed;
    });
    if (role !== undefined) await grant({ user: name, role });
  }

  return {
    dir: layout.dir,
    kubeconfig: layout.kubeconfig,
    adminContext: ADMIN,
    kubectl,
    kubectlCacheDir: layout.kubectlCacheDir,
    apiServerUrl,
    caFile,
    webhookClientCaFile,
    etcd,
    auditLog: layout.auditLog,
    get users() {
      return readState(layout).users;
    },
    get processes() {
      return readState(layout).components.map(({ name, logFile, process: last }) => ({
        name,
        pid: last?.pid ?? -1,
        logFile,
        running: last !== undefined && isAlive(last),
      }));
    },
    request,
    addUser,
    grantRole: grant,
    start,
    kill,
    stop,
  };
}

function componentOf(state: ClusterState, name: ComponentName) {
  const component = state.components.find((candidate) => candidate.name === name);
  if (component === undefined) throw new Error(`this cluster has no ${name}`);
  return component;
}
