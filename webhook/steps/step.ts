import type { AttestContext, AttestedChange, DecodedReview, Exclusion } from '../../src/change/index.ts';
import type { AdmissionLedger } from '../../src/ports/admission-ledger.ts';
import type { ClusterId } from '../../src/types/brand.ts';
import type { Answer } from '../answer.ts';

/** What all steps share; made once. */
export interface StepContext {
  readonly ledger: AdmissionLedger;
  readonly cluster: ClusterId;
  readonly hookName: string;
  readonly exclusions: readonly Exclusion[];
  /** Undefined while the node lacks the cluster key. */
  readonly attestContext: () => AttestContext | undefined;
}

/** One review on its way through the steps. */
export interface Handling {
  readonly review: DecodedReview;
  /** Epoch milliseconds at which the ledger must have answered. */
  readonly deadlineMs: number;
  /** Set by the attest step, for those behind it. */
  change: AttestedChange | undefined;
}

/** Answers, or leaves the review to the next step. The last step always answers. */
export type Step = (handling: Handling, context: StepContext) => Answer | undefined | Promise<Answer>;
