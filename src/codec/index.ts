/** The public door: strict decoding with limits and the one encoding of everything that is hashed or signed. */
export { utf8Decode, utf8Encode } from './utf8.ts';
export { bytesEqual, compareBytes, concatBytes } from './bytes.ts';
export { fromHex, toHex } from './hex.ts';
export { fromBase64, toBase64 } from './base64.ts';
export { ByteReader, ByteWriter } from './binary.ts';
export { JSON_LIMITS_DEFAULT, parseJson, type JsonLimits } from './json-parse.ts';
export { quickCanonical } from './json-quick.ts';
export { exactNumber, isJsonNumberText } from './json-number.ts';
export { canonicalJson, canonicalText } from './json-canonical.ts';
export { decodeWith } from './decode-with.ts';
export {
  decodeEnvelope,
  encodeEnvelope,
  ENVELOPE_SIGNATURES_MAX,
  preAuthEncoding,
  type Envelope,
  type EnvelopeSignature,
} from './dsse.ts';
