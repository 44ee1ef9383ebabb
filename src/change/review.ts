import { ChainError } from '../errors/chain-error.ts';
import { parseJson } from '../codec/index.ts';
import type { Operation } from '../types/change.ts';
import type { Json, JsonObject } from '../types/json.ts';
import { isList, isObject, member, newObject, textAt } from './json.ts';
import {
  GROUPS_MAX,
  NAME_CHARS_MAX,
  OBJECT_NAME_CHARS_MAX,
  RESOURCE_VERSION_CHARS_MAX,
  UID_CHARS_MAX,
  USER_CHARS_MAX,
} from './limits.ts';

/** The request of an AdmissionReview, checked; strings are empty where the review has none. */
export interface Review {
  /** request.uid: fresh for every webhook call. */
  readonly admissionUid: string;
  readonly operation: Operation;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  /** Kind of the object, which for Scale and Eviction is not the resource's. */
  readonly kind: string;
  readonly namespace: string;
  /** request.name, or the object's own where the request has none (deletecollection). */
  readonly name: string;
  readonly user: string;
  readonly groups: readonly string[];
  /** request.dryRun; an eviction hides its own in the object. */
  readonly dryRun: boolean;
  readonly object: JsonObject | null;
  readonly oldObject: JsonObject | null;
  readonly options: JsonObject | null;
}

/** True where the request had no name of its own, as one DELETE of a deletecollection. */
export interface DecodedReview extends Review {
  readonly unnamed: boolean;
}

const OPERATIONS: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'];
/** Kubernetes 1.36, k8s.io/api/admission/v1. */
const REVIEW_FIELDS = ['apiVersion', 'kind', 'request'];
const REQUEST_FIELDS = [
  'uid', 'kind', 'resource', 'subResource', 'requestKind', 'requestResource', 'requestSubResource', 'name',
  'namespace', 'operation', 'userInfo', 'object', 'oldObject', 'dryRun', 'options',
]; // prettier-ignore
const USER_FIELDS = ['username', 'uid', 'groups', 'extra'];

/** A whole AdmissionReview from its bytes. Throws CODEC_ and CHANGE_ codes only. */
export function decodeReview(bytes: Uint8Array): DecodedReview {
  const review = object(parseJson(bytes), '');
  known(review, REVIEW_FIELDS, '');
  if (review['apiVersion'] !== 'admission.k8s.io/v1') throw shape('apiVersion', 'admission.k8s.io/v1');
  if (review['kind'] !== 'AdmissionReview') throw shape('kind', 'AdmissionReview');
  return decodeRequest(member(review, 'request') ?? null);
}

/** The uid of the request, if it can be found at all: an answer must name it, also when the rest is refused. */
export function admissionUidOf(bytes: Uint8Array): string {
  const uid = textAt(parseJson(bytes), 'request', 'uid');
  return uid.length <= UID_CHARS_MAX ? uid : '';
}

/** The `request` member of an AdmissionReview. */
export function decodeRequest(json: Json): DecodedReview {
  const request = object(json, 'request');
  known(request, REQUEST_FIELDS, 'request.');
  const operation = OPERATIONS.find((known) => known === request['operation']);
  if (operation === undefined) throw shape('request.operation', OPERATIONS.join(' or '));
  const kind = object(member(request, 'kind'), 'request.kind');
  const resource = object(member(request, 'resource'), 'request.resource');
  const user = object(member(request, 'userInfo'), 'request.userInfo');
  known(user, USER_FIELDS, 'request.userInfo.');
  const dryRun = member(request, 'dryRun') ?? false;
  if (typeof dryRun !== 'boolean') throw shape('request.dryRun', 'a boolean');

  const objects = {
    object: optionalObject(request, 'object'),
    oldObject: optionalObject(request, 'oldObject'),
    options: optionalObject(request, 'options'),
  };
  requireObjects(operation, objects);
  const requestName = text(request, 'name', 'request.', OBJECT_NAME_CHARS_MAX);
  const subject = objects.object ?? objects.oldObject;
  const review: DecodedReview = {
    admissionUid: requiredText(request, 'uid', 'request.', UID_CHARS_MAX),
    operation,
    group: text(resource, 'group', 'request.resource.', NAME_CHARS_MAX),
    version: requiredText(resource, 'version', 'request.resource.', NAME_CHARS_MAX),
    resource: requiredText(resource, 'resource', 'request.resource.', NAME_CHARS_MAX),
    subresource: text(request, 'subResource', 'request.', NAME_CHARS_MAX),
    kind: requiredText(kind, 'kind', 'request.kind.', NAME_CHARS_MAX),
    namespace: text(request, 'namespace', 'request.', NAME_CHARS_MAX),
    name: requestName === '' ? metadataText(subject, 'name', OBJECT_NAME_CHARS_MAX) : requestName,
    unnamed: requestName === '',
    user: text(user, 'username', 'request.userInfo.', USER_CHARS_MAX),
    groups: groups(member(user, 'groups')),
    dryRun,
    ...objects,
  };
  for (const object of [review.object, review.oldObject]) agree(review, object);
  return review;
}

/** uid of the target: before the change for UPDATE and DELETE, as it will be persisted for CREATE, none for CONNECT. */
export function targetUid(review: Review): string {
  if (review.operation === 'CONNECT') return '';
  return metadataText(review.oldObject ?? review.object, 'uid', UID_CHARS_MAX);
}

/** resourceVersion before the change. */
export function baseVersion(review: Review): string {
  return metadataText(review.oldObject, 'resourceVersion', RESOURCE_VERSION_CHARS_MAX);
}

type Objects = Pick<Review, 'object' | 'oldObject'>;

function requireObjects(operation: Operation, { object, oldObject }: Objects): void {
  if (object === null && operation !== 'DELETE') throw shape('request.object', `an object for ${operation}`);
  if (object !== null && operation === 'DELETE') throw shape('request.object', 'null for DELETE');
  const wantsOld = operation === 'UPDATE' || operation === 'DELETE';
  if ((oldObject !== null) !== wantsOld) {
    throw shape('request.oldObject', `${wantsOld ? 'an object' : 'null'} for ${operation}`);
  }
}

/**
 * What people are shown is the object; what is approved names the request's target. On a resource itself the two must be
 * one; a subresource's object (a Binding, a TokenRequest) may leave its own name out or use it for something else.
 */
function agree(review: Review, object: JsonObject | null): void {
  if (object === null || review.subresource !== '' || review.operation === 'CONNECT') return;
  const name = textAt(object, 'metadata', 'name');
  if (name !== '' && name !== review.name) throw new ChainError('CHANGE_REVIEW_MISMATCH', { field: 'name' });
  const namespace = textAt(object, 'metadata', 'namespace');
  if (namespace !== '' && namespace !== review.namespace) {
    throw new ChainError('CHANGE_REVIEW_MISMATCH', { field: 'namespace' });
  }
}

function groups(json: Json | undefined): readonly string[] {
  if (json === undefined || json === null) return [];
  if (!isList(json)) throw shape('request.userInfo.groups', 'a list of strings');
  if (json.length > GROUPS_MAX) throw new ChainError('CHANGE_LIMIT', { what: 'the number of groups', max: GROUPS_MAX });
  return json.map((group) => {
    if (typeof group !== 'string') throw shape('request.userInfo.groups', 'a list of strings');
    return bounded(group, 'a group', USER_CHARS_MAX);
  });
}

function object(json: Json | undefined, path: string): JsonObject {
  if (!isObject(json)) throw shape(path, 'an object');
  return json;
}

function optionalObject(request: JsonObject, key: string): JsonObject | null {
  const value = member(request, key) ?? null;
  return value === null ? null : object(value, `request.${key}`);
}

function text(json: JsonObject, key: string, prefix: string, charsMax: number): string {
  const value = member(json, key) ?? '';
  if (typeof value !== 'string') throw shape(prefix + key, 'a string');
  return bounded(value, prefix + key, charsMax);
}

function requiredText(json: JsonObject, key: string, prefix: string, charsMax: number): string {
  const value = text(json, key, prefix, charsMax);
  if (value === '') throw shape(prefix + key, 'a string that is not empty');
  return value;
}

function metadataText(object: JsonObject | null, key: string, charsMax: number): string {
  const metadata = member(object ?? newObject(), 'metadata');
  return bounded(textAt(metadata, key), `metadata.${key}`, charsMax);
}

function bounded(value: string, what: string, charsMax: number): string {
  if (value.length > charsMax) throw new ChainError('CHANGE_LIMIT', { what: `the length of ${what}`, max: charsMax });
  return value;
}

function known(json: JsonObject, fields: readonly string[], prefix: string): void {
  const unknown = Object.keys(json).find((key) => !fields.includes(key));
  if (unknown !== undefined) throw new ChainError('CHANGE_REVIEW_FIELD', { path: (prefix + unknown).slice(0, 120) });
}

function shape(path: string, expected: string): ChainError<'CHANGE_REVIEW_SHAPE'> {
  return new ChainError('CHANGE_REVIEW_SHAPE', { path, expected });
}
