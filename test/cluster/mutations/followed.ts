import type { AttestContext } from '../../../src/change/index.ts';
import { attestRequest } from '../../../src/change/index.ts';
import { contentText, normalObject } from '../../../src/cluster/normal-object.ts';
import type { Hash } from '../../../src/types/brand.ts';
import type { Json, JsonObject } from '../../../src/types/json.ts';
import { timesText } from './compare.ts';
import { textOf, type StoredVersion } from './history.ts';
import type { MutationLeaf } from './mutation-log.ts';
import { partsOf } from './play.ts';
import type { RecordedWrite } from './recorded-log.ts';
import { inScope, type Followed } from './row.ts';

const CONTROLLER = 'system:serviceaccount:kube-system:';

/** What the log holds of the control plane's own work, and what was really stored. */
export interface FollowedWorld {
  readonly decisions: readonly MutationLeaf[];
  readonly writes: readonly RecordedWrite[];
  readonly versions: readonly StoredVersion[];
}

/** What a row says of it, one line a kind of write. */
export function followedLines(follows: readonly Followed[], ns: string): string[] {
  return follows.map((one) => `${lineOf(one, ns)}: ${timesText(one.objects)}${originText(one.origin)}`);
}

/** What the log says, in the same words. */
export function foundLines(follows: readonly Followed[], ns: string, world: FollowedWorld): string[] {
  const stored = new Set(world.versions.map(({ uid }) => uid));
  const watched = new Set(world.versions.map(({ resource }) => resource));
  return follows.map((one) => {
    const mine = world.writes.filter((write) => isMeant(one, write, ns));
    // What a controller asked for and the API server then did not store is on the log as well.
    const real = watched.has(one.resource) ? mine.filter(({ attributes }) => stored.has(attributes.uid)) : mine;
    const objects = new Set(real.map(({ attributes }) => attributes.uid)).size;
    const [min, max] = typeof one.objects === 'number' ? [one.objects, one.objects] : one.objects;
    const origins = one.origin === undefined ? [undefined] : real.map((write) => originOf(write, world));
    const shown = [...new Set(origins.map((origin) => originText(origin)))].join(', and');
    return `${lineOf(one, ns)}: ${objects >= min && objects <= max ? timesText(one.objects) : objects}${shown}`;
  });
}

function lineOf({ operation, resource, by, namespace = '$' }: Followed, ns: string): string {
  return `RECORDED ${operation} ${inScope(resource, ns)} in ${inScope(namespace, ns)} by ${by}`;
}

function originText(origin: readonly string[] | undefined): string {
  return origin === undefined ? '' : ` for ${origin.join(', of ')}`;
}

function isMeant(one: Followed, { attributes: a }: RecordedWrite, ns: string): boolean {
  const { group, version, resource, subresource } = partsOf(inScope(one.resource, ns));
  return (
    a.operation === one.operation &&
    a.group === group &&
    a.version === version &&
    a.resource === resource &&
    a.subresource === subresource &&
    a.namespace === inScope(one.namespace ?? '$', ns) &&
    a.user === (one.by.includes(':') || one.by === 'kwok' ? one.by : `${CONTROLLER}${one.by}`)
  );
}

/** Kinds of the owners, up to the one that was decided about. */
function originOf({ owners }: RecordedWrite, { decisions, writes }: FollowedWorld): string[] {
  const kinds: string[] = [];
  for (let of = owners; ;) {
    const owner = of.find(({ controller }) => controller) ?? of[0];
    if (owner === undefined) return [...kinds, 'nobody'];
    kinds.push(owner.kind);
    const isDecided = decisions.some(
      ({ attributes, result }) =>
        result.decision === 'ADMITTED' && attributes.uid === owner.uid && attributes.operation !== 'DELETE',
    );
    if (isDecided) return kinds;
    const made = writes.find(({ attributes: a }) => a.operation === 'CREATE' && a.uid === owner.uid);
    if (made === undefined) return [...kinds, 'what is not on the log'];
    of = made.owners;
  }
}

/**
 * Each stored version that no decision of the chain is about has a record whose digest is that of what was stored, made here of what the API server shows. Left
 * are those that have none, in words. Versions that differ in nothing but status are no one's; a Pod's place is the scheduler's.
 */
export function unrecorded(world: FollowedWorld, context: AttestContext): string[] {
  const decided = new Map<string, MutationLeaf[]>();
  for (const leaf of world.decisions) {
    if (leaf.result.decision === 'ADMITTED') push(decided, leaf.attributes.uid, leaf);
  }
  const written = new Map<string, RecordedWrite[]>();
  for (const write of world.writes) push(written, write.attributes.uid, write);
  const evicted = new Set(
    world.decisions
      .filter(({ attributes, result }) => attributes.subresource === 'eviction' && result.decision === 'ADMITTED')
      .map(({ attributes }) => `${attributes.namespace}/${attributes.name}`),
  );
  return world.versions.flatMap((version) => {
    const ours = { decided: decided.get(version.uid) ?? [], written: written.get(version.uid) ?? [] };
    const isKnown =
      version.how === 'ADDED'
        ? isCreated(version, ours, context)
        : version.how === 'DELETED' || isMarked(version)
          ? isDeleted(version, ours) || evicted.has(`${version.namespace}/${version.name}`)
          : isUpdated(version, ours, context);
    const { how, resource, namespace, name, resourceVersion } = version;
    return isKnown ? [] : [`${how} ${resource} ${namespace}/${name} at ${resourceVersion}`];
  });
}

interface Ours {
  readonly decided: readonly MutationLeaf[];
  readonly written: readonly RecordedWrite[];
}

function isCreated(version: StoredVersion, { decided, written }: Ours, context: AttestContext): boolean {
  const isOf = ({ attributes: a }: { attributes: MutationLeaf['attributes'] }): boolean =>
    a.operation === 'CREATE' && a.subresource === '';
  if (decided.some(isOf)) return true;
  const digests = [version.object, withoutLabels(version.object)].map((object) =>
    digestOf(version, 'CREATE', object, null, context),
  );
  return written.some((write) => isOf(write) && digests.includes(write.digest.diff));
}

function isUpdated(version: StoredVersion, { decided, written }: Ours, context: AttestContext): boolean {
  const { previous, object } = version;
  if (previous === undefined) return false;
  const base = textOf(previous, 'metadata', 'resourceVersion');
  const isOf = ({ attributes: a }: { attributes: MutationLeaf['attributes'] }): boolean => a.resourceVersion === base;
  if (decided.some((leaf) => isOf(leaf) || leaf.attributes.operation === 'CONNECT')) return true;
  if (contentOf(version, object, context) === contentOf(version, previous, context)) return true;
  const digest = digestOf(version, 'UPDATE', object, previous, context);
  return written.some((write) => isOf(write) && (write.attributes.subresource !== '' || write.digest.diff === digest));
}

const isDeleted = (_version: StoredVersion, { decided, written }: Ours): boolean =>
  [...decided, ...written].some(({ attributes }) => attributes.operation === 'DELETE');

/** A deletion that has to wait shows first as a mark. */
function isMarked({ object, previous }: StoredVersion): boolean {
  const at = (shown: JsonObject | undefined): string => textOf(shown, 'metadata', 'deletionTimestamp');
  return at(object) !== '' && at(object) !== at(previous);
}

function contentOf(version: StoredVersion, object: JsonObject, context: AttestContext): string {
  const { resource: full, ...names } = partsOf(version.resource);
  const watched = { ...names, resource: full, kind: kindOf(version), namespaced: true };
  const { nodeName: _nodeName, ...spec } = (object['spec'] ?? {}) as Record<string, Json>;
  const shown = full === 'pods' ? { ...object, spec } : object;
  return contentText(normalObject(watched, shown, 'UPDATE', context));
}

function digestOf(
  version: StoredVersion,
  operation: 'CREATE' | 'UPDATE',
  object: JsonObject,
  old: JsonObject | null,
  context: AttestContext,
): Hash {
  const { group, version: served, resource } = partsOf(version.resource);
  const request = {
    uid: 'test',
    kind: { group, version: served, kind: kindOf(version) },
    resource: { group, version: served, resource },
    name: version.name,
    namespace: version.namespace,
    operation,
    userInfo: { username: 'test', groups: [] },
    object,
    oldObject: old,
    dryRun: false,
    options: null,
  };
  return attestRequest(request as Json, context).attestation.digest.diff;
}

/** The API server shows a Job's template labels as its own where it has none. */
function withoutLabels(object: JsonObject): JsonObject {
  const { labels: _labels, ...metadata } = (object['metadata'] ?? {}) as Record<string, Json>;
  return { ...object, metadata };
}

const kindOf = ({ object }: StoredVersion): string => textOf(object, 'kind');

function push<T>(lists: Map<string, T[]>, key: string, value: T): void {
  lists.set(key, [...(lists.get(key) ?? []), value]);
}
