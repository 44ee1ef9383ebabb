import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesEqual,
  compareBytes,
  concatBytes,
  fromBase64,
  fromHex,
  toBase64,
  toHex,
  utf8Decode,
  utf8Encode,
} from '../../../src/codec/index.ts';
import { expectCode } from './expect-code.ts';

const bytes = fc.uint8Array({ maxLength: 70 });

describe('byte strings', () => {
  test('compare in the order of Buffer.compare and are equal only when every byte is', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(bytesEqual(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(bytesEqual(a, a.slice())).toBe(true);
      }),
    );
  });

  test('a prefix comes before what it begins, and a high byte after a low one', () => {
    expect(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0))).toBeLessThan(0);
    expect(compareBytes(Uint8Array.of(0x80), Uint8Array.of(0x7f, 0xff))).toBeGreaterThan(0);
  });

  test('concatenation copies', () => {
    const part = Uint8Array.of(1, 2);
    const whole = concatBytes(part, new Uint8Array(0), Uint8Array.of(3));
    part[0] = 9;
    expect([...whole]).toEqual([1, 2, 3]);
    expect(concatBytes(part)).not.toBe(part);
  });
});

describe('hexadecimal', () => {
  test('agrees with Buffer and comes back', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(toHex(value)).toBe(Buffer.from(value).toString('hex'));
        expect(fromHex(toHex(value))).toEqual(value);
      }),
    );
  });

  test.each([
    ['0', 1],
    ['abc', 3],
    ['AB', 0],
    ['aB', 1],
    ['0g', 1],
    ['0x', 1],
    [' 0', 0],
    ['00ÿ0', 2],
    ['0Ā', 1],
    ['/0:0', 0],
  ])('refuses %j at character %i', (text, offset) => {
    expect(expectCode('CODEC_HEX', () => fromHex(text))).toMatchObject({ offset });
  });
});

describe('base64', () => {
  test('agrees with Buffer and comes back', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(toBase64(value)).toBe(Buffer.from(value).toString('base64'));
        expect(fromBase64(toBase64(value))).toEqual(value);
      }),
    );
  });

  test.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('RFC 4648 section 10: %j is %j', (text, encoded) => {
    expect(toBase64(utf8Encode(text))).toBe(encoded);
    expect(utf8Decode(fromBase64(encoded))).toBe(text);
  });

  test.each([
    ['Zg', 'no padding'],
    ['Zg=', 'half of the padding'],
    ['Z===', 'three pads'],
    ['====', 'only pads'],
    ['Zh==', 'padding bits not zero'],
    ['Zm9=', 'padding bits not zero'],
    ['Zg==Zg==', 'padding in the middle'],
    ['Z=g=', 'a pad inside a group'],
    ['Zm9v\n', 'a newline'],
    ['Zm 9v===', 'a space'],
    ['-_-_', 'the alphabet for URLs'],
    ['Zm9\u0100', 'a character beyond the table'],
    ['Zm9é', 'a character that is not ASCII'],
  ])('refuses %j: %s', (text) => {
    expectCode('CODEC_BASE64', () => fromBase64(text));
  });

  test('names the first character that is wrong', () => {
    expect(expectCode('CODEC_BASE64', () => fromBase64('AAAAAA*A'))).toMatchObject({ offset: 6 });
    expect(expectCode('CODEC_BASE64', () => fromBase64('AAAAAB=='))).toMatchObject({ offset: 5 });
  });

  test('has exactly one text for a last group of one byte', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const accepted = Array.from(alphabet).filter((c) => {
      try {
        return fromBase64(`A${c}==`).length === 1;
      } catch {
        return false;
      }
    });
    expect(accepted).toEqual(['A', 'Q', 'g', 'w']);
  });
});

describe('UTF-8', () => {
  test('comes back for every well-formed text, byte order marks included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const well = text.toWellFormed();
        expect(utf8Decode(utf8Encode(well))).toBe(well);
        expect(Buffer.from(utf8Encode(well))).toEqual(Buffer.from(well, 'utf8'));
      }),
    );
    expect(utf8Decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa');
  });

  test.each(['\ud800', 'a\udc00', '\ud83d\ud83d\ude00'])('does not encode the lone surrogate in %j', (text) => {
    expectCode('CODEC_SURROGATE', () => utf8Encode(text));
  });

  test.each([
    ['a continuation byte alone', [0x61, 0x80], 1],
    ['an overlong slash', [0xc0, 0xaf], 0],
    ['an overlong three-byte form', [0x61, 0xe0, 0x80, 0x80], 1],
    ['an encoded surrogate', [0xed, 0xa0, 0x80], 0],
    ['a point beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80], 0],
    ['an overlong four-byte form', [0xf0, 0x80, 0x80, 0x80], 0],
    ['a lead byte that does not exist', [0xff], 0],
    ['a truncated character', [0xc3, 0xa9, 0xe2, 0x82], 2],
    ['a second lead byte inside a character', [0xe2, 0x82, 0xc3], 0],
  ])('refuses %s, and names its first byte', (_, input, offset) => {
    expect(expectCode('CODEC_UTF8', () => utf8Decode(Uint8Array.from(input)))).toEqual({ offset });
  });
});
