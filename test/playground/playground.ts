import { mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { attachCluster, startCluster, type Cluster } from '../control-plane/cluster.ts';
import { withLock } from '../control-plane/lock.ts';
import { sendSignal, terminate, waitUntilGone } from '../control-plane/process.ts';
import { writeEnv } from './env.ts';
import { makeGenesis, makeKeys, writePassphrase, writePlan } from './founding.ts';
import { addFakeNodes, nodeAgents, waitUntilDeployed } from './full-control-plane.ts';
import { failoverArguments, installHooks, waitUntilHooked, writeHookConfig, writeHookFiles } from './hooks.ts';
import { playgroundLayout, type PlaygroundLayout } from './layout.ts';
import { getApi, httpsGet, nodeArguments, startProgram, waitForProgram, writeNodeConfig } from './node-process.ts';
import { OBSERVERS_GROUP, observerUser, writeObserverKubeconfigs } from './observers.ts';
import {
  hookGroups,
  organisations,
  profileDefault,
  UNBOUND_USER,
  type Organisation,
  type Profile,
} from './organisations.ts';
import { pinChain, writeLaunchers } from './plugin.ts';
import { PortReservation } from './ports.ts';
import { runCommand, type CommandOptions, type CommandResult, type Runner } from './run-command.ts';
import {
  hasState,
  isRunning,
  readState,
  updateState,
  withHook,
  withNode,
  writeState,
  type ControlPlane,
  type HookState,
  type NodeState,
  type PlaygroundState,
} from './state.ts';

export interface PlaygroundOptions {
  /** Everything is kept below this folder; it is made if it does not exist. */
  readonly dir: string;
  /** Default: 4. */
  readonly orgs?: number;
  /** Default: witnessed from four organisations on. */
  readonly profile?: Profile;
  /** Default: api, which is etcd and the API server alone. */
  readonly controlPlane?: ControlPlane;
  /** True: everything outlives this process. Default: false, everything ends with it, however it ends. */
  readonly detached?: boolean;
  /** Lines about long steps. Default: none. */
  readonly onProgress?: (line: string) => void;
  /** How often the observers prove the hooks, and how long a hook may be silent. Default: as in production. */
  readonly canary?: { readonly everyMs?: number; readonly silentAfterMs?: number };
  /** True: the API server reads static webhook configurations from `layout.staticDir`, which is empty at first. */
  readonly staticGuard?: boolean;
  /** True: the hooks are not installed yet; the caller does it with `installArguments`. */
  readonly withoutHooks?: boolean;
  /** Runs the commands of the founding, so that somebody may watch. Default: `mustRun`. */
  readonly run?: Runner;
  /** Ends the start: what was started is stopped, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface StartOptions {
  /** False: returns as soon as the process is there. Default: true. */
  readonly isReady?: boolean;
  /** Arguments of Node itself, for this start only. */
  readonly nodeArgs?: readonly string[];
}

/** A real API server with a chain of several organisations in front of it. All paths are absolute. */
export interface Playground {
  readonly dir: string;
  readonly layout: PlaygroundLayout;
  readonly cluster: Cluster;
  /** As it is now. */
  readonly state: PlaygroundState;
  /** kubectl as a user of the cluster (or `admin`), with the plugin in its PATH. */
  readonly kubectl: (user: string, args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** The plugin itself. With a member: with that member's key. */
  readonly chain: (member: string | null, args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** Environment in which `kubectl` and `kubectl chain` use this playground. */
  readonly env: Readonly<Record<string, string>>;
  /** By index in `state.nodes`. Returns when the process is gone. */
  readonly kill: (index: number) => Promise<void>;
  /** SIGTERM; returns when it is gone. */
  readonly stopNode: (index: number) => Promise<void>;
  readonly pause: (index: number) => void;
  readonly resume: (index: number) => void;
  /** Starts a node that is not running. */
  readonly startNode: (index: number, options?: StartOptions) => Promise<void>;
  readonly waitUntilReady: (index: number, timeoutMs?: number) => Promise<void>;
  readonly installHooks: () => Promise<void>;
  /** Returns when a dry run goes through every hook: after nodes were away, the failovers need a moment to see that they are back. */
  readonly waitUntilHooked: () => Promise<void>;
  /** The failover of a hook, started anew, leads to these nodes of its group and to no other; returns when one of them answers through it. */
  readonly onlyAsk: (hookIndex: number, nodeIndexes: readonly number[]) => Promise<void>;
  /** Ends everything; the data stays. May be called more than once. */
  readonly stop: () => Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 20_000;
const ATTEMPTS_MAX = 3;

/**
 * Starts everything and returns when a change goes through the hooks. In a folder whose playground was stopped, that one goes on with its data.
 * @throws Error if anything does not start; then nothing is left running.
 */
export function startPlayground(options: PlaygroundOptions): Promise<Playground> {
  const layout = playgroundLayout(resolve(options.dir));
  // Two that start in one folder would remove each other's files.
  return withLock(layout.startLockFile, () => start(layout, options));
}

async function start(layout: PlaygroundLayout, options: PlaygroundOptions): Promise<Playground> {
  const state = hasState(layout) ? readState(layout) : undefined;
  const cluster = await attachCluster(layout.clusterDir).catch(() => undefined);
  const programs = [...(state?.nodes ?? []), ...(state?.hooks ?? [])];
  if (programs.some(isRunning) || cluster?.processes.some(({ running }) => running)) {
    throw new Error(`a playground runs in ${layout.dir}: \`down --dir ${layout.dir}\` stops it`);
  }
  if (state?.ready === true && cluster !== undefined) return startAgain(layout, cluster, state, options);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await found(layout, options);
    } catch (error) {
      // A port may be taken between its release and the start of its server; then everything starts again on other ones.
      const isTaken =
        error instanceof Error && /NODE_PORT_IN_USE|EADDRINUSE|address already in use/.test(error.message);
      if (!isTaken || attempt === ATTEMPTS_MAX) throw error;
      options.onProgress?.('a port was taken by another process; starting again with other ones');
    }
  }
}

/** Opens a playground that another process started. @throws Error if the folder holds none. */
export async function attachPlayground(dir: string): Promise<Playground> {
  const layout = playgroundLayout(resolve(dir));
  readState(layout);
  return handle(layout, await attachCluster(layout.clusterDir));
}

/** Stops whatever of a playground was started in the folder, also one that is half there. Nothing there is fine too. */
export async function stopPlayground(dir: string): Promise<void> {
  const layout = playgroundLayout(resolve(dir));
  await stopEverything(layout, await attachCluster(layout.clusterDir).catch(() => undefined));
}

async function found(layout: PlaygroundLayout, options: PlaygroundOptions): Promise<Playground> {
  const { onProgress: say = () => {}, detached = false, controlPlane = 'api' } = options;
  const orgs = organisations(options.orgs ?? 4);
  const profile = options.profile ?? profileDefault(orgs.length);
  const groups = hookGroups(orgs, profile);
  clear(layout);
  for (const dir of [layout.dir, layout.orgsDir, layout.hooksDir, layout.staticDir])
    mkdirSync(dir, { recursive: true, mode: 0o700 });

  writePassphrase(layout);

  const ports = new PortReservation();
  let cluster: Cluster | undefined;
  try {
    const nodes = await planNodes(layout, orgs, ports);
    const hookPorts = await ports.take(groups.length);
    const hooks = groups.map((group, i): HookState => {
      const port = hookPorts[i] ?? 0;
      return { ...group, port, args: failoverArguments(layout, group.name), logFile: layout.hookLog(group.name) };
    });
    say(`${orgs.length} organisations make their keys; etcd and kube-apiserver start`);
    // Both to their end: a failure of one must not leave the other running unseen.
    const starting = startControlPlane(layout, orgs, hooks, {
      detached,
      controlPlane,
      say,
      staticGuard: options.staticGuard ?? false,
    });
    starting.catch(() => {});
    const keys = await Promise.allSettled(nodes.map((node) => makeKeys(layout, node, options.run)));
    cluster = await starting;
    options.signal?.throwIfAborted();
    for (const result of keys) if (result.status === 'rejected') throw result.reason;

    say('the organisations exchange their descriptors and agree on a genesis');
    const chainName = 'playground';
    writePlan(layout, { chainName, clusterUid: await uidOf(cluster), hooks: groups, orgs });
    const genesisHash = await makeGenesis(layout, orgs, options.run);
    writeObserverKubeconfigs(layout, cluster, orgs);
    const state: PlaygroundState = {
      version: 1,
      ready: false,
      detached,
      profile,
      controlPlane,
      chainName,
      genesisHash,
      nodes,
      hooks,
    };
    writeState(layout, state);
    for (const node of nodes) {
      const { webhookClientCaFile, auditLog } = cluster;
      writeNodeConfig(layout, node, webhookClientCaFile, nodeAgents(controlPlane), auditLog, options.canary);
    }
    writeHookFiles(layout, hooks, nodes);
    await writeLaunchers(layout, cluster);
    await pinChain(layout, cluster, state);

    const playground = handle(layout, cluster);
    await startPrograms(playground, ports, options);
    options.signal?.throwIfAborted();
    await addFakeNodes(cluster, controlPlane);
    if (options.withoutHooks !== true) {
      say('the hooks are put in front of the API server');
      await playground.installHooks();
      await waitUntilDeployed(cluster, controlPlane);
    }
    await markReady(playground);
    return playground;
  } catch (error) {
    await stopEverything(layout, cluster);
    throw error;
  } finally {
    await ports.releaseAll();
  }
}

async function startAgain(
  layout: PlaygroundLayout,
  cluster: Cluster,
  state: PlaygroundState,
  options: PlaygroundOptions,
): Promise<Playground> {
  const { onProgress: say = () => {}, detached = false } = options;
  const orgs = options.orgs ?? state.nodes.length;
  const profile = options.profile ?? state.profile;
  const controlPlane = options.controlPlane ?? state.controlPlane;
  if (orgs !== state.nodes.length || profile !== state.profile || controlPlane !== state.controlPlane) {
    throw new Error(
      `${layout.dir} holds a playground of another shape: start it without options, or delete the folder`,
    );
  }
  if (detached !== state.detached)
    throw new Error(`${layout.dir} holds a playground of another kind: delete the folder`);
  try {
    say('the control plane starts again');
    await Promise.all([cluster.start('etcd'), cluster.start('kube-apiserver')]);
    for (const { name } of cluster.processes) await cluster.start(name);
    const playground = handle(layout, cluster);
    await startPrograms(playground, new PortReservation(), options);
    await waitUntilHooked(cluster, playground.state);
    await waitUntilDeployed(cluster, controlPlane);
    await markReady(playground);
    return playground;
  } catch (error) {
    await stopEverything(layout, cluster);
    throw error;
  }
}

async function planNodes(
  layout: PlaygroundLayout,
  orgs: readonly Organisation[],
  ports: PortReservation,
): Promise<NodeState[]> {
  const nodes: NodeState[] = [];
  for (const { name, person } of orgs) {
    const [peer = 0, api = 0, metrics = 0, webhook = 0] = await ports.take(4);
    const args = nodeArguments(layout, name);
    nodes.push({ org: name, person, ports: { peer, api, metrics, webhook }, args, logFile: layout.org(name).log });
  }
  return nodes;
}

function startControlPlane(
  layout: PlaygroundLayout,
  orgs: readonly Organisation[],
  hooks: readonly HookState[],
  options: { detached: boolean; controlPlane: ControlPlane; say: (line: string) => void; staticGuard: boolean },
): Promise<Cluster> {
  return startCluster({
    dir: layout.clusterDir,
    detached: options.detached,
    onProgress: options.say,
    components: options.controlPlane === 'full' ? ['controller-manager', 'scheduler', 'kwok'] : [],
    webhookHosts: hooks.map(({ port }) => `127.0.0.1:${port}`),
    ...(options.staticGuard
      ? {
          staticManifests: { webhooksDir: layout.staticDir },
          featureGates: { ManifestBasedAdmissionControlConfig: true },
        }
      : {}),
    users: [
      // Each may do anything that RBAC can allow: it is the chain that says no.
      ...orgs.map(({ name, person }) => ({ name: person, groups: [name], role: 'cluster-admin' })),
      { name: UNBOUND_USER, groups: [], role: 'cluster-admin' },
      ...orgs.map(({ name }) => ({ name: observerUser(name), groups: [OBSERVERS_GROUP] })),
    ],
  });
}

async function startPrograms(
  playground: Playground,
  ports: PortReservation,
  { onProgress: say = () => {}, signal }: PlaygroundOptions,
): Promise<void> {
  const { layout } = playground;
  const { nodes, hooks } = playground.state;
  say(`${nodes.length} nodes start`);
  for (const [i, node] of nodes.entries()) {
    signal?.throwIfAborted();
    await ports.release(...Object.values(node.ports));
    await playground.startNode(i, { isReady: false });
  }
  await Promise.all(nodes.map((_, i) => playground.waitUntilReady(i)));
  for (const [i, hook] of hooks.entries()) {
    signal?.throwIfAborted();
    await ports.release(hook.port);
    await startFailover(layout, i);
  }
}

/** Returns when a node answers through it. */
async function startFailover(layout: PlaygroundLayout, index: number): Promise<void> {
  const state = await updateState(layout, async (current) => {
    const hook = current.hooks[index];
    if (hook === undefined) throw new Error(`there is no hook ${index}`);
    return withHook(current, index, await startProgram(hook, current.detached));
  });
  const started = state.hooks[index];
  if (started === undefined) return;
  // Through it to a node that is ready: on a busy machine its first probes may have come too late.
  const passes = async () =>
    (await httpsGet(`https://127.0.0.1:${started.port}/readyz`, layout.webhookCaFile)).status === 200;
  await waitForProgram(`the failover of hook ${started.name}`, started, passes, READY_TIMEOUT_MS);
}

async function markReady({ layout, cluster }: Playground): Promise<void> {
  writeEnv(layout, cluster, await updateState(layout, (state) => ({ ...state, ready: true })));
}

/** Only what a playground makes: a folder that holds other things keeps them. */
function clear(layout: PlaygroundLayout): void {
  const { envFile, stateFile, clusterDir, staticDir, orgsDir, hooksDir, chainHome, binDir } = layout;
  for (const path of [envFile, stateFile, clusterDir, staticDir, orgsDir, hooksDir, chainHome, binDir]) {
    rmSync(path, { recursive: true, force: true });
  }
}

async function uidOf(cluster: Cluster): Promise<string> {
  const answer = await cluster.request('/api/v1/namespaces/kube-system');
  return answer.json<{ metadata: { uid: string } }>().metadata.uid;
}

/** Known processes only, each by its pid and start time. */
async function stopEverything(layout: PlaygroundLayout, cluster: Cluster | undefined): Promise<void> {
  if (hasState(layout)) {
    const { nodes, hooks } = readState(layout);
    const programs = [...nodes, ...hooks].flatMap(({ process }) => process ?? []);
    await Promise.all(programs.map((process) => terminate(process, STOP_GRACE_MS)));
  }
  await cluster?.stop();
}

function handle(layout: PlaygroundLayout, cluster: Cluster): Playground {
  const env = {
    PATH: `${layout.binDir}:${process.env['PATH'] ?? ''}`,
    KUBECONFIG: cluster.kubeconfig,
    KUBECACHEDIR: cluster.kubectlCacheDir,
    KUBECTL_CHAIN_HOME: layout.chainHome,
    KUBECTL_CHAIN_PASSPHRASE_FILE: layout.passphraseFile,
  };
  const withEnv = (options: CommandOptions): CommandOptions => ({ ...options, env: { ...env, ...options.env } });
  const nodeAt = (index: number): NodeState => {
    const node = readState(layout).nodes[index];
    if (node === undefined)
      throw new Error(`there is no node ${index}: they are 0 to ${readState(layout).nodes.length - 1}`);
    return node;
  };
  const processOf = (index: number) => {
    const { process } = nodeAt(index);
    if (process === undefined) throw new Error(`node ${index} was never started`);
    return process;
  };
  const writeOut = (state: PlaygroundState): void => {
    if (state.ready) writeEnv(layout, cluster, state);
  };

  async function end(index: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const process = processOf(index);
    sendSignal(process, signal);
    // A stopped process would not see SIGTERM.
    if (signal === 'SIGTERM') sendSignal(process, 'SIGCONT');
    if (!(await waitUntilGone(process, STOP_GRACE_MS))) throw new Error(`node ${index} is still there after ${signal}`);
  }

  async function waitUntilReady(index: number, timeoutMs = READY_TIMEOUT_MS): Promise<void> {
    const node = nodeAt(index);
    const isReady = async () => {
      const { status, text } = await getApi(layout, node, '/readyz');
      if (status !== 200) throw new Error(`${status} ${text.slice(0, 300)}`);
      return true;
    };
    await waitForProgram(`node ${index} (${node.org})`, node, isReady, timeoutMs);
  }

  async function startNode(index: number, { isReady = true, nodeArgs = [] }: StartOptions = {}): Promise<void> {
    nodeAt(index);
    const state = await updateState(layout, async (current) => {
      const node = current.nodes[index];
      if (node === undefined || isRunning(node)) return current;
      const program = { ...node, args: [...nodeArgs, ...node.args] };
      return withNode(current, index, await startProgram(program, current.detached));
    });
    writeOut(state);
    if (isReady) await waitUntilReady(index);
  }

  return {
    dir: layout.dir,
    layout,
    cluster,
    get state() {
      return readState(layout);
    },
    env,
    kubectl: (user, args, options = {}) => {
      // kubectl takes no flag before the name of a plugin.
      const before = args[0] === 'chain' ? ['chain'] : [];
      const all = [...before, `--context=${user}`, ...args.slice(before.length)];
      return runCommand(cluster.kubectl, all, withEnv(options));
    },
    chain: (member, args, options = {}) => {
      const node = readState(layout).nodes.find(({ person }) => person === member);
      if (member !== null && node === undefined) throw new Error(`there is no member ${member}`);
      const files = node === undefined ? undefined : layout.org(node.org);
      const key = files === undefined || member === null ? [] : ['--key', files.memberKey(member)];
      return runCommand(layout.plugin, [...args, ...key], withEnv(options));
    },
    kill: (index) => end(index, 'SIGKILL'),
    stopNode: (index) => end(index, 'SIGTERM'),
    pause: (index) => void sendSignal(processOf(index), 'SIGSTOP'),
    resume: (index) => void sendSignal(processOf(index), 'SIGCONT'),
    startNode,
    waitUntilReady,
    installHooks: async () => {
      await installHooks(layout, cluster, readState(layout), env);
      await waitUntilHooked(cluster, readState(layout));
    },
    waitUntilHooked: () => waitUntilHooked(cluster, readState(layout)),
    onlyAsk: async (hookIndex, nodeIndexes) => {
      const { hooks, nodes } = readState(layout);
      const hook = hooks[hookIndex];
      if (hook?.process === undefined) throw new Error(`hook ${hookIndex} does not run`);
      writeHookConfig(
        layout,
        hook,
        nodes.filter((_, i) => nodeIndexes.includes(i)),
      );
      await terminate(hook.process, STOP_GRACE_MS);
      await startFailover(layout, hookIndex);
    },
    stop: () => stopEverything(layout, cluster),
  };
}
