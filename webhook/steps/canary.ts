import type { ReviewSubject } from '../reading.ts';
import { canaryAnswer } from '../wording.ts';
import type { Step } from './step.ts';

export const CANARY_NAMESPACE = 'kube-system';
export const CANARY_PREFIX = 'kubectl-chain-canary-';

/**
 * An observer's dry-run ConfigMap whose name carries this hook: refused by this hook only, so that each one is proven. A dry-run webhook configuration of that name
 * is only shown to the static guard, and proves that.
 */
export const canary: Step = ({ review: { subject } }, { hookName }) => {
  const isCanary =
    subject.dryRun &&
    subject.operation === 'CREATE' &&
    subject.subresource === '' &&
    (isCanaryOf(subject, '', 'configmaps', CANARY_NAMESPACE) ||
      isCanaryOf(subject, 'admissionregistration.k8s.io', 'validatingwebhookconfigurations', '')) &&
    subject.name === CANARY_PREFIX + hookName;
  return isCanary ? canaryAnswer(hookName) : undefined;
};

function isCanaryOf(subject: ReviewSubject, group: string, resource: string, namespace: string): boolean {
  return subject.group === group && subject.resource === resource && subject.namespace === namespace;
}
