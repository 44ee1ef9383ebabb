import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { guard, release } from './guardian.ts';

/** A process that can be recognised later: a pid alone may be given to another program by then. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot and start time of the process, opaque; equal only for the same process. */
  readonly startedAt: string;
}

export interface SpawnOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Standard output and standard error are appended to this file. */
  readonly logFile: string;
  /** True: it outlives this process. False: it is killed as soon as this process ends, for whatever reason. */
  readonly detached: boolean;
}

const POLL_INTERVAL_MS = 5;

/**
 * Starts a program in the background, in a process group of its own, so that a Ctrl-C in the terminal reaches only the caller.
 * It never keeps the caller's event loop alive.
 * @throws the error of the operating system if it cannot be started.
 */
export async function startProcess(options: SpawnOptions): Promise<ProcessIdentity> {
  const log = openSync(options.logFile, 'a', 0o600);
  try {
    const child = spawn(options.command, options.args, { stdio: ['ignore', log, log], detached: true });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    const pid = child.pid;
    if (pid === undefined) throw new Error(`${options.command} has no pid`);
    if (!options.detached) {
      guard(pid);
      child.once('exit', () => release(pid));
    }
    child.unref();
    // A process that ended at once has no start time any more; the empty one never matches.
    return { pid, startedAt: startTime(pid) ?? '' };
  } finally {
    closeSync(log);
  }
}

/** Identity of a running process; undefined when there is none with that pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = startTime(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** True while exactly this process runs or still holds files and ports; a mere zombie counts as gone. */
export function isAlive(identity: ProcessIdentity): boolean {
  return startTime(identity.pid) === identity.startedAt;
}

/** Sends a signal if exactly this process still runs. Returns whether it was sent. */
export function sendSignal(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** Waits until the process is gone. Returns false if it is still there after `timeoutMs`. */
export async function waitUntilGone(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_INTERVAL_MS);
  }
  return true;
}

/**
 * Asks with SIGTERM, insists with SIGKILL after `graceMs`, and returns when the process is gone.
 * @throws Error if it survives SIGKILL for 10 seconds.
 */
export async function terminate(identity: ProcessIdentity, graceMs: number): Promise<void> {
  if (graceMs > 0) {
    sendSignal(identity, 'SIGTERM');
    // A stopped process would not see SIGTERM.
    sendSignal(identity, 'SIGCONT');
    if (await waitUntilGone(identity, graceMs)) return;
  }
  sendSignal(identity, 'SIGKILL');
  if (!(await waitUntilGone(identity, 10_000))) throw new Error(`process ${identity.pid} survived SIGKILL`);
}

let bootId: string | undefined;

function startTime(pid: number): string | undefined {
  if (process.platform !== 'linux') return startTimeFromPs(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may hold anything, so count from its end (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    // A killed process is a zombie as soon as its first thread has ended; it holds its ports until the last one has.
    if ((state === 'Z' || state === 'X') && readdirSync(`/proc/${pid}/task`).length <= 1) return undefined;
    bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return `${bootId}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

function startTimeFromPs(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const [state = '', ...started] = line.split(/\s+/);
    return state === '' || state.startsWith('Z') ? undefined : started.join(' ');
  } catch {
    return undefined;
  }
}
