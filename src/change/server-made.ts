import { digestName } from '../codec/change-digest.ts';
import type { Json, JsonObject } from '../types/json.ts';
import { at, isList, isObject, jsonEqual, mapAt, member, textAt, withMember } from './json.ts';
import type { Review } from './review.ts';

/** Stands for a value that the server made up on CREATE. No field that gets it may hold such text, so nobody can send it. */
export const SERVER_MADE = '{server-made}';

/** k8s.io/apiserver/pkg/storage/names: five characters of this alphabet behind a base of at most 58. */
const SUFFIX = /^[bcdfghjklmnpqrstvwxz2456789]{5}$/;
const BASE_CHARS_MAX = 58;
const TOKEN_VOLUME = /^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/;

/** True if the name is generateName with the random end that the server appends. */
export function hasGeneratedName(review: Review): boolean {
  if (review.operation !== 'CREATE' || review.subresource !== '') return false;
  const base = textAt(review.object ?? undefined, 'metadata', 'generateName').slice(0, BASE_CHARS_MAX);
  return base !== '' && review.name.startsWith(base) && SUFFIX.test(review.name.slice(base.length));
}

/** The name as it is digested and as redacted values are bound to it. */
export function stableName(review: Review): string {
  return digestName({ name: review.name, generatedName: hasGeneratedName(review) });
}

/**
 * Replaces what the server made up by placeholders, in the normalised object of a CREATE and only where the value is
 * exactly what the server makes: a value that someone gave must stay bound.
 */
export function replaceServerMade(object: JsonObject, review: Review): JsonObject {
  if (review.operation !== 'CREATE' || review.subresource !== '' || review.object === null) return object;
  const named = hasGeneratedName(review) ? mapAt(object, ['metadata', 'name'], () => stableName(review)) : object;
  if (review.group === '' && review.resource === 'pods') return replaceTokenVolume(named);
  if (review.group === 'batch' && review.resource === 'jobs') return replaceJobIdentity(named, review);
  if (review.group === '' && review.resource === 'services') return replaceServiceAllocations(named, review.object);
  return named;
}

// --- Job: the selector that the server makes is the Job's own fresh uid, in these places and no others.

const JOB_UID_PLACES = [
  ['spec', 'selector', 'matchLabels', 'batch.kubernetes.io/controller-uid'],
  ['spec', 'selector', 'matchLabels', 'controller-uid'],
  ['spec', 'template', 'metadata', 'labels', 'batch.kubernetes.io/controller-uid'],
  ['spec', 'template', 'metadata', 'labels', 'controller-uid'],
  ['metadata', 'labels', 'batch.kubernetes.io/controller-uid'],
  ['metadata', 'labels', 'controller-uid'],
];
const JOB_NAME_PLACES = [
  ['spec', 'template', 'metadata', 'labels', 'batch.kubernetes.io/job-name'],
  ['spec', 'template', 'metadata', 'labels', 'job-name'],
  ['metadata', 'labels', 'batch.kubernetes.io/job-name'],
  ['metadata', 'labels', 'job-name'],
];

function replaceJobIdentity(object: JsonObject, review: Review): JsonObject {
  const uid = textAt(review.object ?? undefined, 'metadata', 'uid');
  let result = object;
  // The uid is made for this request: who sent it could not have known it.
  for (const place of JOB_UID_PLACES) {
    result = mapAt(result, place, (value) => (uid !== '' && value === uid ? SERVER_MADE : value));
  }
  if (!hasGeneratedName(review)) return result;
  for (const place of JOB_NAME_PLACES) {
    result = mapAt(result, place, (value) => (value === review.name ? stableName(review) : value));
  }
  return result;
}

// --- Pod: the volume with the ServiceAccount's token. A volume of exactly this content means the same under any name.

function replaceTokenVolume(pod: JsonObject): JsonObject {
  const volumes = at(pod, 'spec', 'volumes');
  if (!isList(volumes)) return pod;
  const made = volumes.filter(isTokenVolume);
  const name = made.length === 1 ? textAt(made[0], 'name') : '';
  if (name === '') return pod;
  const stable = digestName({ name, generatedName: true });
  const rename = (element: Json): Json =>
    isObject(element) && element['name'] === name ? withMember(element, 'name', stable) : element;
  const renameMounts = (container: Json): Json =>
    isObject(container) ? mapAt(container, ['volumeMounts'], (mounts) => eachOf(mounts, rename)) : container;
  let result = mapAt(pod, ['spec', 'volumes'], (list) =>
    eachOf(list, (volume) => (isTokenVolume(volume) ? rename(volume) : volume)),
  );
  for (const field of ['containers', 'initContainers']) {
    result = mapAt(result, ['spec', field], (list) => eachOf(list, renameMounts));
  }
  return result;
}

/** plugin/pkg/admission/serviceaccount: TokenVolumeSource(). */
function isTokenVolume(volume: Json): boolean {
  if (!isObject(volume) || !TOKEN_VOLUME.test(textAt(volume, 'name')) || Object.keys(volume).length !== 2) return false;
  return jsonEqual(member(volume, 'projected'), {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  });
}

// --- Service: addresses and ports. Whether they were given or allocated shows in managedFields alone: the server takes them
// from what was sent, before it allocates, and a sender cannot keep a field out of them. Without them the value stays bound.

function replaceServiceAllocations(service: JsonObject, sent: JsonObject): JsonObject {
  const owners = specOwners(sent);
  if (owners.length === 0) return service;
  const isGiven = (field: string): boolean => owners.some((owner) => member(owner, `f:${field}`) !== undefined);
  let result = service;
  if (!isGiven('clusterIP') && !isGiven('clusterIPs')) {
    const placeholder = (value: Json): Json => (isAddress(value) ? SERVER_MADE : value);
    result = mapAt(result, ['spec', 'clusterIP'], placeholder);
    result = mapAt(result, ['spec', 'clusterIPs'], (list) => eachOf(list, placeholder));
  }
  if (!isGiven('healthCheckNodePort')) result = mapAt(result, ['spec', 'healthCheckNodePort'], portPlaceholder);
  return mapAt(result, ['spec', 'ports'], (ports) =>
    eachOf(ports, (port) =>
      isObject(port) && !isNodePortGiven(owners, port) ? mapAt(port, ['nodePort'], portPlaceholder) : port,
    ),
  );
}

/** The `f:spec` sets of all managers. */
function specOwners(sent: JsonObject): readonly JsonObject[] {
  const managers = at(sent, 'metadata', 'managedFields');
  if (!isList(managers)) return [];
  return managers.map((manager) => at(manager, 'fieldsV1', 'f:spec')).filter(isObject);
}

/**
 * A port's entry is `k:{"port":80,"protocol":"TCP"}`. Given unless a manager describes this very port and none of those
 * that do owns its node port: whatever cannot be read like that stays bound.
 */
function isNodePortGiven(owners: readonly JsonObject[], port: JsonObject): boolean {
  const key = `k:${JSON.stringify({ port: port['port'], protocol: port['protocol'] })}`;
  const entries = owners.map((owner) => at(owner, 'f:ports', key)).filter(isObject);
  const isDescribed = entries.some((entry) => Object.hasOwn(entry, 'f:port'));
  return !isDescribed || entries.some((entry) => Object.hasOwn(entry, 'f:nodePort'));
}

/** Not `None`, which only a sender gives. */
function isAddress(value: Json): boolean {
  return typeof value === 'string' && /^[0-9a-fA-F.:]+$/.test(value);
}

function portPlaceholder(value: Json): Json {
  return typeof value === 'number' && value > 0 ? SERVER_MADE : value;
}

function eachOf(list: Json, change: (element: Json) => Json): Json {
  return isList(list) ? list.map(change) : list;
}
