import { canonicalText } from '../codec/index.ts';
import { textAt, type AttestContext } from '../change/index.ts';
import { isChainError } from '../errors/chain-error.ts';
import type { FoundReason } from '../types/finding.ts';
import type { ChangeAttestation } from '../types/change.ts';
import type { Json, JsonObject } from '../types/json.ts';
import type { LeafIndex, ValidatorId } from '../types/brand.ts';
import { explainedBy } from './explanation.ts';
import { contentText, newObjectOf, normalObject } from './normal-object.ts';
import type { WatchedResource } from './resource-watch.ts';
import { likeness, type TemplateDeps } from './template.ts';
import { trace, type TraceDeps } from './trace.ts';
import type { ObjectName, ObjectVersion, ShownObject, TrackedObject } from './tracked-object.ts';

/** An admitted change, and the nodes that attested it. */
export interface AdmittedRecord {
  /** Of its decision. */
  readonly leaf: LeafIndex;
  readonly attestation: ChangeAttestation;
  readonly nodes: readonly ValidatorId[];
}

/** `withheld`: who attested it is connected and does not show it. `unreachable`: who attested it is not there. `gone`: it was erased by vote, or has expired
 * by policy, and nobody is to be blamed for it. */
export type BodyAnswer = Uint8Array | 'withheld' | 'unreachable' | 'gone';

export interface JudgeDeps extends TraceDeps, TemplateDeps {
  /** Admitted records of an object, newest first; only as many are read as are looked at. A null at the end: there are more than are read. */
  readonly records: (name: ObjectName) => AsyncIterable<AdmittedRecord | null> | Iterable<AdmittedRecord | null>;
  /** A body that is what the attestation commits to. */
  readonly body: (record: AdmittedRecord) => Promise<BodyAnswer>;
  readonly context: () => AttestContext | undefined;
  /** A version holds exactly what this record admitted; `isNext`: it was seen to be the one after the version that was reviewed. */
  readonly stored?: ((record: AdmittedRecord, isNext: boolean) => void) | undefined;
  /** Whether an autoscaler sets the replicas of this object. */
  readonly isScaled: (namespace: string, kind: string, name: string) => Promise<boolean>;
}

/**
 * `recorded`: a record admitted exactly it. `derived`: it follows from what was there before, by bookkeeping or by a write of the control plane that has no record.
 * `uncompared`: there is a record, whose content cannot be compared. `waiting`, `absent`: what it was made of is not judged yet, or not there. Everything else is what would have to be said if nothing more were to come.
 */
export type Judgement = 'recorded' | 'derived' | 'uncompared' | 'unreachable' | 'waiting' | 'absent' | FoundReason;

/** Subresources through which a write changes the stored object. What else is asked of an object (a token, a stream) says nothing of its content. */
const WRITING = ['scale', 'status', 'approval', 'ephemeralcontainers', 'resize', 'finalize', 'binding', 'eviction'];

/** What the log says of one version of an object, as far as this node has executed it. Throws what `isScaled` throws. */
export async function judge(deps: JudgeDeps, tracked: TrackedObject, version: ObjectVersion): Promise<Judgement> {
  const [first] = version.objects.values();
  if (version.isDeleted) return deletionOf(deps, tracked, first?.object);
  if (first === undefined) return 'derived';
  const { base } = tracked;
  if (base !== undefined && isSameContent(deps, version, base)) return 'derived';
  const { resource, object } = first;
  const isTerminating = textAt(object, 'metadata', 'deletionTimestamp') !== '';
  if (isTerminating && (await deletionOf(deps, tracked, object)) !== 'deleted') return 'recorded';
  const seen = { isRecorded: false, isWithheld: false, isUnreachable: false, isCut: false };
  const written: AdmittedRecord[] = [];
  for await (const record of deps.records(tracked.name)) {
    if (record === null) {
      seen.isCut = true;
      break;
    }
    const { uid, operation, subresource } = record.attestation.attributes;
    if (uid !== tracked.uid || operation === 'DELETE' || operation === 'CONNECT') continue;
    if (subresource === '') written.push(record);
    seen.isRecorded = true;
    const verdict = await compare(deps, record, version);
    if (verdict === 'recorded') deps.stored?.(record, version.previous !== null);
    if (verdict === 'recorded' || verdict === 'uncompared') return verdict;
    if (verdict === 'withheld') seen.isWithheld = true;
    if (verdict === 'unreachable') seen.isUnreachable = true;
    // Nothing was admitted of this object before it was created.
    if (operation === 'CREATE' && subresource === '') break;
  }
  if (base === undefined && explainedBy(deps.exclusions, 'CREATE', resource, object, null)) {
    const found = await trace(deps, tracked.name, resource, object);
    if (found === 'untraced') return 'unjustified';
    if (found !== 'traced') return found;
    // What somebody was allowed to change of it since is not what its owner asks for.
    const isMade = seen.isRecorded || (await likeness(deps, tracked.name, resource, object)) !== 'other';
    return isMade ? 'derived' : 'unjustified';
  }
  if (await followsFrom(deps, tracked.name, version, base)) return 'derived';
  if (version.previous === null && (await followsFromRecord(deps, tracked.name, written, version))) return 'derived';
  if (seen.isCut) return 'uncompared';
  if (seen.isWithheld) return 'content-withheld';
  if (seen.isUnreachable) return 'unreachable';
  return seen.isRecorded ? 'other-content' : 'no-record';
}

async function compare(
  deps: JudgeDeps,
  record: AdmittedRecord,
  version: ObjectVersion,
): Promise<'recorded' | 'uncompared' | 'other' | 'withheld' | 'unreachable'> {
  const { operation, subresource, resourceVersion, version: served } = record.attestation.attributes;
  const isBase = version.previous === null || resourceVersion === version.previous;
  if (!isBase) return 'other';
  // Its object is not the stored one; that the very next version is its is what optimistic concurrency gives.
  if (subresource !== '') return WRITING.includes(subresource) ? 'uncompared' : 'other';
  const seen = version.objects.get(served);
  // Nobody serves that version to this observer: that there is a record on this base is all that can be said.
  if (seen === undefined) return 'uncompared';
  const body = await deps.body(record);
  if (body === 'gone') return 'uncompared';
  if (typeof body === 'string') return body;
  const written = operation === 'CREATE' ? 'CREATE' : 'UPDATE';
  return textOf(deps, seen, written) === contentText(newObjectOf(body)) ? 'recorded' : 'other';
}

function isSameContent(deps: JudgeDeps, version: ObjectVersion, base: ReadonlyMap<string, ShownObject>): boolean {
  const pairs = [...version.objects].flatMap(([served, shown]) => {
    const before = base.get(served);
    return before === undefined ? [] : [{ shown, before }];
  });
  return (
    pairs.length > 0 &&
    pairs.every(({ shown, before }) => textOf(deps, shown, 'UPDATE') === textOf(deps, before, 'UPDATE'))
  );
}

/** What some listed actor of the control plane, or an autoscaler, could have made of what was there before. */
async function followsFrom(
  deps: JudgeDeps,
  name: ObjectName,
  version: ObjectVersion,
  base: ReadonlyMap<string, ShownObject> | undefined,
): Promise<boolean> {
  for (const [served, { resource, object }] of version.objects) {
    const before = base?.get(served);
    if (before !== undefined && (await canFollow(deps, name, resource, object, before.object))) return true;
  }
  return false;
}

/** After an absence only the present is known: it may be what was admitted last and what the control plane made of it. */
async function followsFromRecord(
  deps: JudgeDeps,
  name: ObjectName,
  written: readonly AdmittedRecord[],
  version: ObjectVersion,
): Promise<boolean> {
  for (const record of written) {
    const { operation, version: served } = record.attestation.attributes;
    const seen = version.objects.get(served);
    const body = seen === undefined ? 'unreachable' : await deps.body(record);
    if (seen === undefined || typeof body === 'string') continue;
    const after = normalOf(deps, seen, operation === 'CREATE' ? 'CREATE' : 'UPDATE');
    const before = newObjectOf(body);
    if (after === null || before === null) continue;
    if (await canFollow(deps, name, seen.resource, after, before)) return true;
  }
  return false;
}

async function canFollow(
  { exclusions, isScaled }: JudgeDeps,
  { namespace, name }: ObjectName,
  resource: WatchedResource,
  after: JsonObject,
  before: JsonObject,
): Promise<boolean> {
  if (!keepsWork(resource, after, before)) return false;
  if (explainedBy(exclusions, 'UPDATE', resource, after, before)) return true;
  const scaled = withReplicasOf(after, before);
  if (scaled === undefined) return false;
  // An autoscaler and a controller's bookkeeping may both have come since.
  const isRest =
    canonicalText(stable(scaled)) === canonicalText(stable(before)) ||
    explainedBy(exclusions, 'UPDATE', resource, scaled, before);
  return isRest && (await isScaled(namespace, textAt(after, 'kind'), name));
}

/** No controller changes what runs: neither the pods that it made (but for their place) nor the template of what it made. */
function keepsWork({ group, resource }: WatchedResource, after: JsonObject, before: JsonObject): boolean {
  const isPod = group === '' && resource === 'pods';
  const work = (object: JsonObject): Json => {
    const { nodeName: _nodeName, ...pod } = (object['spec'] ?? {}) as Record<string, Json>;
    return isPod ? pod : (pod['template'] ?? null);
  };
  return (!isPod && group !== 'apps' && group !== 'batch') || canonicalText(work(after)) === canonicalText(work(before));
} // prettier-ignore

/** A DELETE of the object, of its namespace, of its kind, or of what owns it, or a finished eviction. */
async function deletionOf(
  deps: JudgeDeps,
  { name, uid }: TrackedObject,
  object: JsonObject | undefined,
): Promise<'recorded' | 'uncompared' | 'deleted'> {
  const owners = (object?.['metadata'] as JsonObject | undefined)?.['ownerReferences'];
  if (Array.isArray(owners) && owners.length > 0) return 'recorded';
  const { group, resource, namespace } = name;
  const watched = { group, version: '', resource, kind: '', namespaced: namespace !== '' };
  if (object !== undefined && explainedBy(deps.exclusions, 'DELETE', watched, null, object)) return 'recorded';
  const isNamespaced = namespace !== '' && resource !== 'namespaces';
  const definitions = { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions', namespace: '' };
  const deleted = [
    await findDeletion(deps, name, uid),
    ...(isNamespaced ? [await findDeletion(deps, { group: '', resource: 'namespaces', namespace, name: namespace })] : []),
    ...(group.includes('.') ? [await findDeletion(deps, { ...definitions, name: `${resource}.${group}` })] : []),
  ]; // prettier-ignore
  return deleted.find((one) => one === 'recorded') ?? deleted.find((one) => one === 'uncompared') ?? 'deleted';
}

async function findDeletion(
  deps: JudgeDeps,
  name: ObjectName,
  uid?: string,
): Promise<'recorded' | 'uncompared' | 'deleted'> {
  for await (const record of deps.records(name)) {
    if (record === null) return 'uncompared';
    const { operation, subresource, uid: target } = record.attestation.attributes;
    const isOfIt = uid === undefined || target === uid || target === '';
    if (isOfIt && (operation === 'DELETE' || subresource === 'eviction')) return 'recorded';
    if (target === uid && operation === 'CREATE' && subresource === '') return 'deleted';
  }
  return 'deleted';
}

function textOf(deps: JudgeDeps, shown: ShownObject, operation: 'CREATE' | 'UPDATE'): string {
  const normal = normalOf(deps, shown, operation);
  return normal === null ? '' : contentText(normal);
}

function normalOf(
  { context }: JudgeDeps,
  { resource, object }: ShownObject,
  operation: 'CREATE' | 'UPDATE',
): JsonObject | null {
  const known = context();
  if (known === undefined) return null;
  try {
    return normalObject(resource, object, operation, known);
  } catch (error) {
    // No review of it could be attested: no record fits it.
    if (isChainError(error)) return null;
    throw error;
  }
}

/** The object with the number of replicas of another one; undefined if they are equal. */
function withReplicasOf(object: JsonObject, other: JsonObject): JsonObject | undefined {
  const replicas = replicasOf(other);
  const spec = object['spec'];
  if (replicas === undefined || replicas === replicasOf(object) || spec === null || typeof spec !== 'object')
    return undefined;
  return { ...object, spec: { ...(spec as JsonObject), replicas } };
}

function replicasOf(object: JsonObject): Json | undefined {
  const spec = object['spec'];
  return spec !== null && typeof spec === 'object' ? (spec as JsonObject)['replicas'] : undefined;
}

function stable(object: JsonObject): Json {
  const { metadata, status: _status, ...rest } = object as Record<string, Json>;
  const { resourceVersion: _v, generation: _g, managedFields: _m, ...kept } = (metadata ?? {}) as Record<string, Json>;
  return { ...rest, metadata: kept };
}
