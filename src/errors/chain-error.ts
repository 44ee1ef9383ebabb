import { registry, type ErrorCode, type ErrorPayload } from './registry.ts';

/**
 * The one error class. `message` says what is wrong, `remedy` what to do; `payload` has the shape that the registry
 * names for the code; the cause is kept.
 */
export class ChainError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly payload: ErrorPayload<C>;

  constructor(code: C, payload: ErrorPayload<C>, options?: { cause?: unknown }) {
    const entry = registry[code] as { message: (p: ErrorPayload<C>) => string };
    super(entry.message(payload), options);
    this.name = 'ChainError';
    this.code = code;
    this.payload = payload;
  }

  get remedy(): string {
    return registry[this.code].remedy;
  }

  /** HTTP status that the API and the webhook answer with. */
  get httpStatus(): number {
    return registry[this.code].httpStatus;
  }
}

/** True if `error` is a ChainError, and of that code if one is given. */
export function isChainError<C extends ErrorCode>(error: unknown, code?: C): error is ChainError<C> {
  return error instanceof ChainError && (code === undefined || error.code === code);
}
