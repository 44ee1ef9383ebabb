import type { Json, JsonObject } from '../types/json.ts';
import { at, isList, isObject, jsonEqual, textAt } from './json.ts';
import type { Review } from './review.ts';

/**
 * A condition in both of its forms, which must agree: CEL for the API server's matchConditions, and code for the webhook.
 * In CEL a field that may be absent needs has(); `object` is null for DELETE and `oldObject` for CREATE.
 */
export interface Condition {
  readonly cel: string;
  readonly holds: (review: Review) => boolean;
}

const objectsOf = (review: Review): readonly JsonObject[] =>
  [review.object, review.oldObject].filter((object) => object !== null);

const textList = (values: readonly string[]): string => `[${values.map((value) => `'${value}'`).join(', ')}]`;

/** A controller of one of these kinds owns the object, before or after: also while it is adopted or let go. */
export function controlledBy(...kinds: readonly string[]): Condition {
  const owned = (name: string): string =>
    `(${name} != null && has(${name}.metadata.ownerReferences) && ${name}.metadata.ownerReferences.exists(o, o.kind in ${textList(kinds)} && has(o.controller) && o.controller))`;
  return {
    cel: `(${owned('object')} || ${owned('oldObject')})`,
    holds: (review) =>
      objectsOf(review).some((object) => {
        const owners = at(object, 'metadata', 'ownerReferences');
        return (
          isList(owners) &&
          owners.some((owner) => kinds.includes(textAt(owner, 'kind')) && at(owner, 'controller') === true)
        );
      }),
  };
}

/** UPDATE or DELETE of an object that names an owner. */
export const hadOwner: Condition = {
  cel: `(has(oldObject.metadata.ownerReferences) && size(oldObject.metadata.ownerReferences) > 0)`,
  holds: ({ oldObject }) => isFilledList(at(oldObject ?? undefined, 'metadata', 'ownerReferences')),
};

/** The garbage collector's own finalizers are on the object, which is being deleted. */
export const hadCollectorFinalizer: Condition = {
  cel: `(has(oldObject.metadata.deletionTimestamp) && has(oldObject.metadata.finalizers) && oldObject.metadata.finalizers.exists(f, f in ['orphan', 'foregroundDeletion']))`,
  holds: ({ oldObject }) => {
    const finalizers = at(oldObject ?? undefined, 'metadata', 'finalizers');
    if (!isTerminating(oldObject) || !isList(finalizers)) return false;
    return finalizers.some((finalizer) => finalizer === 'orphan' || finalizer === 'foregroundDeletion');
  },
};

/** UPDATE: nothing but metadata and status differs. */
export const metadataOnly: Condition = {
  cel: `(object.all(k, k in ['metadata', 'status'] || (k in oldObject && object[k] == oldObject[k])) && oldObject.all(k, k in ['metadata', 'status'] || k in object))`,
  holds: ({ object, oldObject }) => sameBut(object ?? undefined, oldObject ?? undefined, ['metadata', 'status']),
};

/** UPDATE of a node: of its spec nothing but taints differs. */
export const taintsOnly: Condition = {
  cel: `(has(object.spec) && has(oldObject.spec) && object.spec.all(k, k == 'taints' || (k in oldObject.spec && object.spec[k] == oldObject.spec[k])) && oldObject.spec.all(k, k == 'taints' || k in object.spec))`,
  holds: ({ object, oldObject }) =>
    sameBut(at(object ?? undefined, 'spec'), at(oldObject ?? undefined, 'spec'), ['taints']),
};

/** The object is being deleted already. */
export const wasTerminating: Condition = {
  cel: `has(oldObject.metadata.deletionTimestamp)`,
  holds: ({ oldObject }) => isTerminating(oldObject),
};

/** The kubelet's image of a pod from a file of the node. */
export const isMirrorPod: Condition = {
  cel: `((object != null && has(object.metadata.annotations) && 'kubernetes.io/config.mirror' in object.metadata.annotations) || (oldObject != null && has(oldObject.metadata.annotations) && 'kubernetes.io/config.mirror' in oldObject.metadata.annotations))`,
  holds: (review) =>
    objectsOf(review).some(
      (object) => at(object, 'metadata', 'annotations', 'kubernetes.io/config.mirror') !== undefined,
    ),
};

/** The name is the calling node's own. */
export const isOwnNode: Condition = {
  cel: `(has(request.name) && request.userInfo.username == 'system:node:' + request.name)`,
  holds: ({ name, user }) => name !== '' && user === `system:node:${name}`,
};

/** The pod runs on the calling node. */
export const isPodOfOwnNode: Condition = {
  cel: `((oldObject != null && has(oldObject.spec.nodeName) && request.userInfo.username == 'system:node:' + oldObject.spec.nodeName) || (oldObject == null && object != null && has(object.spec.nodeName) && request.userInfo.username == 'system:node:' + object.spec.nodeName))`,
  holds: ({ object, oldObject, user }) => {
    const node = textAt(oldObject ?? object ?? undefined, 'spec', 'nodeName');
    return node !== '' && user === `system:node:${node}`;
  },
};

/** TokenRequest for a token that ends with the pod (or Secret, or node) that it is bound to. */
export const isBoundToken: Condition = {
  cel: `(has(object.spec.boundObjectRef) && object.spec.boundObjectRef != null)`,
  holds: ({ object }) => isObject(at(object ?? undefined, 'spec', 'boundObjectRef')),
};

/** A certificate with which a kubelet serves or calls. */
export const isKubeletCertificate: Condition = {
  cel: `(has(object.spec.signerName) && object.spec.signerName in ['kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving'])`,
  holds: ({ object }) =>
    ['kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving'].includes(
      textAt(object ?? undefined, 'spec', 'signerName'),
    ),
};

/** A ClusterRole that is the sum of others, before and after. */
export const isAggregated: Condition = {
  cel: `(has(object.aggregationRule) && has(oldObject.aggregationRule) && object.aggregationRule == oldObject.aggregationRule)`,
  holds: ({ object, oldObject }) => {
    const rule = at(object ?? undefined, 'aggregationRule');
    return rule !== undefined && jsonEqual(rule, at(oldObject ?? undefined, 'aggregationRule'));
  },
};

/** An APIService that the API server itself answers. */
export const isLocalApiService: Condition = {
  cel: `((object == null || !has(object.spec.service)) && (oldObject == null || !has(oldObject.spec.service)))`,
  holds: (review) => objectsOf(review).every((object) => at(object, 'spec', 'service') === undefined),
};

/** A Secret of this type, before the change. */
export function hadSecretType(type: string): Condition {
  return {
    cel: `(has(oldObject.type) && oldObject.type == '${type}')`,
    holds: ({ oldObject }) => textAt(oldObject ?? undefined, 'type') === type,
  };
}

/** A Job that asked to be removed after its end. */
export const hadTimeToLive: Condition = {
  cel: `has(oldObject.spec.ttlSecondsAfterFinished)`,
  holds: ({ oldObject }) => at(oldObject ?? undefined, 'spec', 'ttlSecondsAfterFinished') !== undefined,
};

export function anyOf(...conditions: readonly Condition[]): Condition {
  return {
    cel: `(${conditions.map(({ cel }) => cel).join(' || ')})`,
    holds: (review) => conditions.some(({ holds }) => holds(review)),
  };
}

export function allOf(...conditions: readonly Condition[]): Condition {
  return {
    cel: `(${conditions.map(({ cel }) => cel).join(' && ')})`,
    holds: (review) => conditions.every(({ holds }) => holds(review)),
  };
}

function isTerminating(object: JsonObject | null): boolean {
  return at(object ?? undefined, 'metadata', 'deletionTimestamp') !== undefined;
}

function isFilledList(value: Json | undefined): boolean {
  return isList(value) && value.length > 0;
}

function sameBut(a: Json | undefined, b: Json | undefined, ignored: readonly string[]): boolean {
  if (!isObject(a) || !isObject(b)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every(
    (key) => ignored.includes(key) || jsonEqual(at(a, key), at(b, key)),
  );
}
