import { ChainError, isChainError } from '../src/errors/chain-error.ts';
import type { Answer } from './answer.ts';
import type { WebhookClock, WebhookLogger } from './options.ts';
import type { ReadReview } from './reading.ts';
import { attest } from './steps/attest.ts';
import { canary } from './steps/canary.ts';
import { decide } from './steps/decide.ts';
import { dryRun } from './steps/dry-run.ts';
import { exclude } from './steps/exclude.ts';
import type { Handling, Step, StepContext } from './steps/step.ts';
import { invalidAnswer, silentAnswer } from './wording.ts';

/** In this order; the first that answers ends it. */
const STEPS: readonly Step[] = [exclude, canary, attest, dryRun, decide];
/** The ledger gets this much less than the API server is promised, so that its own "unknown" still arrives. */
const LEDGER_RESERVE_MS = 200;

/**
 * Answers a review that was read by `answerByMs` (epoch), whatever happens: what throws becomes a refusal, what hangs
 * becomes "outcome unknown". Nothing but a step's own answer can allow.
 */
export async function handleReview(
  review: ReadReview,
  answerByMs: number,
  context: StepContext,
  clock: WebhookClock,
  logger: WebhookLogger,
): Promise<Answer> {
  const timeoutMs = Math.max(0, answerByMs - clock.nowMs());
  const handling: Handling = { review, deadlineMs: answerByMs - LEDGER_RESERVE_MS };
  let cancel = (): void => undefined;
  const silence = new Promise<Answer>((resolve) => {
    cancel = clock.after(timeoutMs, () => resolve(silentAnswer(review.change?.attestation, timeoutMs)));
  });
  try {
    return await Promise.race([runSteps(handling, context, logger), silence]);
  } finally {
    cancel();
  }
}

async function runSteps(handling: Handling, context: StepContext, logger: WebhookLogger): Promise<Answer> {
  try {
    for (const step of STEPS) {
      const answer = await step(handling, context);
      if (answer !== undefined) return answer;
    }
    throw new ChainError('WEBHOOK_INTERNAL', {});
  } catch (error) {
    return failureAnswer(error, logger);
  }
}

/** A coded error says what to do; of any other only the kind is logged, because its text might quote the object. */
export function failureAnswer(error: unknown, logger: WebhookLogger): Answer {
  if (isChainError(error)) {
    logger.warn({ code: error.code }, 'review refused');
    return invalidAnswer(error.code, error.message);
  }
  const name = error instanceof Error ? error.name : typeof error;
  logger.error({ error: name, stack: framesOf(error) }, 'review failed');
  return invalidAnswer('WEBHOOK_INTERNAL', new ChainError('WEBHOOK_INTERNAL', {}).message);
}

/** Where it was thrown, without the message. */
function framesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error) || error.stack === undefined) return [];
  return error.stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim());
}
