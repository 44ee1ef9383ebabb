import { canonicalText, parseJson } from '../codec/index.ts';
import { attestRequest, textAt, type AttestContext, type Exclusion } from '../change/index.ts';
import type { FoundObject, FoundReason } from '../types/finding.ts';
import type { ChangeAttestation } from '../types/change.ts';
import type { Json, JsonObject } from '../types/json.ts';
import { comparable } from './comparable.ts';
import { explainedBy } from './explanation.ts';
import type { ObjectSink, WatchedResource } from './resource-watch.ts';

/**
 * The API server stores only after the decision, but this node may see the object before it has executed that block, and the body comes from another node.
 * What has no record after this long has none.
 */
const graceMs = 2_000;
/** An admitted body that nobody shows: whoever attested it may be dead, or lie. */
const withheldMs = 20_000;
/** Versions of one object that wait to be judged. */
const versionsMax = 16;

interface Deps {
  /** Admitted records of an object, newest first. Of its last versions: not all of its history is needed. */
  readonly records: (name: ObjectName) => readonly ChangeAttestation[];
  /** A body that is what the attestation commits to; undefined if nobody shows it. */
  readonly body: (attestation: ChangeAttestation) => Promise<Uint8Array | undefined>;
  readonly context: () => AttestContext | undefined;
  readonly exclusions: readonly Exclusion[];
  /** Objects that have not changed since this resourceVersion are accepted; undefined while nothing is expected. */
  readonly acceptedThrough: () => bigint | undefined;
  /** Whether an autoscaler sets the replicas of this object. */
  readonly isScaled: (namespace: string, kind: string, name: string) => Promise<boolean>;
  readonly now: () => number;
}

export interface ObjectName {
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

interface Version {
  readonly resourceVersion: bigint;
  /** The version before it; null if it may have been missed. */
  readonly previous: string | null;
  readonly seenMs: number;
  readonly isDeleted: boolean;
  /** By served version: each is watched on its own. */
  readonly objects: Map<string, { readonly resource: WatchedResource; readonly object: JsonObject }>;
}

interface Item {
  readonly name: ObjectName;
  readonly uid: string;
  waiting: Version[];
  last: bigint;
  /** What was last found in order. */
  good: { readonly version: string; readonly object: JsonObject } | undefined;
  problem: FoundObject | undefined;
}

type Verdict = 'good' | 'wait' | FoundReason;

/**
 * Every version of every followed object has a record that admitted exactly it, or was written by the control plane under an exclusion; whatever has neither is
 * found. A version that was seen as it came must also stand on the version that its record was admitted against, so nothing old can be written again.
 */
export class Attribution implements ObjectSink {
  readonly #d: Deps;
  readonly #items = new Map<string, Item>();
  /** Found and gone or overwritten since: kept until it was reported. */
  readonly #past = new Map<string, FoundObject>();
  #highest = 0n;
  #compared = 0;
  #uncompared = 0;
  #working = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** Objects compared, and those of which only that there is a record could be said. */
  get counts(): { readonly compared: number; readonly uncompared: number } {
    return { compared: this.#compared, uncompared: this.#uncompared };
  }

  /** Everything up to here was seen. */
  get throughVersion(): string {
    return String(this.#highest);
  }

  get isBusy(): boolean {
    return [...this.#items.values()].some(({ waiting }) => waiting.length > 0);
  }

  /** What is there, and what was there and has not been reported, oldest first. */
  problems(): readonly FoundObject[] {
    const accepted = this.#d.acceptedThrough() ?? 0n;
    const present = [...this.#items.values()].flatMap(({ problem }) => problem ?? []);
    return [...this.#past.values(), ...present].filter(({ resourceVersion }) => BigInt(resourceVersion) > accepted);
  }

  /** The report that names these is on the log: what is gone need not be kept. A deletion stays, until it is ratified. */
  reported(objects: readonly FoundObject[]): void {
    for (const object of objects) if (object.reason !== 'deleted') this.#past.delete(keyOfFound(object));
  }

  listed(resource: WatchedResource, objects: readonly JsonObject[]): void {
    const there = new Set<string>();
    for (const object of objects) {
      there.add(itemKey(resource, uidOf(object)));
      this.#saw(resource, object, false, null);
    }
    const prefix = `${resource.group}/${resource.resource}/`;
    for (const [key, item] of this.#items) if (key.startsWith(prefix) && !there.has(key)) this.#drop(key, item);
  }

  changed(resource: WatchedResource, object: JsonObject, isDeleted: boolean): void {
    const last = this.#items.get(itemKey(resource, uidOf(object)))?.last;
    this.#saw(resource, object, isDeleted, last === undefined ? null : String(last));
  }

  #saw(resource: WatchedResource, object: JsonObject, isDeleted: boolean, previous: string | null): void {
    const uid = uidOf(object);
    const text = textAt(object, 'metadata', 'resourceVersion');
    if (uid === '' || !/^\d+$/.test(text)) return;
    const resourceVersion = BigInt(text);
    const key = itemKey(resource, uid);
    const item = this.#items.get(key) ?? newItem(resource, object);
    this.#items.set(key, item);
    const seen = { resource, object };
    const known = item.waiting.find((version) => version.resourceVersion === resourceVersion);
    if (known !== undefined) return void known.objects.set(resource.version, seen);
    if (resourceVersion <= item.last) return;
    item.last = resourceVersion;
    if (resourceVersion > this.#highest) this.#highest = resourceVersion;
    const objects = new Map([[resource.version, seen]]);
    item.waiting.push({ resourceVersion, previous, seenMs: this.#d.now(), isDeleted, objects });
    if (item.waiting.length > versionsMax) item.waiting.shift();
  }

  /** Judges what waits; what cannot be said yet waits on. */
  async evaluate(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      const accepted = this.#d.acceptedThrough();
      if (accepted === undefined || this.#d.context() === undefined) return;
      for (const [key, item] of this.#items) {
        while (item.waiting[0] !== undefined) {
          const version = item.waiting[0];
          const verdict = version.resourceVersion <= accepted ? 'good' : await this.#judge(item, version);
          if (verdict === 'wait') break;
          item.waiting = item.waiting.filter((other) => other !== version);
          this.#settle(key, item, version, verdict);
        }
      }
    } finally {
      this.#working = false;
    }
  }

  #settle(key: string, item: Item, version: Version, verdict: Exclude<Verdict, 'wait'>): void {
    this.#compared += 1;
    if (item.problem !== undefined) this.#past.set(keyOfFound(item.problem), item.problem);
    const { resourceVersion } = version;
    const found =
      verdict === 'good'
        ? undefined
        : { ...item.name, uid: item.uid, resourceVersion: String(resourceVersion), reason: verdict };
    item.problem = found;
    const [first] = version.objects;
    if (found === undefined && first !== undefined) item.good = { version: first[0], object: first[1].object };
    if (!version.isDeleted) return;
    if (found !== undefined) this.#past.set(keyOfFound(found), found);
    this.#items.delete(key);
  }

  /** Not in a list any more: when it went was not seen, only that it is gone. */
  #drop(key: string, item: Item): void {
    const isLegal = this.#d.acceptedThrough() === undefined || this.#isDeletionKnown(item, item.good?.object);
    const found: FoundObject = { ...item.name, uid: item.uid, resourceVersion: String(item.last), reason: 'deleted' };
    if (item.problem !== undefined) this.#past.set(keyOfFound(item.problem), item.problem);
    if (!isLegal) this.#past.set(keyOfFound(found), found);
    this.#items.delete(key);
  }

  async #judge(item: Item, version: Version): Promise<Verdict> {
    const waitedMs = this.#d.now() - version.seenMs;
    const [first] = version.objects.values();
    if (first === undefined) return 'good';
    const { resource, object } = first;
    if (version.isDeleted)
      return this.#isDeletionKnown(item, object) ? 'good' : waitedMs < graceMs ? 'wait' : 'deleted';
    const { good } = item;
    if (good !== undefined && version.previous !== null) {
      const same = version.objects.get(good.version);
      // Bookkeeping or status: nothing that a record would be about.
      if (same !== undefined && this.#text(same.resource, same.object) === this.#text(same.resource, good.object))
        return 'good';
    }
    const records = this.#d.records(item.name).filter(({ attributes }) => attributes.uid === item.uid);
    const isTerminating = textAt(object, 'metadata', 'deletionTimestamp') !== '';
    if (isTerminating && this.#isDeletionKnown(item, object)) return 'good';
    let isWithheld = false;
    for (const record of records) {
      const verdict = await this.#compare(record, version);
      if (verdict === 'same') return 'good';
      if (verdict === 'withheld') isWithheld = true;
    }
    if (good === undefined && explainedBy(this.#d.exclusions, 'CREATE', resource, object, null)) return 'good';
    if (good !== undefined) {
      if (explainedBy(this.#d.exclusions, 'UPDATE', resource, object, good.object)) return 'good';
      if (await this.#isScaled(object, good.object, item.name)) return 'good';
    } else if (await this.#isExplainedSince(records, version)) return 'good';
    if (isWithheld) return waitedMs < withheldMs ? 'wait' : 'content-withheld';
    if (waitedMs < graceMs) return 'wait';
    const isRecorded = records.some(
      ({ attributes }) => attributes.operation === 'CREATE' || attributes.operation === 'UPDATE',
    );
    return isRecorded ? 'other-content' : 'no-record';
  }

  async #compare(record: ChangeAttestation, version: Version): Promise<'same' | 'other' | 'withheld'> {
    const { operation, subresource, resourceVersion } = record.attributes;
    if (operation === 'DELETE' || operation === 'CONNECT') return 'other';
    const isBase = version.previous === null || resourceVersion === version.previous;
    if (subresource !== '') {
      // Its object is not the stored one; that the very next version is its is what optimistic concurrency gives.
      if (!isBase) return 'other';
      this.#uncompared += 1;
      return 'same';
    }
    const seen = version.objects.get(record.attributes.version);
    if (seen === undefined || !isBase) return 'other';
    const body = await this.#d.body(record);
    if (body === undefined) return 'withheld';
    return this.#text(seen.resource, seen.object, operation) === textOfBody(body) ? 'same' : 'other';
  }

  /** After an absence only the present is known: it may be what was admitted last and what the control plane made of it. */
  async #isExplainedSince(records: readonly ChangeAttestation[], version: Version): Promise<boolean> {
    for (const record of records) {
      const { operation, subresource, version: served } = record.attributes;
      const seen = version.objects.get(served);
      if (subresource !== '' || seen === undefined || (operation !== 'CREATE' && operation !== 'UPDATE')) continue;
      const body = await this.#d.body(record);
      if (body === undefined) continue;
      const before = newObjectOf(body);
      const after = this.#normal(seen.resource, seen.object, operation);
      if (after === null || before === null) return false;
      const { namespace, name } = record.attributes;
      if (explainedBy(this.#d.exclusions, 'UPDATE', seen.resource, after, before)) return true;
      return this.#isScaled(after, before, { namespace, name });
    }
    return false;
  }

  async #isScaled(
    after: JsonObject,
    before: JsonObject,
    { namespace, name }: Pick<ObjectName, 'namespace' | 'name'>,
  ): Promise<boolean> {
    if (canonicalText(withoutReplicas(after)) !== canonicalText(withoutReplicas(before))) return false;
    return this.#d.isScaled(namespace, textAt(after, 'kind'), name);
  }

  /** A DELETE of the object, of its namespace, or of what owns it, or a finished eviction. */
  #isDeletionKnown({ name, uid }: Item, object: JsonObject | undefined): boolean {
    const owners = (object?.['metadata'] as JsonObject | undefined)?.['ownerReferences'];
    if (Array.isArray(owners) && owners.length > 0) return true;
    const isDeletion = ({ attributes: { operation, subresource } }: ChangeAttestation): boolean =>
      operation === 'DELETE' || subresource === 'eviction';
    if (this.#d.records(name).some((record) => isDeletion(record) && ['', uid].includes(record.attributes.uid)))
      return true;
    if (name.namespace !== '' && name.resource !== 'namespaces') {
      const namespace = { group: '', resource: 'namespaces', namespace: name.namespace, name: name.namespace };
      if (this.#d.records(namespace).some(isDeletion)) return true;
    }
    return this.#d.exclusions.length > 0 && object !== undefined && this.#isRemovedByControlPlane(name, object);
  }

  #isRemovedByControlPlane(name: ObjectName, object: JsonObject): boolean {
    const resource = {
      group: name.group,
      version: '',
      resource: name.resource,
      kind: '',
      namespaced: name.namespace !== '',
    };
    return explainedBy(this.#d.exclusions, 'DELETE', resource, null, object);
  }

  #text(resource: WatchedResource, object: JsonObject, operation: 'CREATE' | 'UPDATE' = 'UPDATE'): string {
    const normal = this.#normal(resource, object, operation);
    return normal === null ? '' : canonicalText(comparable(normal));
  }

  /** As a review of it would be committed to; null if it cannot be made. */
  #normal(resource: WatchedResource, object: JsonObject, operation: 'CREATE' | 'UPDATE'): JsonObject | null {
    const context = this.#d.context();
    if (context === undefined) return null;
    const metadata = (object['metadata'] ?? {}) as JsonObject;
    const { group, version, resource: plural, kind } = resource;
    const request: Json = {
      uid: 'observer',
      kind: { group, version, kind },
      resource: { group, version, resource: plural },
      name: metadata['name'] ?? '',
      namespace: metadata['namespace'] ?? '',
      operation,
      userInfo: { username: 'observer', groups: [] },
      object,
      oldObject: operation === 'CREATE' ? null : object,
      dryRun: false,
      options: null,
    };
    return newObjectOf(attestRequest(request, context).body);
  }
}

function newItem({ group, resource, namespaced }: WatchedResource, object: JsonObject): Item {
  const name = textAt(object, 'metadata', 'name');
  // The API server reviews a Namespace as being in itself.
  const own = !namespaced && group === '' && resource === 'namespaces' ? name : '';
  const namespace = textAt(object, 'metadata', 'namespace') || own;
  return {
    name: { group, resource, namespace, name },
    uid: uidOf(object),
    waiting: [],
    last: -1n,
    good: undefined,
    problem: undefined,
  };
}

function uidOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'uid');
}

function itemKey({ group, resource }: WatchedResource, uid: string): string {
  return `${group}/${resource}/${uid}`;
}

export function keyOfFound({ group, resource, uid, resourceVersion, reason }: FoundObject): string {
  return `${group}/${resource}/${uid}/${resourceVersion}/${reason}`;
}

function newObjectOf(body: Uint8Array): JsonObject | null {
  return (parseJson(body) as unknown as { readonly change: { readonly new: JsonObject | null } }).change.new;
}

function textOfBody(body: Uint8Array): string {
  return canonicalText(comparable(newObjectOf(body)));
}

function withoutReplicas(object: JsonObject): Json {
  const { metadata, spec, status: _status, ...rest } = object as Record<string, Json>;
  const { resourceVersion: _v, generation: _g, managedFields: _m, ...meta } = (metadata ?? {}) as Record<string, Json>;
  const { replicas: _r, ...kept } = (spec ?? {}) as Record<string, Json>;
  return { ...rest, metadata: meta, spec: kept };
}
