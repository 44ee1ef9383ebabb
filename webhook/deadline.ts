/** What the API server needs after our answer, and what the way there may take. */
const RESERVE_MS = 1_500;
export const RECORD_RESERVE_MS = 500;
/** With a very short timeout of the caller half of it is ours. */
const SHARE_MIN = 0.5;

const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/;

/**
 * Milliseconds in which a review must be answered: at most `answerTimeoutMs`, and 1.5 s (the record hook: 0.5 s) less than the `timeout` query of the
 * call (a Go duration such as 10s or 2.5s), which is shorter than the configured one when the caller's own deadline is.
 */
export function answerTimeoutMs(timeoutQuery: unknown, answerTimeoutMs: number, reserveMs = RESERVE_MS): number {
  const callerMs = typeof timeoutQuery === 'string' ? goDurationMs(timeoutQuery) : undefined;
  if (callerMs === undefined) return answerTimeoutMs;
  return Math.min(answerTimeoutMs, Math.max(callerMs - reserveMs, callerMs * SHARE_MIN));
}

function goDurationMs(text: string): number | undefined {
  if (text.length > 32 || !DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, digits = '0', unit = 's'] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)) {
    total += Number(digits) * (UNITS_MS[unit] ?? 0);
  }
  return total > 0 ? total : undefined;
}
