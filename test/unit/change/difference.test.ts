import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText, parseJson } from '../../../src/codec/index.ts';
import { difference, type Change, type ElementKey, type Segment } from '../../../src/change/difference.ts';
import { pathsOfChanges } from '../../../src/change/paths.ts';
import type { JsonObject } from '../../../src/types/json.ts';
import { bytesOf, type Loose } from './reviews.ts';

const parsed = (value: unknown): JsonObject => parseJson(bytesOf(value)) as JsonObject;
const diff = (old: unknown, changed: unknown): readonly Change[] => difference(parsed(old), parsed(changed));
const plain = (changes: readonly Change[]): unknown => JSON.parse(canonicalText(changes));

/** A deliberately simple reader of a diff: makes the new object from the old one. */
function apply(old: Loose, changes: readonly Change[]): Loose {
  const result = structuredClone(old);
  for (const change of changes) if (!('order' in change) && !('added' in change)) set(result, change.path, change);
  for (const change of changes) {
    if ('order' in change) placeAll(get(result, change.path), change.order.new);
    else if ('added' in change)
      for (const added of change.added) place(get(result, change.path), added.key, added.before);
  }
  return result;
}

const matches = (element: Loose, key: ElementKey): boolean =>
  Object.keys(key).every((field) => element[field] === key[field]);

function get(value: Loose, path: readonly Segment[]): Loose {
  return path.reduce(
    (at: Loose, segment) =>
      typeof segment === 'string' ? at[segment] : at.find((element: Loose) => matches(element, segment)),
    value,
  );
}

function set(value: Loose, path: readonly Segment[], change: { old?: unknown; new?: unknown }): void {
  const parent = get(value, path.slice(0, -1));
  const last = path.at(-1)!;
  if (typeof last === 'string') {
    if ('new' in change) parent[last] = change.new;
    else delete parent[last];
    return;
  }
  const index = parent.findIndex((element: Loose) => matches(element, last));
  if (!('new' in change)) parent.splice(index, 1);
  else parent.push(change.new);
}

function place(list: Loose[], key: ElementKey, before: ElementKey | null): void {
  const [element] = list.splice(
    list.findIndex((found) => matches(found, key)),
    1,
  );
  list.splice(before === null ? list.length : list.findIndex((found) => matches(found, before)), 0, element);
}

function placeAll(list: Loose[], order: readonly ElementKey[]): void {
  const sorted = order.map((key) => list.find((element) => matches(element, key)));
  list.splice(0, list.length, ...sorted);
}

const container = fc.record(
  {
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    image: fc.constantFrom('x', 'y'),
    env: fc.uniqueArray(fc.record({ name: fc.constantFrom('A', 'B', 'C'), value: fc.string({ maxLength: 2 }) }), {
      selector: (e) => e.name,
      maxLength: 3,
    }),
  },
  { requiredKeys: ['name'] },
);
const object = fc.record(
  {
    containers: fc.uniqueArray(container, { selector: (c) => c.name, maxLength: 4 }),
    // Names may repeat here: then the list is compared as a whole.
    volumes: fc.array(fc.record({ name: fc.constantFrom('a', 'b') }), { maxLength: 3 }),
    args: fc.array(fc.constantFrom('x', 'y'), { maxLength: 3 }),
    free: fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('__proto__')),
  },
  { requiredKeys: [] },
);

describe('a diff', () => {
  it('gives the new object back, exactly and in order, so that no two changes of one base share it', () => {
    fc.assert(
      fc.property(object, object, (old, changed) => {
        // Without prototypes on both sides, and -0 as the text says it: 0.
        const [before, after] = [parsed(old), parsed(changed)];
        expect(JSON.stringify(sortKeys(apply(before, difference(before, after))))).toBe(
          JSON.stringify(sortKeys(after)),
        );
      }),
      { numRuns: 3_000 },
    );
  });

  it('is empty exactly if nothing differs', () => {
    fc.assert(
      fc.property(object, object, (old, changed) => {
        expect(diff(old, changed).length === 0).toBe(canonicalText(parsed(old)) === canonicalText(parsed(changed)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('does not depend on the order of keys in the input', () => {
    expect(plain(diff({ a: 1, b: 1 }, { b: 2, a: 2 }))).toEqual(plain(diff({ b: 1, a: 1 }, { a: 2, b: 2 })));
  });

  it('names each changed path and nothing beside it', () => {
    expect(plain(diff({ spec: { replicas: 1, other: 1 } }, { spec: { replicas: 2, other: 1 } }))).toEqual([
      { path: ['spec', 'replicas'], old: 1, new: 2 },
    ]);
  });

  it('tells nothing from null from an empty map', () => {
    expect(plain(diff({}, { a: null }))).toEqual([{ path: ['a'], new: null }]);
    expect(plain(diff({ a: {} }, {}))).toEqual([{ path: ['a'], old: {} }]);
  });

  it('addresses ports by port and protocol, and a list with a repeated key as a whole', () => {
    const ports = (target: number) => ({
      ports: [
        { port: 53, protocol: 'TCP', targetPort: target },
        { port: 53, protocol: 'UDP', targetPort: 53 },
      ],
    });
    expect(plain(diff(ports(53), ports(54)))).toEqual([
      { path: ['ports', { port: 53, protocol: 'TCP' }, 'targetPort'], old: 53, new: 54 },
    ]);
    const env = (value: string) => ({
      env: [
        { name: 'A', value: '0' },
        { name: 'A', value },
      ],
    });
    expect(plain(diff(env('1'), env('2')))).toEqual([{ path: ['env'], old: env('1').env, new: env('2').env }]);
  });

  it('says where an element was put, and says nothing of place when it was put last', () => {
    const list = (...names: string[]) => ({ containers: names.map((name) => ({ name })) });
    expect(plain(diff(list('a', 'b'), list('a', 'x', 'b')))).toEqual([
      { path: ['containers'], added: [{ key: { name: 'x' }, before: { name: 'b' } }] },
      { path: ['containers', { name: 'x' }], new: { name: 'x' } },
    ]);
    // The base may grow elsewhere: appending stays the same change.
    expect(plain(diff(list('a', 'b'), list('a', 'b', 'x')))).toEqual(plain(diff(list('a'), list('a', 'x'))));
  });

  it('a map key that looks like the key of an element is not one', () => {
    const asList = diff({ containers: [{ name: 'x', v: 1 }] }, { containers: [{ name: 'x', v: 2 }] });
    const asMap = diff({ containers: { '[name=x]': { v: 1 } } }, { containers: { '[name=x]': { v: 2 } } });
    expect(pathsOfChanges(asList)).toEqual(pathsOfChanges(asMap));
    expect(plain(asList)).not.toEqual(plain(asMap));
  });
});

describe('the paths of a diff', () => {
  it('are sorted, each once, and there exactly if something changed', () => {
    fc.assert(
      fc.property(object, object, (old, changed) => {
        const { paths } = pathsOfChanges(diff(old, changed));
        expect(paths.length === 0).toBe(diff(old, changed).length === 0);
        expect([...paths].sort()).toEqual(paths);
        expect(new Set(paths).size).toBe(paths.length);
      }),
      { numRuns: 500 },
    );
  });

  it('of a reordered list are the list', () => {
    const list = (...names: string[]) => ({ initContainers: names.map((name) => ({ name })) });
    expect(pathsOfChanges(diff(list('a', 'b'), list('b', 'a'))).paths).toEqual(['/initContainers']);
  });

  it('of a value that becomes a container are both', () => {
    expect(pathsOfChanges(diff({ a: 'x' }, { a: { b: 1 } })).paths).toEqual(['/a', '/a/b']);
  });
});

function sortKeys(value: Loose): Loose {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.keys(value)
    .sort()
    .map((key) => [key, sortKeys(value[key])]);
}
