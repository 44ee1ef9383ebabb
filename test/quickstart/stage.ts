import { runCommand, type CommandResult } from '../playground/run-command.ts';

/** A step did not go as told. */
export class StoryError extends Error {
  override readonly name = 'StoryError';
}

export interface StepResult {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
}

interface Expectation {
  /** Default: 0. */
  readonly code?: number | readonly number[];
  /** Each must match standard output, or standard error. */
  readonly stdout?: readonly RegExp[];
  readonly stderr?: readonly RegExp[];
}

interface ShownCommand extends Expectation {
  readonly stdin?: string;
  readonly timeoutMs?: number;
}

export interface Shell {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** What a command's first word stands for: a program and its first arguments. */
  readonly commands: Readonly<Record<string, readonly string[]>>;
}

const COMMAND_TIMEOUT_MS = 60_000;

/** Plays steps on a terminal: each command is printed as one would type it, run, and its real output printed below. */
export class Stage {
  readonly steps: StepResult[] = [];
  readonly figures: Record<string, number> = {};
  readonly #write: (text: string) => void;
  #shell: Shell = { env: {}, cwd: '.', commands: {} };

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Where commands run from now on. */
  use(shell: Shell): void {
    this.#shell = shell;
  }

  /** Runs a step to its end or to its first failed check, which ends the story. @throws what the step throws. */
  async step(name: string, body: () => Promise<void>): Promise<void> {
    const startedMs = performance.now();
    this.#write(`\n\n== ${this.steps.length + 1}. ${name}\n`);
    let ok = false;
    try {
      await body();
      ok = true;
    } finally {
      this.steps.push({ name, ok, ms: Math.round(performance.now() - startedMs) });
    }
  }

  say(text: string): void {
    this.#write(`\n# ${text.replaceAll('\n', '\n# ')}\n`);
  }

  /** Shows a command that was run elsewhere. */
  show(line: string, output: string): void {
    this.#write(`\n$ ${line}\n${output.trimEnd()}${output.trim() === '' ? '' : '\n'}`);
  }

  /** @throws StoryError if it does not end, or does not say, what is expected. */
  async run(line: string, expected: ShownCommand = {}): Promise<CommandResult> {
    this.#write(`\n$ ${line}\n`);
    const result = await this.#execute(line, expected);
    this.#write(result.shown);
    this.#check(line, result, expected);
    return result;
  }

  /** The same without showing it: for what only a check needs. */
  async ask<T>(line: string): Promise<T> {
    const result = await this.#execute(line, {});
    this.#check(line, result, {});
    return JSON.parse(result.stdout) as T;
  }

  /** @throws StoryError unless it holds. */
  expect(what: string, holds: boolean): void {
    if (!holds) throw new StoryError(`expected: ${what}`);
    this.#write(`  ok: ${what}\n`);
  }

  #execute(line: string, { stdin, timeoutMs = COMMAND_TIMEOUT_MS }: ShownCommand): Promise<CommandResult> {
    const { env, cwd, commands } = this.#shell;
    const [word = '', ...rest] = wordsOf(line);
    const [program = word, ...first] = commands[word] ?? [word];
    return runCommand(program, [...first, ...rest], { env, cwd, timeoutMs, ...(stdin === undefined ? {} : { stdin }) });
  }

  #check(line: string, result: CommandResult, { code = 0, stdout = [], stderr = [] }: Expectation): void {
    const codes: readonly (number | null)[] = typeof code === 'number' ? [code] : code;
    if (!codes.includes(result.code)) {
      const said = result.stderr === '' ? result.stdout : result.stderr;
      throw new StoryError(`\`${line}\` ended with ${result.code}, expected ${codes.join(' or ')}\n${said}`);
    }
    for (const pattern of stdout) {
      if (!pattern.test(result.stdout)) throw new StoryError(`\`${line}\` did not print ${pattern}`);
    }
    for (const pattern of stderr) {
      if (!pattern.test(result.stderr)) throw new StoryError(`\`${line}\` did not say ${pattern} on standard error`);
    }
  }
}

/** Words of a command line; single and double quotes hold a word together, and nothing else is special. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
  );
}
