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

/** A file system of its own for a data folder, in a mount namespace that goes with the process. */
export interface SmallDisk {
  readonly dir: string;
  /** Options of tmpfs, such as `size=2m`. */
  readonly options: string;
}

const MOUNT = 'mount -t tmpfs -o "$0" tmpfs "$1" && shift && exec "$@"';

function commandLine(root: string, command: readonly string[], disk: SmallDisk | undefined): [string, string[]] {
  const args = [join(root, 'cmd', 'chain-node.ts'), ...command];
  if (disk === undefined) return [NODE, args];
  // Whoever is not root becomes it inside a user namespace, for this mount only.
  const flags = process.getuid?.() === 0 ? '-m' : '-rm';
  return ['unshare', [flags, 'sh', '-c', MOUNT, disk.options, disk.dir, NODE, ...args]];
}

/** Runs `chain-node` to its end; `code` is null if it did not end by itself in this time. */
export function runChainNode(
  command: readonly string[],
  disk?: SmallDisk,
  timeoutMs = REFUSAL_TIMEOUT_MS,
): Promise<CommandResult> {
  mkdirSync(COMPILE_CACHE, { recursive: true });
  const [program, args] = commandLine(ROOT, command, disk);
  return runCommand(program, args, { timeoutMs, env: { NODE_COMPILE_CACHE: COMPILE_CACHE } });
}

/** What of a node is not as usual. */
export interface Unusual {
  /** Sources to run, see patched-sources.ts. */
  readonly root?: string | undefined;
  readonly disk?: SmallDisk | undefined;
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

  static async start(configFile: string, logFile: string, { root = ROOT, disk }: Unusual = {}): Promise<NodeRun> {
    mkdirSync(COMPILE_CACHE, { recursive: true });
    const log = openSync(logFile, 'a');
    try {
      const [program, args] = commandLine(root, ['start', '--config', configFile], disk);
      const child = spawn(program, args, {
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
