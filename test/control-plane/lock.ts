import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from './process.ts';

export interface LockOptions {
  /** Told the pid that holds the lock: at once, then about every ten seconds. */
  readonly onWait?: (holderPid: number, waitedMs: number) => void;
}

const POLL_INTERVAL_MS = 20;
const REPORT_INTERVAL_MS = 10_000;
/** Breaking a stale lock takes microseconds; a breaker's mark older than this was left by a crash. */
const BREAKER_AGE_MS_MAX = 10_000;

let attempts = 0;

/**
 * Runs `body` while no other process, and no other call in this one, runs a body under the same lock file. The file holds the identity
 * of its owner; the lock of an owner that is gone is broken.
 */
export async function withLock<T>(file: string, body: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const self = identify(process.pid);
  if (self === undefined) throw new Error('this process cannot identify itself');
  attempts += 1;
  const own = `${file}.${process.pid}.${attempts}`;
  writeFileSync(own, JSON.stringify(self));
  try {
    const since = performance.now();
    let reportAt = since;
    while (!link(own, file)) {
      const holder = readHolder(file);
      if (holder === undefined) continue;
      if (!isAlive(holder)) {
        breakStale(own, file);
        await sleep(1);
        continue;
      }
      if (performance.now() >= reportAt) {
        options.onWait?.(holder.pid, performance.now() - since);
        reportAt += REPORT_INTERVAL_MS;
      }
      await sleep(POLL_INTERVAL_MS);
    }
  } finally {
    rmSync(own, { force: true });
  }
  try {
    return await body();
  } finally {
    rmSync(file, { force: true });
  }
}

/** A hard link appears with its whole content or not at all, so that nobody reads a half-written owner. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function readHolder(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Only the holder of the breaker's mark removes another's lock, and it looks again first: two breakers cannot remove a fresh lock. */
function breakStale(own: string, file: string): void {
  const mark = `${file}.breaker`;
  if (!link(own, mark)) {
    try {
      if (Date.now() - statSync(mark).ctimeMs > BREAKER_AGE_MS_MAX) rmSync(mark, { force: true });
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    return;
  }
  try {
    const holder = readHolder(file);
    if (holder !== undefined && !isAlive(holder)) rmSync(file, { force: true });
  } finally {
    rmSync(mark, { force: true });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
