import { readFileSync } from 'node:fs';

/** USER_HZ of every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** Processor time, user and system, that these processes have used so far, in ms. Says more than a clock on a machine with neighbours. */
export function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ticksOf(pid), 0) * (1_000 / TICKS_PER_SECOND);
}

function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in brackets may hold anything; fields 14 and 15 of the line are the 12th and 13th behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Anonymous memory in bytes: pages of mapped files, which the kernel takes back, do not count. */
export function anonymousBytes(pid: number): number {
  const found = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? Number.NaN) * 1_024;
}
