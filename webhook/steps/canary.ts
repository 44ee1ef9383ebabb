import { canaryAnswer } from '../wording.ts';
import type { Step } from './step.ts';

export const CANARY_NAMESPACE = 'kube-system';
export const CANARY_PREFIX = 'kubectl-chain-canary-';

/** An observer's dry-run ConfigMap whose name carries this hook: refused by this hook only, so that each one is proven. */
export const canary: Step = ({ review: { subject } }, { hookName }) => {
  const isCanary =
    subject.dryRun &&
    subject.operation === 'CREATE' &&
    subject.group === '' &&
    subject.resource === 'configmaps' &&
    subject.subresource === '' &&
    subject.namespace === CANARY_NAMESPACE &&
    subject.name === CANARY_PREFIX + hookName;
  return isCanary ? canaryAnswer(hookName) : undefined;
};
