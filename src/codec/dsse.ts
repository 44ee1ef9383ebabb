import { ChainError, isChainError } from '../errors/chain-error.ts';
import type { Json, JsonObject } from '../types/json.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { concatBytes } from './bytes.ts';
import { canonicalText } from './json-canonical.ts';
import { parseJson } from './json-parse.ts';
import { quickJson } from './json-quick.ts';
import { utf8Decode, utf8Encode } from './utf8.ts';

export interface EnvelopeSignature {
  readonly keyid: string;
  readonly sig: Uint8Array;
}

/** A DSSE v1 envelope with its base64 fields decoded. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly EnvelopeSignature[];
}

/** One organisation signs a transaction; a descriptor bears three. More only costs verifiers time. */
export const ENVELOPE_SIGNATURES_MAX = 16;
/** Envelope, list, signature. */
const DEPTH_MAX = 3;
const NODES_MAX = 4 + 3 * ENVELOPE_SIGNATURES_MAX;

/** What is signed: "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload; lengths in bytes, decimal (DSSE v1, protocol.md). */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8Encode(payloadType);
  return concatBytes(utf8Encode(`DSSEv1 ${type.length} `), type, utf8Encode(` ${payload.length} `), payload);
}

/** The one form of an envelope: one line without its newline, keys in this order, no white space, standard base64. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const { payloadType, payload, signatures } = envelope;
  const texts = signatures.map(({ keyid, sig }) => ({ keyid, sig: toBase64(sig) }));
  return utf8Encode(envelopeText(payloadType, toBase64(payload), texts));
}

/** Strict inverse of encodeEnvelope: bytes that do not come out of it again identically are refused. */
export function decodeEnvelope(bytes: Uint8Array, limits: { readonly bytesMax: number }): Envelope {
  return quickEnvelope(bytes, limits.bytesMax) ?? strictEnvelope(bytes, limits.bytesMax);
}

/** What the platform's parser reads, if that is written as the same bytes again; what is wrong with others strictEnvelope tells. */
function quickEnvelope(bytes: Uint8Array, bytesMax: number): Envelope | undefined {
  if (bytes.length > bytesMax) return undefined;
  try {
    const text = utf8Decode(bytes);
    const json = quickJson(text);
    return json === undefined ? undefined : envelopeOf(json, text);
  } catch (error) {
    if (!isChainError(error)) throw error;
    return undefined;
  }
}

function strictEnvelope(bytes: Uint8Array, bytesMax: number): Envelope {
  const json = parseJson(bytes, { bytesMax, depthMax: DEPTH_MAX, nodesMax: NODES_MAX });
  return envelopeOf(json, utf8Decode(bytes));
}

/** Throws unless `text` is how the envelope is written. */
function envelopeOf(json: Json, text: string): Envelope {
  const top = objectOf(json, 'the envelope');
  const entries = top['signatures'];
  if (!Array.isArray(entries)) throw malformed('signatures is not a list');
  const payloadType = textOf(top, 'payloadType');
  const payload = bytesOf(top, 'payload');
  const signatures = (entries as readonly Json[]).map((entry) => {
    const signature = objectOf(entry, 'a signature');
    return { keyid: textOf(signature, 'keyid'), sig: bytesOf(signature, 'sig') };
  });
  // Bytes have one base64 text, so what stood there is what would be written, and need not be encoded again.
  const texts = (entries as readonly JsonObject[]).map((entry) => ({
    keyid: textOf(entry, 'keyid'),
    sig: textOf(entry, 'sig'),
  }));
  if (text !== envelopeText(payloadType, textOf(top, 'payload'), texts)) {
    throw malformed('fields unknown, missing, in another order or written in another way');
  }
  return { payloadType, payload, signatures };
}

/** `payload` and each `sig` are base64. */
function envelopeText(
  payloadType: string,
  payload: string,
  signatures: readonly { readonly keyid: string; readonly sig: string }[],
): string {
  if (signatures.length === 0 || signatures.length > ENVELOPE_SIGNATURES_MAX) {
    throw malformed(`it needs 1 to ${ENVELOPE_SIGNATURES_MAX} signatures`);
  }
  const signed = signatures.map(({ keyid, sig }) => `{"keyid":${canonicalText(keyid)},"sig":"${sig}"}`);
  return `{"payload":"${payload}","payloadType":${canonicalText(payloadType)},"signatures":[${signed.join(',')}]}`;
}

function objectOf(value: Json, what: string): JsonObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw malformed(`${what} is not an object`);
  return value as JsonObject;
}

function textOf(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value !== 'string') throw malformed(`${key} is not a string`);
  return value;
}

function bytesOf(object: JsonObject, key: string): Uint8Array {
  try {
    return fromBase64(textOf(object, key));
  } catch (cause) {
    if (!isChainError(cause, 'CODEC_BASE64')) throw cause;
    throw new ChainError('CODEC_ENVELOPE', { reason: `${key}: ${cause.message}` }, { cause });
  }
}

function malformed(reason: string): ChainError<'CODEC_ENVELOPE'> {
  return new ChainError('CODEC_ENVELOPE', { reason });
}
