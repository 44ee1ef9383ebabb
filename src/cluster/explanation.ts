import { canonicalText } from '../codec/index.ts';
import { excludedBy, textAt, type DecodedReview, type Exclusion } from '../change/index.ts';
import type { Json, JsonObject } from '../types/json.ts';
import type { WatchedResource } from './resource-watch.ts';

/**
 * Whether the control plane writes such a thing without a record: some actor of the list of exclusions, doing just this, would not have been asked about. That
 * it was that actor nobody can tell from the object; the audit stream tells who used its name.
 */
export function explainedBy(
  exclusions: readonly Exclusion[],
  operation: 'CREATE' | 'UPDATE' | 'DELETE',
  resource: WatchedResource,
  object: JsonObject | null,
  oldObject: JsonObject | null,
): boolean {
  const shown = object ?? oldObject;
  // Placing a pod is a subresource's work: pods/binding writes this one field of the pod.
  if (operation === 'UPDATE' && resource.group === '' && resource.resource === 'pods' && isPlaced(object, oldObject))
    return true;
  return exclusions.some((exclusion) => {
    if (!exclusion.operations.includes(operation) || exclusion.unnamed === true) return false;
    const review: DecodedReview = {
      admissionUid: '',
      operation,
      group: resource.group,
      version: resource.version,
      resource: resource.resource,
      subresource: '',
      kind: resource.kind,
      namespace: textAt(shown ?? undefined, 'metadata', 'namespace'),
      name: textAt(shown ?? undefined, 'metadata', 'name'),
      ...actorFor(exclusion, resource, shown),
      dryRun: false,
      object,
      oldObject,
      options: null,
      unnamed: false,
    };
    return excludedBy(review, [exclusion]) !== undefined;
  });
}

function actorFor(
  { actor }: Exclusion,
  { resource }: WatchedResource,
  object: JsonObject | null,
): { user: string; groups: string[] } {
  if ('anyone' in actor) return { user: '', groups: [] };
  if ('user' in actor) return { user: actor.user, groups: [] };
  const node =
    resource === 'pods'
      ? textAt(object ?? undefined, 'spec', 'nodeName')
      : textAt(object ?? undefined, 'metadata', 'name');
  return { user: `${actor.userPrefix}${node}`, groups: [actor.group] };
}

function isPlaced(object: JsonObject | null, oldObject: JsonObject | null): boolean {
  if (object === null || oldObject === null || textAt(oldObject, 'spec', 'nodeName') !== '') return false;
  return canonicalText(unplaced(object)) === canonicalText(unplaced(oldObject));
}

function unplaced(pod: JsonObject): Json {
  const { nodeName: _nodeName, ...spec } = (pod['spec'] ?? {}) as Record<string, Json>;
  const { labels, annotations } = (pod['metadata'] ?? {}) as Record<string, Json>;
  return { spec, labels: labels ?? null, annotations: annotations ?? null };
}
