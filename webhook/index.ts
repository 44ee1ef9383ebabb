/** The public door of the admission server. */
export { createWebhook, type Webhook } from './server.ts';
export type { WebhookClock, WebhookLimits, WebhookLogger, WebhookOptions, WebhookTls } from './options.ts';
export type { Refusal, ReviewOutcome, WebhookMetrics } from './metrics.ts';
export { readReview, uidInFront, userInFront, type Hook, type ReadOutcome, type ReviewReader } from './reading.ts';
