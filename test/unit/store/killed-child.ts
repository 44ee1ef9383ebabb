import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Starts a script of this folder, kills it (SIGKILL) once it has said `lines` lines on its standard output, and returns all
 * complete lines that it said until it was dead.
 */
export async function runAndKill(script: string, args: readonly string[], lines: number): Promise<string[]> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    output += text;
    if (output.split('\n').length > lines) child.kill('SIGKILL');
  });
  await new Promise<void>((resolve) => child.on('close', () => resolve()));
  if (child.signalCode !== 'SIGKILL') throw new Error(`${script} ended with ${child.exitCode ?? child.signalCode}`);
  return output.split('\n').slice(0, -1);
}

/**
 * The same, but the script's parent never reads that it has ended, as an init that is slow to: it stays a zombie until `release`
 * is called.
 */
export async function killUnread(script: string, args: readonly string[]): Promise<() => void> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const parent = spawn('sh', ['-c', '"$@" & echo "pid $!"; exec sleep 60', 'sh', process.execPath, path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  parent.stdout.setEncoding('utf8');
  let output = '';
  await new Promise<void>((resolve) => {
    parent.stdout.on('data', (text: string) => {
      output += text;
      if (/^\d+$/m.test(output) && output.includes('pid ')) resolve();
    });
  });
  const pid = Number(/pid (\d+)/.exec(output)?.[1]);
  process.kill(pid, 'SIGKILL');
  // The kernel takes a moment to carry it out; until then the process may well run.
  while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
    await new Promise((resolve) => setTimeout(resolve, 1));
  return () => parent.kill('SIGKILL');
}
