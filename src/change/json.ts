import type { Json, JsonObject } from '../types/json.ts';
import { isJsonNumberText } from '../codec/index.ts';

/** True for a map: not null, not a list, not a number that is kept as text. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isJsonNumberText(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** An object to be filled that has no prototype: `__proto__` is an ordinary key of it. */
export function newObject(): Record<string, Json> {
  return Object.create(null) as Record<string, Json>;
}

/** The own member; undefined if there is none or `value` is no map. */
export function member(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Follows map keys. */
export function at(value: Json | undefined, ...keys: readonly string[]): Json | undefined {
  let found = value;
  for (const key of keys) found = member(found, key);
  return found;
}

/** The member if it is text, else empty. */
export function textAt(value: Json | undefined, ...keys: readonly string[]): string {
  const found = at(value, ...keys);
  return typeof found === 'string' ? found : '';
}

/** A shallow copy without these keys. */
export function without(object: JsonObject, keys: readonly string[]): Record<string, Json> {
  const copy = newObject();
  for (const key of Object.keys(object)) if (!keys.includes(key)) copy[key] = object[key] as Json;
  return copy;
}

/** A shallow copy with one member set; undefined removes it. */
export function withMember(object: JsonObject, key: string, value: Json | undefined): JsonObject {
  const copy = without(object, value === undefined ? [key] : []);
  if (value !== undefined) copy[key] = value;
  return copy;
}

/** A copy in which the value at the path is what `change` makes of it; the object itself where the path does not exist. */
export function mapAt(object: JsonObject, path: readonly string[], change: (value: Json) => Json): JsonObject {
  const [key, ...rest] = path;
  if (key === undefined) return object;
  const value = member(object, key);
  if (value === undefined) return object;
  if (rest.length === 0) return withMember(object, key, change(value));
  return isObject(value) ? withMember(object, key, mapAt(value, rest, change)) : object;
}

/** Equal as JSON values: the order of keys does not count, that of lists does; numbers by their exact value. */
export function jsonEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isJsonNumberText(a) || isJsonNumberText(b)) {
    return isJsonNumberText(a) && isJsonNumberText(b) && a.numberText === b.numberText;
  }
  if (isList(a)) return isList(b) && a.length === b.length && a.every((value, i) => jsonEqual(value, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key], b[key]))
  );
}
