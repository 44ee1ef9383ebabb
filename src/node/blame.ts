import { isChainError, type ChainError } from '../errors/chain-error.ts';

/** What a peer sent is wrong, whoever reads it: it may cost that peer its connection. */
export function isPeersFault(error: unknown): error is ChainError {
  return isChainError(error) && error.httpStatus < 500;
}

/** This node's own store or state cannot be read or written: no peer's fault, and nothing that another peer could answer better. */
export function isOwnFault(error: unknown): error is ChainError {
  return isChainError(error) && error.httpStatus >= 500 && /^(STORE|LEDGER)_/.test(error.code);
}
