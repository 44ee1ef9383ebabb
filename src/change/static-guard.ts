import { clientConfig, type HookEndpoint } from './webhook-configuration.ts';

/** kube-apiserver reads names with this end from files only (ManifestBasedAdmissionControlConfig); no API user sees, changes or removes them. */
const STATIC_GUARD_NAME = 'kubectl-chain.static.k8s.io';
const DOMAIN = 'guard.kubectl-chain.dev';

export function staticGuardEntryName(hook: string): string {
  return `${hook}.${DOMAIN}`;
}

/**
 * A ValidatingWebhookConfiguration (plain data) for the API server's `staticManifestsDir`: the same hooks are asked about webhook configurations and admission
 * policies, which the API server shows to no ordinary webhook. Narrow, because a static Fail hook on everything keeps a fresh API server from starting. By url only.
 */
export function staticGuardManifest(hooks: readonly HookEndpoint[]): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: STATIC_GUARD_NAME },
    webhooks: hooks.map((hook) => ({
      name: staticGuardEntryName(hook.name),
      admissionReviewVersions: ['v1'],
      clientConfig: clientConfig(hook),
      rules: [
        {
          apiGroups: ['admissionregistration.k8s.io'],
          apiVersions: ['*'],
          operations: ['CREATE', 'UPDATE', 'DELETE'],
          // No subresource: the status of a policy is written by the control plane.
          resources: ['*'],
          scope: '*',
        },
      ],
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      sideEffects: 'NoneOnDryRun',
      timeoutSeconds: 10,
    })),
  };
}
