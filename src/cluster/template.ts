import { canonicalText, parseJson } from '../codec/index.ts';
import { TEMPLATED, textAt, type AttestContext } from '../change/index.ts';
import { isChainError } from '../errors/chain-error.ts';
import type { Json, JsonObject } from '../types/json.ts';
import type { JudgeDeps } from './judge.ts';
import { normalObject } from './normal-object.ts';
import type { WatchedResource } from './resource-watch.ts';
import { makerOf } from './trace.ts';
import type { ObjectName, ShownObject } from './tracked-object.ts';

export interface TemplateDeps {
  /** A followed object as it was judged last. */
  readonly shown: (uid: string) => ShownObject | undefined;
  /** Whether a webhook or a policy may change such objects when they are made: then what was made says nothing of who made it. */
  readonly isRewritten: (group: string, resource: string) => Promise<boolean>;
}

/** `unknown`: there is nothing to compare with, or it would prove nothing. */
export type Likeness = 'same' | 'other' | 'unknown';

/** Containers: what runs, with what rights, and on which data. Left out: resources and pull policy, which plugins of the API server fill in, and ports. */
const CONTAINER = [
  ...['name', 'image', 'command', 'args', 'workingDir', 'env', 'envFrom', 'securityContext', 'volumeMounts'],
  ...['volumeDevices', 'lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'],
];
/** Left out: where and when it runs, which scheduler, quotas, classes and the DaemonSet controller decide. */
const POD = [
  ...['hostNetwork', 'hostPID', 'hostIPC', 'hostUsers', 'shareProcessNamespace', 'securityContext', 'runtimeClassName'],
  ...['automountServiceAccountToken', 'hostAliases', 'dnsPolicy', 'dnsConfig', 'os'],
];
/** As the server's own token volume is written in a normalised object: under another name, or with other content, it is an ordinary volume. */
const TOKEN_VOLUME = 'kube-api-access-*****';
/** Each Pod of an indexed Job has one. */
const JOB_INDEX = 'JOB_COMPLETION_INDEX';

/**
 * Whether what a controller made is what its owner asks for. Who writes under a controller's name may name any approved owner; what runs in the Pod is then
 * still not what was approved. The owner's template may have moved on since, so every one that was admitted is as good as the present one.
 */
export async function likeness(
  deps: JudgeDeps,
  { namespace, name }: ObjectName,
  resource: WatchedResource,
  object: JsonObject,
): Promise<Likeness> {
  const maker = makerOf(resource, name, object);
  const context = deps.context();
  if (!isTemplated(resource) || maker?.uid === undefined || context === undefined) return 'same';
  const served = deps.resourceOf(maker.apiVersion, maker.kind);
  if (served === undefined) return 'unknown';
  const child = normal(resource, object, 'CREATE', context);
  if (child === undefined) return 'unknown';
  let isCompared = false;
  const owner = { group: served.group, resource: served.resource, namespace, name: maker.name };
  for await (const made of ownersAsTheyWere(deps, served, owner, maker.uid, context)) {
    if (made === 'unknown') return 'unknown';
    isCompared = true;
    if (workOf(resource, child, made) === workAsked(resource, made)) return 'same';
  }
  if (!isCompared || (await deps.isRewritten(resource.group, resource.resource))) return 'unknown';
  return 'other';
}

const isTemplated = ({ group, resource }: WatchedResource): boolean =>
  (TEMPLATED as readonly string[]).includes(`${group}/${resource}`);

/** As it was seen last, as it is now, and as it was on both sides of each admitted change. */
async function* ownersAsTheyWere(
  deps: JudgeDeps,
  served: WatchedResource,
  owner: ObjectName,
  uid: string,
  context: AttestContext,
): AsyncGenerator<JsonObject | 'unknown'> {
  const seen = deps.shown(uid);
  const last = seen === undefined ? undefined : normal(seen.resource, seen.object, 'UPDATE', context);
  if (last !== undefined) yield last;
  const live = await deps.live(served, owner);
  const now =
    live === undefined || textAt(live, 'metadata', 'uid') !== uid ? undefined : normal(served, live, 'UPDATE', context);
  if (now !== undefined) yield now;
  for await (const record of deps.records(owner)) {
    if (record === null) return yield 'unknown';
    const { uid: target, operation, subresource } = record.attestation.attributes;
    if (target !== uid || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) continue;
    const body = await deps.body(record);
    if (typeof body === 'string') return yield 'unknown';
    const { change } = parseJson(body) as unknown as { change: { old: JsonObject | null; new: JsonObject | null } };
    for (const side of [change.new, change.old]) if (side !== null) yield side;
    if (operation === 'CREATE') return;
  }
}

/** Undefined for what no review could be attested of. */
function normal(
  resource: WatchedResource,
  object: JsonObject,
  operation: 'CREATE' | 'UPDATE',
  context: AttestContext,
): JsonObject | undefined {
  try {
    return normalObject(resource, object, operation, context) ?? undefined;
  } catch (error) {
    if (isChainError(error)) return undefined;
    throw error;
  }
}

function templateOf(owner: JsonObject): JsonObject {
  const spec = part(owner, 'spec');
  return owner['kind'] === 'CronJob'
    ? part(part(part(spec, 'jobTemplate'), 'spec'), 'template')
    : part(spec, 'template');
}

function workAsked({ resource }: WatchedResource, owner: JsonObject): string {
  const template = templateOf(owner);
  return resource === 'pods'
    ? canonicalText(podWork(part(template, 'spec'), owner, undefined))
    : templateText(template);
}

function workOf({ resource }: WatchedResource, child: JsonObject, owner: JsonObject): string {
  const spec = part(child, 'spec');
  return resource === 'pods'
    ? canonicalText(podWork(spec, owner, textAt(child, 'metadata', 'name')))
    : templateText(part(spec, 'template'));
}

/** Controllers add labels to what they copy. */
function templateText(template: JsonObject): string {
  const annotations = part(template, 'metadata')['annotations'] ?? null;
  return canonicalText({ spec: template['spec'] ?? null, annotations });
}

/** `name` of the Pod; undefined for a template. */
function podWork(spec: JsonObject, owner: JsonObject, name: string | undefined): Json {
  const claims = list(part(owner, 'spec')['volumeClaimTemplates']).map((claim) => textAt(claim, 'metadata', 'name'));
  const isClaim = (volume: JsonObject): boolean => {
    const called = textAt(volume, 'name');
    const claimed = textAt(volume, 'persistentVolumeClaim', 'claimName');
    return claims.includes(called) && (name === undefined || claimed === `${called}-${name}`);
  };
  const isToken = (value: JsonObject): boolean => textAt(value, 'name') === TOKEN_VOLUME;
  const containers = (key: string): Json =>
    list(spec[key]).map((container) => ({
      ...picked(container, CONTAINER),
      volumeMounts: list(container['volumeMounts']).filter((mount) => !isToken(mount)),
      env: list(container['env']).filter((one) => owner['kind'] !== 'Job' || textAt(one, 'name') !== JOB_INDEX),
    }));
  return {
    ...picked(spec, POD),
    serviceAccountName: textAt(spec, 'serviceAccountName') || 'default',
    containers: containers('containers'),
    initContainers: containers('initContainers'),
    volumes: list(spec['volumes']).filter((volume) => !isToken(volume) && !isClaim(volume)),
  };
}

function picked(object: JsonObject, keys: readonly string[]): Readonly<Record<string, Json>> {
  return Object.fromEntries(keys.map((key) => [key, object[key] ?? null]));
}

function part(object: JsonObject, key: string): JsonObject {
  const value = object[key];
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as JsonObject) : {};
}

function list(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}
