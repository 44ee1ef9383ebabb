import { spawn } from 'node:child_process';

export interface CommandResult {
  /** Exit code; null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, as they came: what a terminal would show. */
  readonly shown: string;
  readonly ms: number;
}

export interface CommandOptions {
  readonly stdin?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Default: 60,000; it is killed then, and `code` is null. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS_DEFAULT = 60_000;
/** Output of two pipes that is this close together is one burst. */
const TOGETHER_MS = 25;

/** Runs a program to its end. Any exit code is a result. @throws Error only if it cannot be started. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const startedMs = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: 'pipe',
    timeout: options.timeoutMs ?? TIMEOUT_MS_DEFAULT,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  const chunks: { readonly text: string; readonly atMs: number }[] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      // Of what comes at once through two pipes the notes were written before the answer.
      chunks.push({ text, atMs: performance.now() + (stream === 'stdout' ? TOGETHER_MS : 0) });
    });
  }
  const shown = (): string =>
    chunks
      .sort((a, b) => a.atMs - b.atMs)
      .map(({ text }) => text)
      .join('');
  // It may end without reading its input.
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code, ...output, shown: shown(), ms: Math.round(performance.now() - startedMs) }),
    );
  });
}

/** Runs a program that must succeed. @throws Error if it does not. */
export type Runner = (command: string, args: readonly string[]) => Promise<CommandResult>;

/** @throws Error with the end of its output unless it exits with 0. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await runCommand(command, args, options);
  if (result.code !== 0) {
    const shown = [command.split('/').at(-1), ...args].join(' ').slice(0, 300);
    throw new Error(
      `${shown}: exit ${result.code ?? 'by a signal'}\n${(result.stderr || result.stdout).slice(-2_000)}`,
    );
  }
  return result;
}
