import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { withLock } from './lock.ts';
import { freePorts } from './ports.ts';
import {
  identify,
  isAlive,
  sendSignal,
  startProcess,
  terminate,
  waitUntilGone,
  type ProcessIdentity,
} from './process.ts';

const root = mkdtempSync(join(tmpdir(), 'process-'));
const logFile = join(root, 'log');

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Runs a parent that starts `sleep`, prints its identity and then does `ending`; returns that identity when the parent is gone. */
async function childOf(ending: string, detached: boolean, signal?: NodeJS.Signals): Promise<ProcessIdentity> {
  const script = `
    const { startProcess } = await import(${JSON.stringify(join(import.meta.dirname, 'process.ts'))});
    const child = await startProcess({ command: 'sleep', args: ['300'], logFile: ${JSON.stringify(logFile)}, detached: ${detached} });
    await new Promise((resolve) => process.stdout.write(JSON.stringify(child) + '\\n', resolve));
    ${ending}`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    parent.stdout.setEncoding('utf8').once('data', resolve);
    parent.once('close', () => reject(new Error('the parent ended before its child started')));
  });
  const gone = new Promise<void>((resolve) => parent.once('exit', () => resolve()));
  const child = JSON.parse(line) as ProcessIdentity;
  if (signal !== undefined) {
    expect(isAlive(child)).toBe(true);
    parent.kill(signal);
  }
  await gone;
  return child;
}

const WAIT = 'setInterval(() => {}, 1000);';

test.each([
  ['returns', '', undefined],
  ['exits', 'process.exit(3);', undefined],
  ['throws', 'setImmediate(() => { throw new Error("x"); });' + WAIT, undefined],
  ['gets SIGINT', WAIT, 'SIGINT'],
  ['gets SIGTERM', WAIT, 'SIGTERM'],
  ['gets SIGKILL', WAIT, 'SIGKILL'],
] as const)('a process ends when its parent %s', async (_how, ending, signal) => {
  const child = await childOf(ending, false, signal);
  expect(await waitUntilGone(child, 2_000)).toBe(true);
});

test('a detached process outlives its parent and can be ended by its identity', async () => {
  const child = await childOf(WAIT, true, 'SIGKILL');
  await sleep(200);
  expect(isAlive(child)).toBe(true);
  await terminate(child, 1_000);
  expect(isAlive(child)).toBe(false);
});

test('a process that got the pid of another one is not touched', async () => {
  const own = await startProcess({ command: 'sleep', args: ['300'], logFile, detached: false });
  const earlier = { pid: own.pid, startedAt: `${own.startedAt}0` };
  expect(sendSignal(earlier, 'SIGKILL')).toBe(false);
  await terminate(earlier, 100);
  expect(isAlive(own)).toBe(true);
  await terminate(own, 0);
  expect(isAlive(own)).toBe(false);
});

test('a stopped process is ended too', async () => {
  const own = await startProcess({ command: 'sleep', args: ['300'], logFile, detached: false });
  sendSignal(own, 'SIGSTOP');
  await terminate(own, 1_000);
  expect(isAlive(own)).toBe(false);
});

test('what a process prints is appended to its log', async () => {
  const file = join(root, 'printed');
  for (const text of ['one', 'two']) {
    const own = await startProcess({
      command: 'sh',
      args: ['-c', `echo ${text}; echo ${text} >&2`],
      logFile: file,
      detached: false,
    });
    expect(await waitUntilGone(own, 2_000)).toBe(true);
  }
  expect(readFileSync(file, 'utf8')).toBe('one\none\ntwo\ntwo\n');
});

test('a command that does not exist is an error', async () => {
  await expect(startProcess({ command: '/no/such/command', args: [], logFile, detached: false })).rejects.toThrow(
    'ENOENT',
  );
});

test('only one holds a lock at a time, and the lock of a dead owner is broken', async () => {
  const file = join(root, 'lock');
  writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: 'another boot' }));
  let inside = 0;
  let most = 0;
  const body = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await sleep(5);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 8 }, () => withLock(file, body)));
  expect(most).toBe(1);
  await expect(withLock(file, () => Promise.reject(new Error('inside')))).rejects.toThrow('inside');
  expect(await withLock(file, () => Promise.resolve('free again'))).toBe('free again');
});

test('who waits for a lock is told who holds it', async () => {
  const file = join(root, 'told');
  const holders: number[] = [];
  let waiting: Promise<void> | undefined;
  await withLock(file, async () => {
    waiting = withLock(file, () => Promise.resolve(), { onWait: (pid) => holders.push(pid) });
    await sleep(50);
  });
  await waiting;
  expect(holders).toEqual([process.pid]);
});

test('ports that one process was given are given to no other while it lives, though nothing listens there', async () => {
  const script = `import('${import.meta.resolve('./ports.ts')}').then(async ({ freePorts }) => {
    process.stdout.write(JSON.stringify(await freePorts(200)) + '\\n');
    process.stdin.resume();
  })`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(other.stdout, 'data')) as [Buffer];
    const theirs = new Set(JSON.parse(line.toString()) as number[]);
    expect(theirs.size).toBe(200);
    // Of so many, five would be the same by chance.
    expect((await freePorts(300)).filter((port) => theirs.has(port))).toEqual([]);
  } finally {
    other.kill();
  }
});

test('free ports are different, and below the range of outgoing connections', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  expect(ports.every((port) => port >= 20_000 && port < 32_000)).toBe(true);
  expect(identify(process.pid)).toMatchObject({ pid: process.pid });
});
