import { canaryAnswer } from '../wording.ts';
import type { Step } from './step.ts';

export const CANARY_NAMESPACE = 'kube-system';
export const CANARY_PREFIX = 'kubectl-chain-canary-';

/** An observer's dry-run ConfigMap whose name carries this hook: refused by this hook only, so that each one is proven. */
export const canary: Step = ({ review }, { hookName }) => {
  const isCanary =
    review.dryRun &&
    review.operation === 'CREATE' &&
    review.group === '' &&
    review.resource === 'configmaps' &&
    review.subresource === '' &&
    review.namespace === CANARY_NAMESPACE &&
    review.name === CANARY_PREFIX + hookName;
  return isCanary ? canaryAnswer(hookName) : undefined;
};
