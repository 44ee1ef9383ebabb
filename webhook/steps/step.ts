import type { AdmissionLedger } from '../../src/ports/admission-ledger.ts';
import type { Answer } from '../answer.ts';
import type { ReadReview } from '../reading.ts';

/** What all steps share; made once. */
export interface StepContext {
  readonly ledger: AdmissionLedger;
  readonly hookName: string;
}

/** One review on its way through the steps. */
export interface Handling {
  readonly review: ReadReview;
  /** Epoch milliseconds at which the ledger must have answered. */
  readonly deadlineMs: number;
}

/** Answers, or leaves the review to the next step. The last step always answers. */
export type Step = (handling: Handling, context: StepContext) => Answer | undefined | Promise<Answer>;
