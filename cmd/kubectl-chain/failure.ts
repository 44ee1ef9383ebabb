import { ChainError, isChainError } from '../../src/errors/chain-error.ts';
import { UsageProblem } from './arguments.ts';
import { exitCode } from './exit-code.ts';
import { printable } from './output/printable.ts';
import type { Terminal } from './terminal.ts';

/** Says what went wrong on stderr; the answer is the exit code. */
export function reportFailure(terminal: Terminal, failure: unknown, args: readonly string[]): number {
  const error = failure instanceof UsageProblem ? new ChainError('CLI_USAGE', { problem: failure.message }) : failure;
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
  return exitCodeOf(error);
}

/** Nobody could be reached, or those who could be cannot decide. */
const noQuorum = new Set<string>(['CLIENT_UNREACHABLE', 'CLIENT_OUTCOME_UNKNOWN', 'CLIENT_BEHIND']);
/** The same, in the words of a node. */
const noQuorumAtNode = new Set<string>([
  'NO_QUORUM',
  'NODE_NOT_READY',
  'OUTCOME_UNKNOWN',
  'MEMPOOL_FULL',
  'API_OVERLOADED',
  'STATE_DIVERGENCE',
]);
const noVerifiedAnswer = new Set<string>([
  'CLIENT_NO_VERIFIED_ANSWER', 'CLIENT_ROLLED_BACK', 'CLIENT_INCOMPLETE', 'CLIENT_ANSWER_FORM', 'CLIENT_GENESIS', 'CLIENT_RESULT_MISMATCH',
  'CLIENT_FOREIGN_RECORD', 'CLIENT_SIGNATURE', 'CLI_TERMS', 'CLI_CANONICAL',
]); // prettier-ignore

/** What the shell hears of an error. */
export function exitCodeOf(error: unknown): number {
  if (!isChainError(error)) return exitCode.refused;
  if (noQuorum.has(error.code)) return exitCode.noQuorum;
  if (noVerifiedAnswer.has(error.code)) return exitCode.noVerifiedAnswer;
  if (isChainError(error, 'CLIENT_REFUSED') && noQuorumAtNode.has(error.payload.code)) return exitCode.noQuorum;
  return exitCode.refused;
}
