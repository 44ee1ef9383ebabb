/** The public door of the admission server. */
export { createWebhook, type Webhook } from './server.ts';
export type { WebhookClock, WebhookLimits, WebhookLogger, WebhookOptions, WebhookTls } from './options.ts';
export type { Refusal, ReviewOutcome, WebhookMetrics } from './metrics.ts';
