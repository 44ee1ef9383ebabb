import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalText, parseJson, quickCanonical, utf8Encode } from '../../../src/codec/index.ts';

const depthMax = 8;

/** What the strict parser makes of the same text, if it is canonical; undefined if it is not. */
function strict(text: string): unknown {
  try {
    const json = parseJson(utf8Encode(text), { depthMax });
    return canonicalText(json) === text ? json : undefined;
  } catch {
    return undefined;
  }
}

/** One text, written canonically or nearly so: a piece doubled, dropped, or put elsewhere. */
const nearlyCanonical = fc
  .tuple(fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 5 }), fc.nat(), fc.nat(12), fc.nat(), fc.nat(3))
  .map(([value, at, length, to, kind]) => {
    const text = canonicalText(value);
    const from = at % (text.length + 1);
    const piece = text.slice(from, from + length);
    const without = text.slice(0, from) + text.slice(from + length);
    const there = to % (without.length + 1);
    if (kind === 0) return text;
    if (kind === 1) return without;
    if (kind === 2) return text.slice(0, from) + piece + text.slice(from);
    return without.slice(0, there) + piece + without.slice(there);
  });

test('takes nothing that the strict parser refuses or that is not canonical, and reads the same', () => {
  let taken = 0;
  fc.assert(
    fc.property(nearlyCanonical, (text) => {
      fc.pre(text.isWellFormed());
      const quick = quickCanonical(text, depthMax);
      if (quick === undefined) return;
      taken += 1;
      const expected = strict(text);
      expect(expected).not.toBe(undefined);
      expect(canonicalText(quick)).toBe(canonicalText(expected));
    }),
    { numRuns: 3_000 },
  );
  expect(taken).toBeGreaterThan(300);
});

test.each([
  ['a key twice', '{"a":1,"a":1}'],
  ['keys in another order', '{"b":1,"a":1}'],
  ['a space', '{"a": 1}'],
  ['something behind it', '{"a":1} '],
  ['another spelling of a number', '[1.0]'],
  ['a number that no double holds', '[12345678901234567890]'],
  ['a number that a double only rounds', '[0.1000000000000000055511151231257827]'],
  ['a negative zero', '[-0]'],
  ['a number beyond all doubles', '[1e400]'],
  ['an escape where none is needed', String.raw`["\u0041"]`],
  ['a lone surrogate', String.raw`["\ud800"]`],
  ['too deep a nesting', `${'['.repeat(depthMax + 1)}${']'.repeat(depthMax + 1)}`],
  ['a byte order mark', '\ufeff[1]'],
  ['no JSON', '{'],
])('leaves to the strict parser: %s', (_what, text) => {
  expect(quickCanonical(text, depthMax)).toBe(undefined);
});

test.each([['null'], ['"x"'], ['{"__proto__":{"a":1}}'], [`${'['.repeat(depthMax)}${']'.repeat(depthMax)}`]])(
  'takes %s',
  (text) => {
    const quick = quickCanonical(text, depthMax);
    expect(quick).not.toBe(undefined);
    expect(JSON.stringify(quick)).toBe(text);
  },
);
