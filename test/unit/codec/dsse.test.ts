import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeEnvelope,
  encodeEnvelope,
  ENVELOPE_SIGNATURES_MAX,
  preAuthEncoding,
  utf8Decode,
  utf8Encode,
} from '../../../src/codec/index.ts';
import { expectCode } from './expect-code.ts';

const LIMITS = { bytesMax: 60_000 };
const line = (text: string) => utf8Encode(text);
const signature = { keyid: 'k', sig: Uint8Array.of(1, 2, 3) };
const VALID = '{"payload":"aGk=","payloadType":"t/p","signatures":[{"keyid":"k","sig":"AQID"}]}';

const envelope = fc.record({
  payloadType: fc.string({ unit: 'grapheme' }),
  payload: fc.uint8Array({ maxLength: 200 }),
  signatures: fc.array(fc.record({ keyid: fc.string({ unit: 'grapheme' }), sig: fc.uint8Array({ maxLength: 64 }) }), {
    minLength: 1,
    maxLength: 4,
  }),
});

describe('a DSSE envelope', () => {
  test('has one form, and any content comes back from it', () => {
    fc.assert(
      fc.property(envelope, (value) => {
        const bytes = encodeEnvelope(value);
        expect(bytes).not.toContain(0x0a);
        expect(decodeEnvelope(bytes, LIMITS)).toEqual(value);
      }),
    );
    expect(utf8Decode(encodeEnvelope({ payloadType: 't/p', payload: line('hi'), signatures: [signature] }))).toBe(
      VALID,
    );
  });

  test.each([
    ['a newline at the end', `${VALID}\n`],
    ['a space', VALID.replace(',', ', ')],
    ['another order of keys', '{"payloadType":"t/p","payload":"aGk=","signatures":[{"keyid":"k","sig":"AQID"}]}'],
    ['another order in a signature', VALID.replace('"keyid":"k","sig":"AQID"', '"sig":"AQID","keyid":"k"')],
    ['an unknown field', VALID.replace(/\}$/, ',"x":1}')],
    ['an unknown field in a signature', VALID.replace('"sig"', '"cert":"c","sig"')],
    ['an escape that is not needed', VALID.replace('t/p', 't\\/p')],
    ['an escape written otherwise', VALID.replace('"k"', '"\\u006b"')],
    ['no payload', '{"payloadType":"t/p","signatures":[{"keyid":"k","sig":"AQID"}]}'],
    ['no key id', VALID.replace('"keyid":"k",', '')],
    ['no signature', VALID.replace(/\[.*\]/, '[]')],
    ['signatures that are no list', VALID.replace(/\[(.*)\]/, '$1')],
    ['a signature that is no object', VALID.replace(/\[.*\]/, '["AQID"]')],
    ['a payload that is a number', VALID.replace('"aGk="', '5')],
    ['a payload that is null', VALID.replace('"aGk="', 'null')],
    ['a payload in base64 for URLs', VALID.replace('aGk=', '-_-_')],
    ['a payload whose padding bits are not zero', VALID.replace('aGk=', 'aGl=')],
    ['a payload without padding', VALID.replace('aGk=', 'aGk')],
    ['a list', `[${VALID}]`],
    ['null', 'null'],
  ])('with %s is refused', (_, text) => {
    expect(text).not.toBe(VALID);
    const shallow = text === `[${VALID}]` ? 'CODEC_JSON_DEPTH' : 'CODEC_ENVELOPE';
    expectCode(shallow, () => decodeEnvelope(line(text), LIMITS));
  });

  test('with a duplicate key is refused, even where both say the same', () => {
    expectCode('CODEC_JSON_DUPLICATE_KEY', () =>
      decodeEnvelope(line(VALID.replace('{', '{"payload":"aGk=",')), LIMITS),
    );
  });

  test('holds at most the allowed number of signatures, in both directions', () => {
    const of = (count: number) => ({
      payloadType: 't',
      payload: line(''),
      signatures: Array.from({ length: count }, () => signature),
    });
    const most = encodeEnvelope(of(ENVELOPE_SIGNATURES_MAX));
    expect(decodeEnvelope(most, LIMITS).signatures).toHaveLength(ENVELOPE_SIGNATURES_MAX);
    expectCode('CODEC_ENVELOPE', () => encodeEnvelope(of(ENVELOPE_SIGNATURES_MAX + 1)));
    expectCode('CODEC_ENVELOPE', () => encodeEnvelope(of(0)));
    const more = utf8Decode(most).replace('[', '[{"keyid":"k","sig":"AQID"},');
    expectCode('CODEC_JSON_NODES', () => decodeEnvelope(line(more), LIMITS));
  });

  test('is refused by its size before it is parsed', () => {
    expect(decodeEnvelope(line(VALID), { bytesMax: VALID.length }).payloadType).toBe('t/p');
    expectCode('CODEC_TOO_LARGE', () => decodeEnvelope(line(VALID), { bytesMax: VALID.length - 1 }));
  });

  test('a lone surrogate can be neither encoded nor decoded', () => {
    expectCode('CODEC_SURROGATE', () => decodeEnvelope(line(VALID.replace('t/p', '\\ud800')), LIMITS));
    // JSON.stringify would write it as an escape, a text that no decoder accepts.
    expectCode('CODEC_CANONICAL', () =>
      encodeEnvelope({ payloadType: '\ud800', payload: line(''), signatures: [signature] }),
    );
  });
});

describe('the pre-authentication encoding', () => {
  test('counts bytes, not characters', () => {
    expect(utf8Decode(preAuthEncoding('é€', line('ü')))).toBe('DSSEv1 5 é€ 2 ü');
    expect(utf8Decode(preAuthEncoding('', line('')))).toBe('DSSEv1 0  0 ');
  });

  test('differs for any two pairs of type and payload', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ' ', '1', 'é'), maxLength: 4 });
    fc.assert(
      fc.property(text, text, text, text, (t1, p1, t2, p2) => {
        const same = t1 === t2 && p1 === p2;
        expect(utf8Decode(preAuthEncoding(t1, line(p1))) === utf8Decode(preAuthEncoding(t2, line(p2)))).toBe(same);
      }),
    );
  });
});
