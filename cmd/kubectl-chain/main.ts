import { CommanderError } from 'commander';
import { isChainError } from '../../src/errors/chain-error.ts';
import { kubectlArguments } from './arguments.ts';
import { exitCode, exitCodeOf } from './exit-code.ts';
import { printable } from './output/printable.ts';
import { buildProgram } from './program.ts';
import type { Terminal } from './terminal.ts';

/** One run of the plugin. Never rejects; the answer is the exit code. */
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
    report(terminal, error, args);
    return exitCodeOf(error);
  }
}

function report(terminal: Terminal, error: unknown, args: readonly string[]): void {
  const isVerbose = args.some(
    (argument, i) =>
      /^(-v|--v)=?[4-9]/.test(argument) ||
      ((argument === '-v' || argument === '--v') && /^[4-9]/.test(args[i + 1] ?? '')),
  );
  if (isChainError(error)) {
    const remedy =
      isChainError(error, 'CLIENT_REFUSED') && error.payload.remedy !== '' ? error.payload.remedy : error.remedy;
    // A message of several lines is a command's own (kubectl's): shown as it is, but without control characters.
    const message = error.message.split('\n').map(printable).join('\n');
    const code = isChainError(error, 'CLIENT_REFUSED') ? '' : ` [${error.code}]`;
    terminal.stderr(`error: ${message}${code}\n${printable(remedy)}\n`);
  } else {
    terminal.stderr(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  if (isVerbose && error instanceof Error) terminal.stderr(`${error.stack ?? ''}\n`);
}
