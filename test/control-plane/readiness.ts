import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ComponentName } from './components.ts';
import { isAlive, type ProcessIdentity } from './process.ts';

const POLL_INTERVAL_MS = 25;
const TAIL_BYTES_MAX = 4_000;

/** A program of the control plane ended, or did not answer in time; the message ends with the last part of its log. */
export class ComponentStartError extends Error {
  override readonly name = 'ComponentStartError';
  readonly component: ComponentName;
  /** Another process listens on the port that was chosen: worth another attempt with other ports. */
  readonly addressInUse: boolean;

  constructor(component: ComponentName, what: string, logTail: string) {
    super(`${component} ${what}:\n${logTail}`);
    this.component = component;
    this.addressInUse = /address already in use/i.test(logTail);
  }
}

export interface StartedComponent {
  readonly name: ComponentName;
  readonly process: ProcessIdentity;
  readonly logFile: string;
  /** Size of the log before this start: what stands before tells of earlier runs. */
  readonly logOffset: number;
}

/**
 * Asks `isReady` again and again until it says so; an error of it counts as "not yet".
 * @throws ComponentStartError if the process ends first or after `timeoutMs`.
 */
export async function waitUntilReady(
  started: StartedComponent,
  isReady: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    if (!isAlive(started.process)) throw new ComponentStartError(started.name, 'ended', tail(started));
    try {
      if (await isReady()) return;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      const reason = lastError instanceof Error ? ` (${lastError.message})` : '';
      throw new ComponentStartError(started.name, `is not ready after ${timeoutMs} ms${reason}`, tail(started));
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

/** Size in bytes, 0 if there is no such file. */
export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function tail(started: StartedComponent): string {
  const log = openSync(started.logFile, 'r');
  try {
    const size = fstatSync(log).size;
    const from = Math.max(started.logOffset, size - TAIL_BYTES_MAX);
    const bytes = Buffer.alloc(Math.max(0, size - from));
    readSync(log, bytes, 0, bytes.length, from);
    return bytes.toString('utf8');
  } finally {
    closeSync(log);
  }
}
