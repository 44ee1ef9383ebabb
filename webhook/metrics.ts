/** How a review ended. */
export type ReviewOutcome =
  | 'admitted'
  | 'refused'
  | 'unknown'
  | 'unavailable'
  | 'overloaded'
  | 'dry-run'
  | 'canary'
  | 'excluded'
  | 'empty'
  | 'invalid'
  | 'failed';

/** Who or what was turned away before a review was read. */
export type Refusal =
  'no-certificate' | 'wrong-certificate' | 'wrong-path' | 'content-type' | 'body-size' | 'body-slow' | 'bodies-full';

/** What the webhook counts; the composition root puts names and a registry behind it. */
export interface WebhookMetrics {
  answered(outcome: ReviewOutcome, durationMs: number): void;
  turnedAway(reason: Refusal): void;
  /** Reviews in progress and the bytes that their bodies hold. */
  load(reviews: number, bodyBytes: number): void;
}

export const noMetrics: WebhookMetrics = {
  answered: () => undefined,
  turnedAway: () => undefined,
  load: () => undefined,
};
