import { isChainError, type ChainError } from '../../errors/chain-error.ts';
import type { ErrorCode } from '../../errors/registry.ts';

/** Faults that the same transaction meets on every node alike: it is left out, as if it were somebody's mistake. */
const ALIKE_EVERYWHERE: readonly ErrorCode[] = ['LEDGER_STATE_VALUE', 'LEDGER_STATE_KEY', 'GOVERNANCE_TRANSITION'];

/**
 * True if the error says that a transaction or block is refused, by every node alike. Everything else, such as a damaged store, is this node's own trouble and must
 * stop it instead of looking like an invalid block.
 */
export function isRefusal(error: unknown): error is ChainError {
  return isChainError(error) && (error.httpStatus < 500 || ALIKE_EVERYWHERE.includes(error.code));
}
