import { CommanderError } from 'commander';
import { kubectlArguments } from './arguments.ts';
import { exitCode } from './exit-code.ts';
import { buildProgram } from './program.ts';
import type { Terminal } from './terminal.ts';

/** One run of the plugin. Never rejects; the answer is the exit code. What only a failure needs (every error there is, in words) is loaded by it: help has none. */
export async function main(terminal: Terminal, args: readonly string[]): Promise<number> {
  let code: number = exitCode.ok;
  const isCompletion = args[0] === '__complete';
  const given: Terminal = isCompletion ? { ...terminal, completionWords: args.slice(1) } : terminal;
  const program = buildProgram(given, async (handler) => {
    code = (await handler()) ?? exitCode.ok;
  });
  try {
    const words = isCompletion ? ['__complete'] : kubectlArguments(args, program);
    if (words.length === 0) {
      program.outputHelp();
      return exitCode.ok;
    }
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.refused;
    return (await import('./failure.ts')).reportFailure(terminal, error, args);
  }
}
