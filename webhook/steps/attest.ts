import { unavailableAnswer } from '../wording.ts';
import type { Step } from './step.ts';

/** Without the cluster key nothing can be committed to, so no hook is served. */
export const attest: Step = ({ review: { change } }) => {
  if (change === undefined) return unavailableAnswer('WEBHOOK_NO_CLUSTER_KEY');
  // Server-side apply repeats itself every few minutes: nothing changes, nothing is recorded.
  return change.empty ? { outcome: 'empty' } : undefined;
};
