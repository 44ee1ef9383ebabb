import { expect } from 'vitest';
import { ChainError } from '../../../src/errors/chain-error.ts';
import type { ErrorCode } from '../../../src/errors/registry.ts';

/** Asserts that `act` throws a ChainError of that code, and returns its payload. */
export function expectCode(code: ErrorCode, act: () => unknown): Record<string, unknown> {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, `expected ${code}`).toBeInstanceOf(ChainError);
  const error = thrown as ChainError;
  expect(error.code).toBe(code);
  expect(error.message).not.toMatch(/(is|at|than|expected) undefined|\[object/);
  return error.payload as unknown as Record<string, unknown>;
}
