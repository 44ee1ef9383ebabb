import { existsSync, readFileSync } from 'node:fs';
import { writeFileAtomically } from '../control-plane/files.ts';
import { withLock } from '../control-plane/lock.ts';
import { isAlive, type ProcessIdentity } from '../control-plane/process.ts';
import type { PlaygroundLayout } from './layout.ts';
import type { HookGroup, Profile } from './organisations.ts';

export interface ProgramState {
  readonly args: readonly string[];
  readonly logFile: string;
  readonly process?: ProcessIdentity;
}

export interface NodeState extends ProgramState {
  readonly org: string;
  readonly person: string;
  readonly ports: { readonly peer: number; readonly api: number; readonly metrics: number; readonly webhook: number };
}

export interface HookState extends ProgramState, HookGroup {
  readonly port: number;
}

export const CONTROL_PLANES = ['api', 'full'] as const;
export type ControlPlane = (typeof CONTROL_PLANES)[number];

/** Content of `playground.json`: all that a later process needs to inspect, disturb and stop it. */
export interface PlaygroundState {
  readonly version: 1;
  /** False until `up` has ended well. */
  readonly ready: boolean;
  readonly detached: boolean;
  readonly profile: Profile;
  readonly controlPlane: ControlPlane;
  readonly chainName: string;
  readonly genesisHash: string;
  readonly nodes: readonly NodeState[];
  readonly hooks: readonly HookState[];
}

export function hasState(layout: PlaygroundLayout): boolean {
  return existsSync(layout.stateFile);
}

/** @throws Error if there is no playground in the folder. */
export function readState(layout: PlaygroundLayout): PlaygroundState {
  if (!hasState(layout)) throw new Error(`no playground in ${layout.dir}: \`up --dir ${layout.dir}\` makes one`);
  return JSON.parse(readFileSync(layout.stateFile, 'utf8')) as PlaygroundState;
}

export function writeState(layout: PlaygroundLayout, state: PlaygroundState): void {
  writeFileAtomically(layout.stateFile, `${JSON.stringify(state, null, 2)}\n`);
}

/** Reads, changes and writes the state while no other process does. */
export function updateState(
  layout: PlaygroundLayout,
  change: (state: PlaygroundState) => PlaygroundState | Promise<PlaygroundState>,
): Promise<PlaygroundState> {
  return withLock(layout.lockFile, async () => {
    const state = await change(readState(layout));
    writeState(layout, state);
    return state;
  });
}

export function isRunning(program: ProgramState | undefined): boolean {
  return program?.process !== undefined && isAlive(program.process);
}

export function withNode(state: PlaygroundState, index: number, process: ProcessIdentity): PlaygroundState {
  return { ...state, nodes: state.nodes.map((node, i) => (i === index ? { ...node, process } : node)) };
}

export function withHook(state: PlaygroundState, index: number, process: ProcessIdentity): PlaygroundState {
  return { ...state, hooks: state.hooks.map((hook, i) => (i === index ? { ...hook, process } : hook)) };
}
