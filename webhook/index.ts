/** The public door of the admission server. */
export { createWebhook, type Webhook } from './server.ts';
export {
  ADMISSION_PATH,
  CLIENT_COMMON_NAME,
  LIMITS_DEFAULT,
  type WebhookClock,
  type WebhookLimits,
  type WebhookLogger,
  type WebhookOptions,
  type WebhookTls,
} from './options.ts';
export type { Refusal, ReviewOutcome, WebhookMetrics } from './metrics.ts';
export { CANARY_NAMESPACE, CANARY_PREFIX } from './steps/canary.ts';
