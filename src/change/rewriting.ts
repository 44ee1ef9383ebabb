import type { Json, JsonObject } from '../types/json.ts';

/** What is compared with the template of its owner, as `group/resource`. */
export const TEMPLATED = ['/pods', 'apps/replicasets', 'batch/jobs'] as const;

/** Where a cluster holds what may change objects when they are made. Policies are served in the versions that a cluster has. */
export const REWRITER_LISTS: readonly string[] = [
  'v1/mutatingwebhookconfigurations',
  ...['v1', 'v1beta1', 'v1alpha1'].map((version) => `${version}/mutatingadmissionpolicies`),
].map((list) => `/apis/admissionregistration.k8s.io/${list}`);

/** `group/resource` patterns of the objects that a mutating webhook configuration or admission policy may change. */
export function rewrittenBy(item: JsonObject): readonly string[] {
  const constraints = ((item['spec'] as JsonObject | undefined)?.['matchConstraints'] ?? {}) as JsonObject;
  const rules = [
    ...list(item['webhooks']).flatMap((hook) => list((hook as JsonObject)['rules'])),
    ...list(constraints['resourceRules']),
  ];
  return rules.flatMap((rule) => {
    const { apiGroups, resources } = rule as { apiGroups?: Json; resources?: Json };
    return list(apiGroups).flatMap((group) =>
      list(resources).map((resource) => `${group as string}/${resource as string}`),
    );
  });
}

/** Whether one of these patterns is of that resource. A subresource's changes the object that it belongs to. */
export function isRewritten(pattern: string, group: string, resource: string): boolean {
  const slash = pattern.indexOf('/');
  const [wanted, of] = [pattern.slice(0, slash), pattern.slice(slash + 1)];
  return (wanted === '*' || wanted === group) && (of === '*' || of === '*/*' || of.split('/')[0] === resource);
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}
