import { excludedBy } from '../../src/change/index.ts';
import type { Step } from './step.ts';

/**
 * The same list that the webhook configuration is made of: should its matchConditions be lost, heartbeats and leases still
 * do not wait for the chain (P6).
 */
export const exclude: Step = ({ review }, { exclusions }) =>
  excludedBy(review, exclusions) === undefined ? undefined : { outcome: 'excluded' };
