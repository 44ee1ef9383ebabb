import { describe, expect, test } from 'vitest';
import { isChainError } from '../../../src/errors/chain-error.ts';
import {
  ByteReader,
  ByteWriter,
  decodeEnvelope,
  encodeEnvelope,
  fromBase64,
  fromHex,
  isJsonNumberText,
  parseJson,
  toBase64,
  toHex,
} from '../../../src/codec/index.ts';
import { mutate, Random, soup } from './mutation.ts';

const RUNS = 100_000;
const text = new TextEncoder();
const latin = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

/** Decodes; a ChainError with a CODEC_ code is an answer, anything else thrown fails the test. */
function attempt<T>(decode: () => T, input: () => string): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isChainError(error) && error.code.startsWith('CODEC_')) return undefined;
    throw new Error(`${String(error)} for ${input()}`, { cause: error });
  }
}

/** Runs `each` on RUNS inputs, half of them mutations of `valid`; returns how many were accepted. */
function fuzz(
  seed: number,
  valid: readonly Uint8Array[],
  alphabet: readonly string[],
  each: (input: Uint8Array) => boolean,
): number {
  const random = new Random(seed);
  const telling = text.encode(alphabet.join(''));
  let accepted = 0;
  for (let run = 0; run < RUNS; run++) {
    const kind = run % 4;
    const input =
      kind < 2
        ? mutate(random, random.pick(valid), telling)
        : kind === 2
          ? soup(random, alphabet, 12)
          : random.bytes(24);
    if (each(input)) accepted++;
  }
  return accepted;
}

/** The dumb model of strictness: JSON.parse after a strict UTF-8 decoder, less what is refused here on purpose. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
function model(input: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(strictUtf8.decode(input)) };
  } catch {
    return undefined;
  }
}

/** JSON.parse's view of a parsed value: exact numbers as doubles. */
const asDoubles = (value: unknown) =>
  JSON.stringify(value, (_, member: unknown) => (isJsonNumberText(member) ? Number(member.numberText) : member));

describe('fuzzing', () => {
  test('parseJson throws only coded errors, and agrees with JSON.parse on what it accepts and refuses', () => {
    const valid = [
      '{"a":1,"b":[true,false,null],"c":{"d":"e"}}',
      '[0,-1,1.5,2e10,-0.25E-3,9007199254740993,1e400]',
      '"\\u0041\\n\\"\\\\\\/ é€😀 \\ud83d\\ude00"',
      '{"__proto__":{"__proto__":[]},"constructor":0,"":""}',
      ' [ { "x" : [ [ ] , { } ] } , "y" ]\n',
      '{"apiVersion":"v1","kind":"ConfigMap","data":{"k":"<v>&\\u003c"}}',
    ].map((json) => text.encode(json));
    const alphabet = [
      ...Array.from('{}[]:,"\\0123456789-+.eE \n\t'),
      'true',
      'false',
      'null',
      '"a"',
      '"a":',
      '\\u',
      'd800',
      '\ufeff',
      'é',
      '\u0000',
    ];
    const deliberate = new Set(['CODEC_JSON_DUPLICATE_KEY', 'CODEC_SURROGATE', 'CODEC_JSON_NUMBER']);
    const seen = new Set<string>();
    const accepted = fuzz(1, valid, alphabet, (input) => {
      const expected = model(input);
      let value: unknown;
      try {
        value = parseJson(input);
      } catch (error) {
        if (!isChainError(error) || !error.code.startsWith('CODEC_')) throw new Error(latin(input), { cause: error });
        seen.add(error.code);
        if (expected !== undefined && !deliberate.has(error.code))
          throw new Error(`refused: ${latin(input)}`, { cause: error });
        return false;
      }
      if (expected === undefined) throw new Error(`accepted: ${latin(input)}`);
      if (asDoubles(value) !== JSON.stringify(expected.value)) throw new Error(`differs: ${latin(input)}`);
      return true;
    });
    expect(accepted).toBeGreaterThan(RUNS / 50);
    expect([...seen]).toEqual(
      expect.arrayContaining(['CODEC_JSON_SYNTAX', 'CODEC_UTF8', 'CODEC_JSON_DUPLICATE_KEY', 'CODEC_SURROGATE']),
    );
  });

  test('fromBase64 accepts exactly what it would write', () => {
    const random = new Random(2);
    const valid = Array.from({ length: 50 }, () => text.encode(toBase64(random.bytes(20))));
    const accepted = fuzz(3, valid, [...Array.from('AZaz09+/='), '==', 'QUJD', '-', '_', '\n'], (input) => {
      const encoded = latin(input);
      const bytes = attempt(
        () => fromBase64(encoded),
        () => encoded,
      );
      const canonical = Buffer.from(encoded, 'base64').toString('base64') === encoded;
      if ((bytes !== undefined) !== canonical) throw new Error(`${encoded} is ${canonical ? '' : 'not '}canonical`);
      return bytes !== undefined && toBase64(bytes) === encoded;
    });
    expect(accepted).toBeGreaterThan(RUNS / 100);
  });

  test('fromHex accepts exactly what it would write', () => {
    const random = new Random(4);
    const valid = Array.from({ length: 50 }, () => text.encode(toHex(random.bytes(20))));
    const accepted = fuzz(5, valid, [...Array.from('0123456789abcdefAFgx '), '00', 'ff'], (input) => {
      const encoded = latin(input);
      const bytes = attempt(
        () => fromHex(encoded),
        () => encoded,
      );
      const canonical = /^([0-9a-f]{2})*$/.test(encoded) && !encoded.endsWith('\n');
      if ((bytes !== undefined) !== canonical) throw new Error(`${encoded} is ${canonical ? '' : 'not '}hexadecimal`);
      return bytes !== undefined && toHex(bytes) === encoded;
    });
    expect(accepted).toBeGreaterThan(RUNS / 100);
  });

  test('decodeEnvelope accepts only what encodes again identically', () => {
    const random = new Random(6);
    const valid = Array.from({ length: 30 }, (_, i) =>
      encodeEnvelope({
        payloadType: random.pick(['application/vnd.in-toto+json', 'é"\\', '']),
        payload: random.bytes(30),
        signatures: Array.from({ length: 1 + (i % 3) }, () => ({
          keyid: random.pick(['', 'ab', 'ü']),
          sig: random.bytes(64),
        })),
      }),
    );
    const alphabet = [
      '{"payload":"',
      '","payloadType":"',
      '","signatures":[',
      '{"keyid":"',
      '","sig":"',
      '"}',
      ']}',
      'AA==',
      'a',
      ',',
      ' ',
    ];
    const accepted = fuzz(7, valid, alphabet, (input) => {
      const envelope = attempt(
        () => decodeEnvelope(input, { bytesMax: 2_000 }),
        () => latin(input),
      );
      if (envelope === undefined) return false;
      if (latin(encodeEnvelope(envelope)) !== latin(input)) throw new Error(`another form: ${latin(input)}`);
      return true;
    });
    expect(accepted).toBeGreaterThan(RUNS / 200);
  });

  test('ByteReader never reads beyond its bytes, and what it read writes the same bytes', () => {
    const random = new Random(8);
    const valid = Array.from({ length: 50 }, () =>
      new ByteWriter()
        .u8(1)
        .u16(random.below(65_536))
        .u32(random.below(2 ** 31))
        .u64(random.below(2 ** 31) * 2 ** 20)
        .lengthPrefixed(random.bytes(30), 64)
        .finish(),
    );
    const accepted = fuzz(9, valid, ['\u0000', '\u0001', '\u007f', '\u0000\u0000\u0000\u0004'], (input) => {
      const decoded = attempt(
        () => {
          const reader = new ByteReader(input);
          const fields = [reader.u8(), reader.u16(), reader.u32(), reader.u64()] as const;
          const tail = reader.lengthPrefixed(64);
          reader.end();
          return { fields, tail };
        },
        () => toHex(input),
      );
      if (decoded === undefined) return false;
      const [a, b, c, d] = decoded.fields;
      const again = new ByteWriter().u8(a).u16(b).u32(c).u64(d).lengthPrefixed(decoded.tail, 64).finish();
      if (toHex(again) !== toHex(input)) throw new Error(`another form: ${toHex(input)}`);
      return true;
    });
    expect(accepted).toBeGreaterThan(RUNS / 50);
  });
});
