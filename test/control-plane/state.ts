import { existsSync, readFileSync } from 'node:fs';
import type { ComponentName } from './components.ts';
import { writeFileAtomically } from './files.ts';
import type { Layout } from './layout.ts';
import { withLock } from './lock.ts';
import type { ProcessIdentity } from './process.ts';

/** One program of the control plane: how it is started, and which process it is, if it was started. */
export interface ComponentState {
  readonly name: ComponentName;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly process?: ProcessIdentity;
}

export interface UserState {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Content of `cluster.json`: all that another process needs to use, inspect and stop the cluster. It holds no secrets. */
export interface ClusterState {
  readonly version: 1;
  readonly detached: boolean;
  readonly apiServerUrl: string;
  readonly etcdEndpoint: string;
  readonly kubectl: string;
  readonly webhookClientCaFile: string;
  readonly users: readonly UserState[];
  /** In the order of their start. */
  readonly components: readonly ComponentState[];
}

export function hasState(layout: Layout): boolean {
  return existsSync(layout.stateFile);
}

/** @throws Error if there is no cluster in the folder. */
export function readState(layout: Layout): ClusterState {
  if (!hasState(layout)) throw new Error(`no cluster in ${layout.dir}: ${layout.stateFile} does not exist`);
  return JSON.parse(readFileSync(layout.stateFile, 'utf8')) as ClusterState;
}

export function writeState(layout: Layout, state: ClusterState): void {
  writeFileAtomically(layout.stateFile, `${JSON.stringify(state, null, 2)}\n`);
}

/** Reads, changes and writes the state while no other process does. */
export function updateState(
  layout: Layout,
  change: (state: ClusterState) => ClusterState | Promise<ClusterState>,
): Promise<ClusterState> {
  return withLock(`${layout.stateFile}.lock`, async () => {
    const state = await change(readState(layout));
    writeState(layout, state);
    return state;
  });
}

/** The state with one component's process replaced. */
export function withProcess(state: ClusterState, name: ComponentName, identity: ProcessIdentity): ClusterState {
  return {
    ...state,
    components: state.components.map((component) =>
      component.name === name ? { ...component, process: identity } : component,
    ),
  };
}
