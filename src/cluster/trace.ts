import { textAt, type Exclusion } from '../change/index.ts';
import type { Json, JsonObject } from '../types/json.ts';
import { explainedBy } from './explanation.ts';
import type { AdmittedRecord } from './judge.ts';
import type { WatchedResource } from './resource-watch.ts';
import type { ObjectName } from './tracked-object.ts';

/** Pod, ReplicaSet, Deployment: nothing is nested deeper by the controllers of a cluster. */
const depthMax = 5;

export interface TraceDeps {
  readonly records: (name: ObjectName) => AsyncIterable<AdmittedRecord | null> | Iterable<AdmittedRecord | null>;
  readonly exclusions: readonly Exclusion[];
  readonly acceptedThrough: () => bigint | undefined;
  /** What a kind of this apiVersion is served as. */
  readonly resourceOf: (apiVersion: string, kind: string) => WatchedResource | undefined;
  /** What this observer knows of a followed object, also if it went away lately. */
  readonly known: (uid: string) => 'judged' | 'waiting' | undefined;
  /** The object as it is now; undefined if there is none. */
  readonly live: (resource: WatchedResource, name: ObjectName) => Promise<JsonObject | undefined>;
}

/** `absent`: what should have made it is not there, and was not seen; it may be on its way. */
export type Trace = 'traced' | 'waiting' | 'absent' | 'untraced';

/**
 * Whether what a controller made leads back to something that was admitted: its controller's uid to a record, or to an object that was there before anything was
 * expected, or over that one's own controller. What is itself found counts: its finding is about what was made of it too.
 */
export async function trace(
  deps: TraceDeps,
  { namespace, name }: Pick<ObjectName, 'namespace' | 'name'>,
  resource: WatchedResource,
  object: JsonObject,
  depth = 0,
): Promise<Trace> {
  const maker = makerOf(resource, name, object);
  if (maker === undefined || (namespace === 'default' && name === 'kubernetes')) return 'traced';
  if (depth === depthMax) return 'untraced';
  const known = maker.uid === undefined ? undefined : deps.known(maker.uid);
  if (known !== undefined) return known === 'judged' ? 'traced' : 'waiting';
  const served = deps.resourceOf(maker.apiVersion, maker.kind);
  if (served === undefined) return 'absent';
  const { group, resource: plural } = served;
  const owner = { group, resource: plural, namespace: served.namespaced ? namespace : '', name: maker.name };
  for await (const record of deps.records(owner)) {
    if (record === null) return 'traced';
    const { uid, operation, subresource } = record.attestation.attributes;
    const isMaking = subresource === '' && (operation === 'CREATE' || operation === 'UPDATE');
    if (isMaking && (maker.uid === undefined || uid === maker.uid)) return 'traced';
  }
  const live = await deps.live(served, owner);
  if (live === undefined || (maker.uid !== undefined && textAt(live, 'metadata', 'uid') !== maker.uid)) return 'absent';
  const version = textAt(live, 'metadata', 'resourceVersion');
  if (/^\d+$/.test(version) && BigInt(version) <= (deps.acceptedThrough() ?? 0n)) return 'traced';
  if (!explainedBy(deps.exclusions, 'CREATE', served, live, null)) return 'untraced';
  return trace(deps, owner, served, live, depth + 1);
}

export interface Maker {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Undefined where nothing names it: Endpoints belong to the Service of their name. */
  readonly uid?: string;
}

export function makerOf({ group, resource }: WatchedResource, name: string, object: JsonObject): Maker | undefined {
  const owners = (object['metadata'] as JsonObject | undefined)?.['ownerReferences'];
  const list = Array.isArray(owners) ? (owners as Json[]) : [];
  const owner = list.find((one) => one !== null && typeof one === 'object' && (one as JsonObject)['controller'] === true);
  if (owner !== undefined) {
    const shown = owner as JsonObject;
    return {
      apiVersion: textAt(shown, 'apiVersion'),
      kind: textAt(shown, 'kind'),
      name: textAt(shown, 'name'),
      uid: textAt(shown, 'uid'),
    };
  }
  const service = { apiVersion: 'v1', kind: 'Service' };
  if (group === '' && resource === 'endpoints') return { ...service, name };
  if (group === 'discovery.k8s.io' && resource === 'endpointslices')
    return { ...service, name: textAt(object, 'metadata', 'labels', 'kubernetes.io/service-name') };
  return undefined;
} // prettier-ignore

/** What makes objects of a resource: followed beside it, so that a maker that came and went is known. */
const MAKERS: Readonly<Record<string, readonly string[]>> = {
  '/pods': ['apps/replicasets', 'apps/statefulsets', 'apps/daemonsets', 'batch/jobs', '/replicationcontrollers'],
  'apps/replicasets': ['apps/deployments'],
  'apps/controllerrevisions': ['apps/statefulsets', 'apps/daemonsets'],
  'batch/jobs': ['batch/cronjobs'],
  'discovery.k8s.io/endpointslices': ['/services'],
  '/endpoints': ['/services'],
  'resource.k8s.io/resourceclaims': ['/pods'],
  '/persistentvolumeclaims': ['/pods', 'apps/statefulsets'],
};

/** Group and resource of what controllers make. */
export const MADE: readonly (readonly [group: string, resource: string])[] = Object.keys(MAKERS).map((key) => {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
});

/** True if objects of the first resource may be made of objects of the second one, directly or not. */
export function isMadeOf(group: string, resource: string, maker: { group: string; resource: string }): boolean {
  const wanted = `${maker.group}/${maker.resource}`;
  const seen = new Set<string>();
  const look = (key: string): boolean => {
    if (seen.has(key)) return false;
    seen.add(key);
    return (MAKERS[key] ?? []).some((made) => made === wanted || look(made));
  };
  return look(`${group}/${resource}`);
}
