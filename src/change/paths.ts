import { canonicalText, utf8Encode } from '../codec/index.ts';
import type { Json } from '../types/json.ts';
import { elementKeys, type Change, type ElementKey, type Segment } from './difference.ts';
import { isList, isObject } from './json.ts';
import { PATH_CHARS_MAX, PATHS_BYTES_MAX, PATHS_MAX, PATHS_WALKED_MAX } from './limits.ts';

/** The paths of a change as policies and validators see them. */
export interface ChangedPaths {
  /** RFC 6901 pointers, sorted; an element of a keyed list is one segment, `[name=web]` or `[port=80,protocol=TCP]`. */
  readonly paths: readonly string[];
  /** True if parents stand for everything below them. */
  readonly pathsTruncated: boolean;
}

/** Everything: what a CREATE brings, a DELETE takes away, a CONNECT uses. */
export const ALL_PATHS: ChangedPaths = { paths: [''], pathsTruncated: true };

/** The single fields that a diff touches: the leaves of what was added or removed, not just its top. */
export function pathsOfChanges(changes: readonly Change[]): ChangedPaths {
  const collector = new PathCollector();
  for (const change of changes) {
    const pointer = pointerOf(change.path);
    if ('order' in change) collector.add(pointer);
    // What was added has an entry of its own.
    else if (!('added' in change)) walk(change.old, change.new, pointer, change.path.at(-1), collector);
  }
  return collector.result();
}

export function pointerOf(path: readonly Segment[]): string {
  return path.map((segment) => `/${tokenOf(segment)}`).join('');
}

/** Escaped as RFC 6901 section 3 says. */
export function tokenOf(segment: Segment): string {
  const text = typeof segment === 'string' ? segment : keyToken(segment);
  return text.replaceAll('~', '~0').replaceAll('/', '~1');
}

function keyToken(key: ElementKey): string {
  const fields = Object.keys(key).sort();
  return `[${fields.map((field) => `${field}=${key[field]}`).join(',')}]`;
}

function walk(
  old: Json | undefined,
  changed: Json | undefined,
  pointer: string,
  field: Segment | undefined,
  out: PathCollector,
): void {
  if (holdsMembers(old) || holdsMembers(changed)) {
    const before = childrenOf(old, field, changed);
    const after = childrenOf(changed, field, old);
    for (const [token, child] of before)
      walk(child.value, after.get(token)?.value, `${pointer}/${token}`, child.field, out);
    for (const [token, child] of after)
      if (!before.has(token)) walk(undefined, child.value, `${pointer}/${token}`, child.field, out);
    // A value and a container at one place: the place itself changed, too.
    if (old === undefined || changed === undefined || holdsMembers(old) === holdsMembers(changed)) return;
  }
  if (old === undefined || changed === undefined || canonicalText(old) !== canonicalText(changed)) out.add(pointer);
}

function holdsMembers(value: Json | undefined): boolean {
  return (isObject(value) && Object.keys(value).length > 0) || (isList(value) && value.length > 0);
}

type Children = ReadonlyMap<string, { readonly value: Json; readonly field: Segment }>;

function childrenOf(value: Json | undefined, field: Segment | undefined, other: Json | undefined): Children {
  const children = new Map<string, { value: Json; field: Segment }>();
  if (isObject(value)) {
    for (const key of Object.keys(value)) children.set(tokenOf(key), { value: value[key] as Json, field: key });
  } else if (isList(value)) {
    const keys = elementKeys(field, value, ...(isList(other) ? [other] : []))?.[0];
    value.forEach((element, i) => {
      const key = keys?.[i];
      children.set(key === undefined ? String(i) : tokenOf(key), { value: element, field: key ?? {} });
    });
  }
  return children;
}

/** Keeps what it was given, or, when that is too much, the parents at the greatest depth at which it is not. */
class PathCollector {
  #paths = new Set<string>();
  #depthMax = Infinity;
  #truncated = false;

  add(pointer: string): void {
    let path = cut(pointer, this.#depthMax);
    while (path.length > PATH_CHARS_MAX) {
      path = path.slice(0, path.lastIndexOf('/'));
      this.#truncated = true;
    }
    this.#paths.add(path);
    if (this.#paths.size > PATHS_WALKED_MAX) this.#shrink();
  }

  result(): ChangedPaths {
    while (this.#paths.size > PATHS_MAX || bytesOf(this.#paths) > PATHS_BYTES_MAX) this.#shrink();
    return { paths: [...this.#paths].sort(), pathsTruncated: this.#truncated };
  }

  #shrink(): void {
    this.#truncated = true;
    let deepest = 0;
    for (const pointer of this.#paths) deepest = Math.max(deepest, depthOf(pointer));
    this.#depthMax = deepest - 1;
    this.#paths = new Set([...this.#paths].map((pointer) => cut(pointer, this.#depthMax)));
  }
}

function depthOf(pointer: string): number {
  let depth = 0;
  for (let i = pointer.indexOf('/'); i >= 0; i = pointer.indexOf('/', i + 1)) depth++;
  return depth;
}

/** The first `depthMax` segments. */
function cut(pointer: string, depthMax: number): string {
  let end = 0;
  for (let depth = 0; end >= 0 && depth <= depthMax; depth++) {
    end = pointer.indexOf('/', depth === 0 ? 0 : end + 1);
    if (depth === depthMax && end >= 0) return pointer.slice(0, end);
  }
  return pointer;
}

function bytesOf(paths: ReadonlySet<string>): number {
  let bytes = 0;
  for (const path of paths) bytes += utf8Encode(canonicalText(path)).length + 1;
  return bytes;
}
