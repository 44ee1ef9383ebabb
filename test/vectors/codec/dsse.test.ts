import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decodeEnvelope, encodeEnvelope, fromBase64, preAuthEncoding, utf8Decode, utf8Encode } from '../../../src/codec/index.ts';

/** The example at the end of the DSSE protocol, version 1.0.0. */
const TYPE = 'http://example.com/HelloWorld';
const PAYLOAD = utf8Encode('hello world');
const SIGNATURE = 'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==';
const coordinate = (decimal: string) => Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url');
const KEY = createPublicKey({
  format: 'jwk',
  key: {
    kty: 'EC',
    crv: 'P-256',
    x: coordinate('46950820868899156662930047687818585632848591499744589407958293238635476079160'),
    y: coordinate('5640078356564379163099075877009565129882514886557779369047442380624545832820'),
  },
});

describe('the example of the DSSE protocol', () => {
  test('has the printed pre-authentication encoding', () => {
    expect(utf8Decode(preAuthEncoding(TYPE, PAYLOAD))).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  test('verifies over our encoding, and over no other', () => {
    const key = { key: KEY, dsaEncoding: 'ieee-p1363' } as const;
    const signature = fromBase64(SIGNATURE);
    expect(verify('sha256', preAuthEncoding(TYPE, PAYLOAD), key, signature)).toBe(true);
    expect(verify('sha256', preAuthEncoding(`${TYPE} `, PAYLOAD), key, signature)).toBe(false);
    expect(verify('sha256', preAuthEncoding(TYPE, utf8Encode('hello worle')), key, signature)).toBe(false);
  });

  test('is carried in our form with its payload and type as printed', () => {
    const bytes = encodeEnvelope({ payloadType: TYPE, payload: PAYLOAD, signatures: [{ keyid: '', sig: fromBase64(SIGNATURE) }] });
    expect(JSON.parse(utf8Decode(bytes))).toEqual({
      payload: 'aGVsbG8gd29ybGQ=',
      payloadType: TYPE,
      signatures: [{ keyid: '', sig: SIGNATURE }],
    });
    expect(decodeEnvelope(bytes, { bytesMax: 1_000 }).payload).toEqual(PAYLOAD);
  });
});
