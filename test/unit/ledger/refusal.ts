import { isChainError } from '../../../src/errors/chain-error.ts';

/** The code of the ChainError that `run` throws, or 'accepted'. Any other error is the test's failure. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isChainError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

/** Code and path of the ChainError, for errors that name a place. */
export function refusalOf(run: () => unknown): { code: string; path: unknown } {
  try {
    run();
  } catch (error) {
    if (isChainError(error)) return { code: error.code, path: (error.payload as { path?: unknown }).path };
    throw error;
  }
  return { code: 'accepted', path: undefined };
}
