import type { Json, JsonObject } from '../types/json.ts';
import type { VerifiedBody } from './body.ts';
import { keyId, type Change, type ElementKey, type Segment } from './difference.ts';
import { isList, isObject, member, newObject, textAt, without, withMember } from './json.ts';
import { isRedacted } from './redact.ts';
import { SERVER_MADE } from './server-made.ts';

/** What a generated name or token volume ends with in a body. */
const GENERATED_END = '*****';
const TOKEN_VOLUME = `kube-api-access-${GENERATED_END}`;

/**
 * The object that asks for exactly the change of this body: of an UPDATE what is there now with the changed fields set, of a CREATE the new one without what the
 * server makes up. A tool that writes the time or a random name asks for another change at each attempt; this does not. Undefined where it cannot be had: a
 * value that the body hides, or a base that lacks what the change is about.
 */
export function replayed({ whole, changes }: VerifiedBody, live: JsonObject | undefined): JsonObject | undefined {
  if (whole.operation === 'CREATE' && whole.new !== null) {
    const made = requestable(whole.new) as JsonObject;
    return hidesSomething(made) ? undefined : made;
  }
  if (whole.operation !== 'UPDATE' || live === undefined) return undefined;
  if (changes.some((change) => 'new' in change && hidesSomething(change.new as Json))) return undefined;
  return withChanges(live, changes);
}

/** Gives back the new object from the old one; undefined if the base has not what the changes are about. */
export function withChanges(base: JsonObject, changes: readonly Change[]): JsonObject | undefined {
  let result: Json | undefined = base;
  const isPlace = (change: Change): boolean => 'order' in change || 'added' in change;
  for (const change of [...changes.filter((one) => !isPlace(one)), ...changes.filter(isPlace)]) {
    result = result === undefined ? undefined : changedAt(result, change.path, change);
  }
  return result as JsonObject | undefined;
}

function changedAt(value: Json, path: readonly Segment[], change: Change): Json | undefined {
  const [segment, ...rest] = path;
  if (segment === undefined) return placed(value, change);
  const isLast = rest.length === 0 && !('order' in change) && !('added' in change);
  return typeof segment === 'string'
    ? changedMember(value, segment, rest, change, isLast)
    : changedElement(value, segment, rest, change, isLast);
}

function changedMember(
  value: Json,
  key: string,
  rest: readonly Segment[],
  change: Change,
  isLast: boolean,
): Json | undefined {
  if (!isObject(value)) return undefined;
  if (isLast) return withMember(value, key, newOf(change));
  const inner = member(value, key);
  const changed = inner === undefined ? undefined : changedAt(inner, rest, change);
  return changed === undefined ? undefined : withMember(value, key, changed);
}

function changedElement(
  value: Json,
  key: ElementKey,
  rest: readonly Segment[],
  change: Change,
  isLast: boolean,
): Json | undefined {
  if (!isList(value)) return undefined;
  const index = indexOf(value, key);
  if (isLast) {
    const made = newOf(change);
    if (made === undefined) return value.filter((_, i) => i !== index);
    return index < 0 ? [...value, made] : value.map((element, i) => (i === index ? made : element));
  }
  const element = value[index];
  const changed = element === undefined ? undefined : changedAt(element, rest, change);
  return changed === undefined ? undefined : value.map((other, i) => (i === index ? changed : other));
}

/** New elements go where they were put; of a reordered list the ones that are named stand in the new order, others behind. */
function placed(value: Json, change: Change): Json | undefined {
  if (!isList(value)) return undefined;
  if ('order' in change) {
    const named = change.order.new.flatMap((key) => value[indexOf(value, key)] ?? []);
    return [...named, ...value.filter((element) => !named.includes(element))];
  }
  if (!('added' in change)) return undefined;
  return change.added.reduce<readonly Json[]>((list, { key, before }) => {
    const element = list[indexOf(list, key)];
    if (element === undefined) return list;
    const others = list.filter((other) => other !== element);
    const at = before === null ? -1 : indexOf(others, before);
    return at < 0 ? [...others, element] : others.toSpliced(at, 0, element);
  }, value);
}

function newOf(change: Change): Json | undefined {
  return 'new' in change ? change.new : undefined;
}

function indexOf(list: readonly Json[], key: ElementKey): number {
  const wanted = keyId(key);
  return list.findIndex((element) => {
    if (!isObject(element)) return false;
    const found = newObject() as Record<string, string | number>;
    for (const name of Object.keys(key)) found[name] = member(element, name) as string | number;
    return keyId(found) === wanted;
  });
}

/** Without what the server makes up again, at each attempt anew. */
function requestable(value: Json): Json {
  if (isList(value)) {
    return value
      .filter((element) => !(isObject(element) && member(element, 'name') === TOKEN_VOLUME))
      .map((element) => requestable(element));
  }
  if (!isObject(value)) return value;
  const metadata = member(value, 'metadata');
  const isGenerated =
    isObject(metadata) && textAt(metadata, 'generateName') !== '' && textAt(metadata, 'name').endsWith(GENERATED_END);
  const kept = isGenerated ? withMember(value, 'metadata', without(metadata, ['name'])) : value;
  const result = newObject();
  for (const key of Object.keys(kept)) {
    const inner = kept[key] as Json;
    if (inner !== SERVER_MADE) result[key] = requestable(inner);
  }
  return result;
}

function hidesSomething(value: Json): boolean {
  if (isRedacted(value)) return true;
  if (isList(value)) return value.some(hidesSomething);
  return isObject(value) && Object.keys(value).some((key) => hidesSomething(value[key] as Json));
}
