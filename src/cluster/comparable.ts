import { canonicalText } from '../codec/index.ts';
import type { Json, JsonObject } from '../types/json.ts';

/** autoscaling/v1 has no fields for these, and shows them as annotations; both tell what is, not what should be. */
const STATUS_ANNOTATIONS = [
  'autoscaling.alpha.kubernetes.io/conditions',
  'autoscaling.alpha.kubernetes.io/current-metrics',
];

/** A normalised object without what differs between its review and its later readings although nobody changed it. */
export function comparable(object: Json): Json {
  const { kind, apiVersion, metadata } = (object ?? {}) as { kind?: Json; apiVersion?: Json; metadata?: Json };
  if (metadata === null || typeof metadata !== 'object') return object;
  const shown = object as JsonObject;
  const { annotations, labels, ...kept } = metadata as Record<string, Json>;
  // Which annotations of a Secret are redacted depends on the values on both sides of a review, and here only one side is known. Without them a Secret is
  // known by everything else.
  const noted = kind === 'Secret' ? undefined : withoutStatus(apiVersion, annotations);
  const told = isTemplates(shown, labels) ? undefined : labels;
  const rest = {
    ...(noted === undefined ? {} : { annotations: noted }),
    ...(told === undefined ? {} : { labels: told }),
  };
  return { ...shown, metadata: { ...kept, ...rest } };
}

/** The API server fills in the labels of a template where an object has none, some kinds only when it reads them from its store (Job). */
function isTemplates(object: JsonObject, labels: Json | undefined): boolean {
  const template = ((object['spec'] as JsonObject | null | undefined)?.['template'] ?? null) as JsonObject | null;
  const given = (template?.['metadata'] as JsonObject | null | undefined)?.['labels'];
  return labels !== undefined && given !== undefined && canonicalText(labels) === canonicalText(given);
}

function withoutStatus(apiVersion: Json | undefined, annotations: Json | undefined): Json | undefined {
  if (apiVersion !== 'autoscaling/v1' || annotations === undefined) return annotations;
  const kept = Object.entries(annotations as JsonObject).filter(([key]) => !STATUS_ANNOTATIONS.includes(key));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
