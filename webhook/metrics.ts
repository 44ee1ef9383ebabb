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
  | 'recorded'
  | 'spooled'
  | 'lost'
  | 'empty'
  | 'invalid'
  | 'failed';

/** Who or what was turned away before a review was read. */
export type Refusal =
  | 'no-certificate'
  | 'wrong-certificate'
  | 'wrong-path'
  | 'content-type'
  | 'content-encoding'
  | 'body-size'
  | 'body-slow'
  | 'body-broken'
  | 'bodies-full'
  | 'busy'
  /** What was sent is no review, and has no uid to answer it with. */
  | 'no-review'
  /** The TLS handshake failed, or was for something older than 1.3. */
  | 'tls'
  /** No HTTP, or headers that are too many, too long or too slow. */
  | 'http'
  /** A connection that ended because one more came, or because nothing came over it. */
  | 'too-many'
  | 'idle';

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
