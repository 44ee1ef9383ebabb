import type { Transport, TransportOptions } from '../../src/client/transport.ts';

export interface KubectlResult {
  readonly code: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** Everything of the outside that a verb may touch; tests give their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Data. */
  readonly stdout: (text: string) => void;
  /** Progress, prompts, notes, errors. */
  readonly stderr: (text: string) => void;
  /** True if a person can be asked: standard input and standard error are terminals. */
  readonly isInteractive: boolean;
  readonly isStdoutTerminal: boolean;
  readonly readStdin: () => Promise<string>;
  readonly ask: (question: string, isSecret: boolean) => Promise<string>;
  /** What a shell wants completed, as it was typed. */
  readonly completionWords?: readonly string[];
  readonly nowMs: () => number;
  /** Runs kubectl with these arguments. Throws CLI_KUBECTL_MISSING. */
  readonly kubectl: (args: readonly string[], stdin: string | undefined) => Promise<KubectlResult>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly transport: (options: TransportOptions) => Promise<Transport>;
}

const ansi = { red: 31, green: 32, cyan: 36 } as const;

/** Coloured only for a terminal, and never with NO_COLOR (no-color.org). */
export function paint(terminal: Terminal, text: string, colour: keyof typeof ansi): string {
  const noColor = terminal.env['NO_COLOR'];
  if (!terminal.isInteractive || (noColor !== undefined && noColor !== '') || terminal.env['TERM'] === 'dumb')
    return text;
  return `\u001b[${ansi[colour]}m${text}\u001b[0m`;
}

/** A diff for a person: lines that go, lines that come, and what they belong to. */
export function paintDiff(terminal: Terminal, lines: readonly string[]): string {
  const colours = { '-': 'red', '+': 'green', '@': 'cyan' } as const;
  return lines
    .map((line) => {
      const colour = colours[line.charAt(0) as keyof typeof colours] as keyof typeof ansi | undefined;
      return `${colour === undefined ? line : paint(terminal, line, colour)}\n`;
    })
    .join('');
}
