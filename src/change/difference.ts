import { canonicalText } from '../codec/index.ts';
import type { Json, JsonObject } from '../types/json.ts';
import { isList, isObject, jsonEqual, newObject } from './json.ts';
import { listKeysOf } from './kinds.ts';

/** Values of the key fields of one element, such as {name: "web"} or {port: 80, protocol: "TCP"}. */
export type ElementKey = { readonly [field: string]: string | number };
/** A map key, or the key of an element of a keyed list. Unkeyed lists are never entered. */
export type Segment = string | ElementKey;

/** One entry of a diff. An absent `old` or `new` means that there was, or is, nothing at the path. */
export type Change =
  | { readonly path: readonly Segment[]; readonly old?: Json; readonly new?: Json }
  /** Where elements were put into a keyed list: each in front of an element that was there before, or (null) behind all. */
  | {
      readonly path: readonly Segment[];
      readonly added: readonly { readonly key: ElementKey; readonly before: ElementKey | null }[];
    }
  /** Elements that were there before stand in another order: all keys of both lists. */
  | {
      readonly path: readonly Segment[];
      readonly order: { readonly old: readonly ElementKey[]; readonly new: readonly ElementKey[] };
    };

/**
 * What changed between two objects. With the old object the list gives back the new one exactly, so two different
 * changes of one base never have one diff; what lies outside the changed paths does not enter it (governance.md,
 * "binding"). Entries come in the order of keys, whatever the order in the input.
 */
export function difference(old: JsonObject, changed: JsonObject): readonly Change[] {
  const changes: Change[] = [];
  compareMaps(old, changed, [], changes);
  return changes;
}

/** The keys of the elements if this list can be addressed by key in both states, else undefined. */
export function elementKeys(
  field: Segment | undefined,
  ...lists: readonly (readonly Json[])[]
): ElementKey[][] | undefined {
  if (typeof field !== 'string') return undefined;
  for (const names of listKeysOf(field)) {
    const keys = lists.map((list) => keysOf(list, names));
    if (keys.every((found) => found !== undefined)) return keys as ElementKey[][];
  }
  return undefined;
}

/** One text for one key. */
export function keyId(key: ElementKey): string {
  return canonicalText(key);
}

function keysOf(list: readonly Json[], names: readonly string[]): ElementKey[] | undefined {
  const keys: ElementKey[] = [];
  const seen = new Set<string>();
  for (const element of list) {
    if (!isObject(element)) return undefined;
    const key = newObject() as Record<string, string | number>;
    for (const name of names) {
      const value = Object.hasOwn(element, name) ? element[name] : undefined;
      if (typeof value !== 'string' && typeof value !== 'number') return undefined;
      key[name] = value;
    }
    const id = keyId(key);
    if (seen.has(id)) return undefined;
    seen.add(id);
    keys.push(key);
  }
  return keys;
}

function compare(old: Json, changed: Json, path: readonly Segment[], changes: Change[]): void {
  if (isObject(old) && isObject(changed)) return compareMaps(old, changed, path, changes);
  if (isList(old) && isList(changed)) return compareLists(old, changed, path, changes);
  if (!jsonEqual(old, changed)) changes.push({ path, old, new: changed });
}

function compareMaps(old: JsonObject, changed: JsonObject, path: readonly Segment[], changes: Change[]): void {
  const keys = [...new Set([...Object.keys(old), ...Object.keys(changed)])].sort();
  for (const key of keys) compareMembers(old, changed, key, [...path, key], changes);
}

function compareMembers(
  old: JsonObject,
  changed: JsonObject,
  key: string,
  path: readonly Segment[],
  changes: Change[],
): void {
  if (!Object.hasOwn(old, key)) changes.push({ path, new: changed[key] as Json });
  else if (!Object.hasOwn(changed, key)) changes.push({ path, old: old[key] as Json });
  else compare(old[key] as Json, changed[key] as Json, path, changes);
}

function compareLists(
  old: readonly Json[],
  changed: readonly Json[],
  path: readonly Segment[],
  changes: Change[],
): void {
  const keys = elementKeys(path.at(-1), old, changed);
  if (keys === undefined) {
    if (!jsonEqual(old, changed)) changes.push({ path, old, new: changed });
    return;
  }
  const [oldKeys = [], newKeys = []] = keys;
  const before = new Map(oldKeys.map((key, i) => [keyId(key), { key, value: old[i] as Json }]));
  const after = new Map(newKeys.map((key, i) => [keyId(key), { key, value: changed[i] as Json }]));
  comparePlaces(before, after, path, changes);
  for (const id of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const was = before.get(id);
    const is = after.get(id);
    const elementPath = [...path, (was ?? is)?.key as ElementKey];
    if (was === undefined) changes.push({ path: elementPath, new: is?.value as Json });
    else if (is === undefined) changes.push({ path: elementPath, old: was.value });
    else compare(was.value, is.value, elementPath, changes);
  }
}

/** Elements by the text of their key, in the order of the list. */
type Elements = ReadonlyMap<string, { readonly key: ElementKey; readonly value: Json }>;

/** Order counts in some of these lists (initContainers, env), so a reorder and the place of an insertion are changes in all. */
function comparePlaces(before: Elements, after: Elements, path: readonly Segment[], changes: Change[]): void {
  const stayed = [...before.keys()].filter((id) => after.has(id));
  const stand = [...after.keys()].filter((id) => before.has(id));
  if (stayed.some((id, i) => id !== stand[i])) {
    const keysOf = (elements: Elements): ElementKey[] => [...elements.values()].map(({ key }) => key);
    changes.push({ path, order: { old: keysOf(before), new: keysOf(after) } });
    return;
  }
  const added: { key: ElementKey; before: ElementKey | null }[] = [];
  let next: ElementKey | null = null;
  for (const [id, { key }] of [...after].toReversed()) {
    if (before.has(id)) next = key;
    else added.push({ key, before: next });
  }
  if (added.length > 0) changes.push({ path, added: added.reverse() });
}
