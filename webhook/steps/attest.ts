import { attest as attestChange } from '../../src/change/index.ts';
import { unavailableAnswer } from '../wording.ts';
import type { Step } from './step.ts';

/** Without the cluster key nothing can be committed to, so no hook is served. */
export const attest: Step = (handling, { attestContext }) => {
  const context = attestContext();
  if (context === undefined) return unavailableAnswer('WEBHOOK_NO_CLUSTER_KEY');
  handling.change = attestChange(handling.review, context);
  // Server-side apply repeats itself every few minutes: nothing changes, nothing is recorded.
  return handling.change.empty ? { outcome: 'empty' } : undefined;
};
