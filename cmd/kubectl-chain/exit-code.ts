import { isChainError } from '../../src/errors/chain-error.ts';

export const exitCode = { ok: 0, refused: 1, couldNot: 2, noQuorum: 3, noVerifiedAnswer: 4, interrupted: 130 } as const;

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

/** What the shell hears of an error (cli.md, "Exit codes"). */
export function exitCodeOf(error: unknown): number {
  if (!isChainError(error)) return exitCode.refused;
  if (noQuorum.has(error.code)) return exitCode.noQuorum;
  if (noVerifiedAnswer.has(error.code)) return exitCode.noVerifiedAnswer;
  if (isChainError(error, 'CLIENT_REFUSED') && noQuorumAtNode.has(error.payload.code)) return exitCode.noQuorum;
  return exitCode.refused;
}
