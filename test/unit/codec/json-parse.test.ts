import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exactNumber, isJsonNumberText, parseJson, utf8Encode } from '../../../src/codec/index.ts';
import type { Json } from '../../../src/types/json.ts';
import { expectCode } from './expect-code.ts';

const parse = (text: string, limits = {}) => parseJson(utf8Encode(text), limits);

describe('parseJson', () => {
  test('sees what JSON.parse sees in any JSON, however it is spaced', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 6, stringUnit: 'binary' }),
        fc.constantFrom('', ' ', '\n\t', 2),
        (text, space) => {
          const value: unknown = JSON.parse(text);
          const spaced = JSON.stringify(value, null, space).toWellFormed();
          // JSON.stringify escapes lone surrogates; those are refused here and have a test of their own.
          fc.pre(!/\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])|(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f]/i.test(spaced));
          expect(JSON.stringify(parse(spaced))).toBe(JSON.stringify(value));
        },
      ),
    );
  });

  test('makes objects without a prototype, in which every key is ordinary', () => {
    const value = parse('{"__proto__":{"a":1},"constructor":2,"toString":3,"hasOwnProperty":4,"":5}') as Record<
      string,
      Json
    >;
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '']);
    expect(Object.getPrototypeOf(value['__proto__'])).toBeNull();
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  test('decodes every escape', () => {
    expect(parse('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u20ac\\ud83d\\ude00\\u0000"')).toBe('"\\/\b\f\n\r\tA€😀\0');
    expect(parse('"\\u003cscript\\u003e\\\\"')).toBe('<script>\\');
  });

  test.each([
    ['', 0],
    ['  ', 2],
    ['\ufeff1', 0],
    ['nul', 0],
    ['nulll', 4],
    ['True', 0],
    ['NaN', 0],
    ['Infinity', 0],
    ['-', 0],
    ['+1', 0],
    ['.5', 0],
    ['1.', 1],
    ['01', 1],
    ['-01', 2],
    ['0x10', 1],
    ['1e', 1],
    ['1e+', 1],
    ['1_000', 1],
    ["'a'", 0],
    ['"a', 2],
    ['"a\\', 3],
    ['"\\"', 3],
    ['"a\nb"', 2],
    ['"\u0000"', 1],
    ['"\u001f"', 1],
    ['"\\x41"', 0],
    ['"\\u12g4"', 0],
    ['"\\u123"', 0],
    ['[1,]', 3],
    ['[,1]', 1],
    ['[1 2]', 3],
    ['[1', 2],
    ['[', 1],
    ['{', 1],
    ['{"a"}', 4],
    ['{"a":}', 5],
    ['{"a":1,}', 7],
    ['{"a":1', 6],
    ['{a:1}', 1],
    ['{1:1}', 1],
    ['{"a":1 "b":2}', 7],
    ['1 2', 2],
    ['{}{}', 2],
    ['null\0', 4],
    ['/*x*/1', 0],
    ['\u00a01', 0],
    ['\f1', 0],
    ['["é€😀",x]', 13],
  ])('refuses %j and names byte %i', (text, offset) => {
    expect(expectCode('CODEC_JSON_SYNTAX', () => parse(text))).toMatchObject({ offset });
    expect(() => JSON.parse(text.replace(/^\ufeff/, '\0')) as unknown).toThrow(SyntaxError);
  });

  test('refuses bytes that are not UTF-8, wherever they stand', () => {
    expect(expectCode('CODEC_UTF8', () => parseJson(Uint8Array.of(0x22, 0xc3, 0x22)))).toEqual({ offset: 1 });
    expect(expectCode('CODEC_UTF8', () => parseJson(Uint8Array.of(0x31, 0x20, 0xff)))).toEqual({ offset: 2 });
  });

  test.each(['"\\ud800"', '"\\udc00\\ud800"', '{"\\ud83d":1}', '"\\ud83dx"', '"\\uD83D\\u0041"'])(
    'refuses the lone surrogate in %s',
    (text) => {
      expectCode('CODEC_SURROGATE', () => parse(text));
    },
  );

  test.each([
    '{"a":1,"a":1}',
    '{"a":null,"b":0,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"x":{"__proto__":1,"__proto__":2}}',
    '{"1":1,"1":1}',
  ])('refuses the key that stands twice in %s', (text) => {
    expectCode('CODEC_JSON_DUPLICATE_KEY', () => parse(text));
  });

  test('the same key in two objects is no duplicate', () => {
    expect(JSON.stringify(parse('[{"a":1},{"a":{"a":2}}]'))).toBe('[{"a":1},{"a":{"a":2}}]');
  });
});

describe('limits', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  test('bytes: the last allowed size passes, one more does not', () => {
    expect(parse('"abcd"', { bytesMax: 6 })).toBe('abcd');
    expect(expectCode('CODEC_TOO_LARGE', () => parse('"abcde"', { bytesMax: 6 }))).toEqual({
      what: 'JSON',
      bytes: 7,
      bytesMax: 6,
    });
  });

  test('depth: the last allowed level passes, one more does not, and siblings do not add up', () => {
    expect(parse(nested(5), { depthMax: 5 })).toEqual([[[[[]]]]]);
    expectCode('CODEC_JSON_DEPTH', () => parse(nested(6), { depthMax: 5 }));
    expectCode('CODEC_JSON_DEPTH', () => parse('{"a":{"b":[]}}', { depthMax: 2 }));
    expect(parse('[[],[],[],{},{}]', { depthMax: 2 })).toHaveLength(5);
    expect(parse('1', { depthMax: 0 })).toBe(1);
  });

  test('a hundred thousand brackets are refused, not a stack overflow, whatever limit was asked for', () => {
    expectCode('CODEC_JSON_DEPTH', () => parse(nested(100_000)));
    expectCode('CODEC_JSON_DEPTH', () => parse('{"a":'.repeat(100_000), { depthMax: 1_000_000 }));
  });

  test('nodes: containers and scalars count, keys do not', () => {
    expect(parse('[1,{"a":2}]', { nodesMax: 4 })).toHaveLength(2);
    expectCode('CODEC_JSON_NODES', () => parse('[1,{"a":2},3]', { nodesMax: 4 }));
  });
});

describe('numbers', () => {
  test.each([
    ['0', 0],
    ['-1', -1],
    ['1.0', 1],
    ['1e0', 1],
    ['10e-1', 1],
    ['0.10', 0.1],
    ['100000000000000000000', 1e20],
    ['1E3', 1000],
    ['9007199254740992', 2 ** 53],
    ['9007199254740994', 2 ** 53 + 2],
    ['5e-324', 5e-324],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['0.0e999999999', 0],
    ['1e0000000001', 10],
  ])('%s is a JavaScript number', (text, value) => {
    expect(parse(text)).toBe(value);
  });

  test('minus zero stays a number', () => {
    expect(Object.is(parse('-0'), -0)).toBe(true);
    expect(Object.is(parse('-0.00'), -0)).toBe(true);
  });

  test.each([
    ['9007199254740993', '9007199254740993'],
    ['-9007199254740993', '-9007199254740993'],
    ['9007199254740993.0', '9007199254740993'],
    ['900719925474099300e-2', '9007199254740993'],
    ['18446744073709551615', '18446744073709551615'],
    ['123456789012345678901', '123456789012345678901'],
    ['1234567890123456789012', '1.234567890123456789012e+21'],
    ['0.1000000000000000055511151231257827', '0.1000000000000000055511151231257827'],
    ['333333333.33333329', '333333333.33333329'],
    ['1e400', '1e+400'],
    ['10e399', '1e+400'],
    ['0.00001e-400', '1e-405'],
    ['2e-324', '2e-324'],
    ['-1.50e-330', '-1.5e-330'],
  ])('%s is kept exactly, in its normal form %s', (text, normal) => {
    const value = parse(text);
    expect(isJsonNumberText(value) && value.numberText).toBe(normal);
    expect(Object.isFrozen(value)).toBe(true);
  });

  test('two texts give the same number exactly when their values are equal', () => {
    const digits = fc.bigInt({ min: 0n, max: 10n ** 25n });
    const exponent = fc.integer({ min: -30, max: 30 });
    const key = (text: string) => {
      const value = exactNumber(text);
      return isJsonNumberText(value) ? value.numberText : String(value);
    };
    fc.assert(
      fc.property(
        digits,
        exponent,
        fc.integer({ min: 0, max: 8 }),
        fc.constantFrom(0n, 0n, 1n),
        (mantissa, exp, zeros, off) => {
          const a = `${mantissa}e${exp}`;
          const b = `${(mantissa + off) * 10n ** BigInt(zeros)}e${exp - zeros}`;
          expect(key(a) === key(b)).toBe(off === 0n);
        },
      ),
    );
  });

  test('an ordinary object with the key numberText is not taken for a number', () => {
    const value = parse('{"numberText":"5"}');
    expect(isJsonNumberText(value)).toBe(false);
    expect(isJsonNumberText({ numberText: '5' })).toBe(false);
  });

  test.each(['1e1000001', '1e-1000001', '1e99999999999999999999999999', `1${'0'.repeat(1_100)}`])(
    'the number %s is beyond all measure and refused',
    (text) => {
      expectCode('CODEC_JSON_NUMBER', () => parse(`[${text}]`));
    },
  );

  test.each(['', '1.', '.1', '01', 'NaN', '1 ', '0x1', '١'])('%j is no number', (text) => {
    expect(exactNumber(text)).toBeUndefined();
  });
});
