import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, canonicalText, parseJson, utf8Decode, utf8Encode } from '../../../src/codec/index.ts';
import { expectCode } from './expect-code.ts';

const canonicalOf = (text: string) => canonicalText(parseJson(utf8Encode(text)));

describe('canonical JSON', () => {
  test('is what an RFC 8785 library writes, for every value that JSON.parse can give', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 5 }), (value) => {
        expect(canonicalText(value)).toBe(canonicalize(value));
        expect(utf8Decode(canonicalJson(value))).toBe(canonicalize(value));
      }),
    );
  });

  test('of many megabytes, which is made in pieces, is the same bytes as its text', () => {
    const members = Array.from({ length: 20_000 }, (_, i) => [
      `key ${i} ä 😀`,
      ['é'.repeat(i % 40), i, '😀'.repeat(i % 3)],
    ]);
    const value = { ...(Object.fromEntries(members) as object), long: '😀'.repeat(100_000), none: {}, list: [] };
    expect(Buffer.from(canonicalJson(value)).equals(Buffer.from(canonicalize(value) ?? ''))).toBe(true);
  });

  test('is a fixed point: canonical bytes parse and come back identically', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 5 }), (value) => {
        const bytes = canonicalJson(value);
        expect(canonicalJson(parseJson(bytes))).toEqual(bytes);
      }),
    );
  });

  test('does not depend on the order in which members were written', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.integer()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalText(turned)).toBe(canonicalText(value));
      }),
    );
  });

  test.each([
    ['[1.0,1e0,1,100e-2]', '[1,1,1,1]'],
    ['[0.10,1E-1]', '[0.1,0.1]'],
    ['[-0,0,-0.0]', '[0,0,0]'],
    ['[9007199254740992,9007199254740993]', '[9007199254740992,9007199254740993]'],
    ['[18446744073709551615,1844674407370955161.50e1]', '[18446744073709551615,18446744073709551615]'],
    ['[1e400,10e399]', '[1e+400,1e+400]'],
    ['{"numberText":"12345678901234567890"}', '{"numberText":"12345678901234567890"}'],
    ['{"n":12345678901234567890}', '{"n":12345678901234567890}'],
    ['{"b":1,"__proto__":{"z":1,"a":2},"a":0}', '{"__proto__":{"a":2,"z":1},"a":0,"b":1}'],
    ['{"10":1,"9":2,"":3}', '{"":3,"10":1,"9":2}'],
  ])('%s is written %s', (input, output) => {
    expect(canonicalOf(input)).toBe(output);
  });

  test('drops members that are undefined, and nothing else', () => {
    expect(canonicalText({ b: undefined, a: null, c: undefined, d: false })).toBe('{"a":null,"d":false}');
    expect(canonicalText({ a: undefined })).toBe('{}');
  });

  class Point {
    readonly x = 1;
  }
  const cycle: unknown[] = [];
  cycle.push(cycle);

  test.each([
    ['undefined in a list', [undefined]],
    ['undefined at the top', undefined],
    ['a hole in a list', Object.assign([1], { length: 2 })],
    ['a bigint', { a: 1n }],
    ['NaN', Number.NaN],
    ['an infinity', [Number.POSITIVE_INFINITY]],
    ['a function', { a: () => 1 }],
    ['a symbol', Symbol('x')],
    ['a lone surrogate', ['\ud800']],
    ['a lone surrogate in a key', { '\udc00': 1 }],
    ['a Map', new Map([['a', 1]])],
    ['a byte array', { sig: new Uint8Array(2) }],
    ['an instance of a class', new Point()],
    ['a cycle', cycle],
  ])('%s has no canonical form', (_, value) => {
    expectCode('CODEC_CANONICAL', () => canonicalText(value));
  });
});
