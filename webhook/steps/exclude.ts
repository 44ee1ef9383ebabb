import type { Step } from './step.ts';

/**
 * The same list that the webhook configuration is made of: should its matchConditions be lost, heartbeats and leases still
 * do not wait for the chain (P6).
 */
export const exclude: Step = ({ review }) => (review.class !== 'gate' ? { outcome: 'excluded' } : undefined);
