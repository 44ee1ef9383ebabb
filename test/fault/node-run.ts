import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { guard, release } from '../control-plane/guardian.ts';
import { tailOf } from '../playground/node-process.ts';
import { NODE, ROOT } from '../playground/paths.ts';
import { runCommand, type CommandResult } from '../playground/run-command.ts';

export interface NodeExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A second start of the same sources takes a third of the time with it; a killed process leaves it as it is. */
const COMPILE_CACHE = join(ROOT, 'node_modules', '.cache', 'chain-node');
/** A start that is to be refused must be refused within this. */
const REFUSAL_TIMEOUT_MS = 40_000;

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE });

function argumentsOf(root: string, command: readonly string[]): string[] {
  return [join(root, 'cmd', 'chain-node.ts'), ...command];
}

/** Runs `chain-node` to its end; `code` is null if it did not end by itself. `root`: sources to run, the real ones by default. */
export function runChainNode(command: readonly string[], root = ROOT): Promise<CommandResult> {
  mkdirSync(COMPILE_CACHE, { recursive: true });
  return runCommand(NODE, argumentsOf(root, command), {
    timeoutMs: REFUSAL_TIMEOUT_MS,
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE },
  });
}

/** One process of `chain-node start`; it is killed when the test's process ends, for whatever reason. */
export class NodeRun {
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly exited: Promise<NodeExit>;
  #exit: NodeExit | undefined;

  private constructor(child: ChildProcess, logFile: string) {
    this.#child = child;
    this.#logFile = logFile;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#exit = { code, signal };
        if (child.pid !== undefined) release(child.pid);
        resolve(this.#exit);
      });
    });
  }

  static async start(configFile: string, logFile: string, root = ROOT): Promise<NodeRun> {
    mkdirSync(COMPILE_CACHE, { recursive: true });
    const log = openSync(logFile, 'a');
    try {
      const child = spawn(NODE, argumentsOf(root, ['start', '--config', configFile]), {
        stdio: ['ignore', log, log],
        env: environment(),
      });
      const run = new NodeRun(child, logFile);
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      if (child.pid !== undefined) guard(child.pid);
      return run;
    } finally {
      closeSync(log);
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#child.kill(signal);
  }

  /** Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  get logText(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  get logTail(): string {
    return tailOf(this.#logFile);
  }
}
