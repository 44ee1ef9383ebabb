import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ChainError } from '../../errors/chain-error.ts';
import { storeFailure } from './failure.ts';

const lockName = 'lock';
/** How long a killed process may take to end: it has some memory to give back. */
const ENDING_MAX_MS = 5_000;
const ENDING_POLL_MS = 20;

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Start of the process as the kernel counts it, so that a reused pid is not taken for the holder; empty if unknown. */
  readonly started: string;
  readonly token: string;
}

/**
 * Two nodes on one data folder would sign twice. The lock is a file that is linked into place (atomic), names its process,
 * and is left behind by a killed one: then it is taken over, if that process surely does not run any more. On another host
 * (a shared volume) nobody can tell, so the folder counts as in use.
 */
export class ProcessLock {
  readonly #file: string;
  readonly #token: string;

  private constructor(file: string, token: string) {
    this.#file = file;
    this.#token = token;
  }

  static take(dir: string): ProcessLock {
    const file = join(dir, lockName);
    const token = randomUUID();
    const mine = join(dir, `${lockName}.${token}`);
    const untilMs = Date.now() + ENDING_MAX_MS;
    try {
      writeHolder(mine, { pid: process.pid, host: hostname(), started: startOf(process.pid), token });
      for (;;) {
        if (linked(mine, file)) return new ProcessLock(file, token);
        const holder = readHolder(file);
        if (holder === 'gone') continue;
        if (holder !== 'unreadable' && mayRun(holder)) {
          // A killed process is there until its last thread has ended, and nobody else can wait for it.
          if (isEnding(holder.pid) && Date.now() < untilMs) {
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ENDING_POLL_MS);
            continue;
          }
          throw new ChainError('STORE_IN_USE', { dir, pid: holder.pid, host: holder.host });
        }
        setAside(file, dir, holder === 'unreadable' ? undefined : holder.token);
      }
    } catch (error) {
      throw storeFailure(file, 'lock', error);
    } finally {
      rmSync(mine, { force: true });
    }
  }

  /** Only the own lock is removed, never one that somebody took over. */
  release(): void {
    const holder = readHolder(this.#file);
    if (typeof holder === 'object' && holder.token === this.#token) rmSync(this.#file, { force: true });
  }
}

function writeHolder(file: string, holder: Holder): void {
  const fd = openSync(file, 'wx', 0o600);
  try {
    writeSync(fd, `${JSON.stringify(holder)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(file: string): Holder | 'gone' | 'unreadable' {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    throw error;
  }
  try {
    const { pid, host, started, token } = JSON.parse(text) as Holder;
    const complete = Number.isSafeInteger(pid) && [host, started, token].every((part) => typeof part === 'string');
    return complete ? { pid, host, started, token } : 'unreadable';
  } catch {
    // A lock is complete before it is linked; half of one is what a power failure left.
    return 'unreadable';
  }
}

/** Another starter may have replaced the stale lock between reading and now: then its lock is put back. */
function setAside(file: string, dir: string, staleToken: string | undefined): void {
  const aside = join(dir, `${lockName}.stale.${randomUUID()}`);
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readHolder(aside);
  if (typeof moved === 'object' && moved.token !== staleToken) linked(aside, file);
  rmSync(aside, { force: true });
}

function mayRun(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  if (!isAlive(holder.pid) || isMereZombie(holder.pid)) return false;
  const started = startOf(holder.pid);
  return started === '' || holder.started === '' || started === holder.started;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Killed, with nothing left but the entry that its parent has not read yet. */
function isMereZombie(pid: number): boolean {
  return isEnding(pid) && threadsOf(pid) <= 1;
}

/** Its first thread has ended; others may still be about to. */
function isEnding(pid: number): boolean {
  return ['Z', 'X'].includes(statFields(pid)[0] ?? '');
}

function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

/** The fields of /proc/<pid>/stat from the third (state) on; empty where there is no such file system. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** Field 22 of /proc/<pid>/stat with the boot id; empty where there is no such file system. */
function startOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const started = statFields(pid)[19];
    return started === undefined ? '' : `${boot}/${started}`;
  } catch {
    return '';
  }
}
