import { z } from 'zod';
import type { BlockLeaf, Leaf, TxResult } from '../types/transaction.ts';
import { ChainError } from '../errors/chain-error.ts';
import { canonicalJson, concatBytes, decodeWith, utf8Encode } from '../codec/index.ts';
import { canonicalJsonOf, memberOf } from './canonical-structure.ts';
import { LEAF_BYTES_MAX, SPOOL_ENTRIES_MAX, TX_BYTES_MAX, VALIDATORS_MAX } from './limits.ts';
import { chainSchemas } from './schema/chain.ts';
import { base64, count, hash, keyId, leafIndex, ms, positive, signatureText } from './schema/scalars.ts';

/**
 * A leaf is one line of RFC 8785 JSON without newline, and the log hashes SHA-256(0x00 || line).
 *   transaction: {"height":h,"index":i,"prev":{"namespace":n,"object":o},"result":{...},"tx":<envelope line>,"v":1}
 *   block:       {"block":{...},"v":1}, the last one of each block; it holds the next validator set where the block changed it
 * An envelope line is canonical JSON itself, so it stands in the leaf byte for byte.
 */
const LEAF_VERSION = 1;

const CODE_MAX = 64;

const txResultSchema: z.ZodType<TxResult> = z.strictObject({
  decision: z.enum(['ADMITTED', 'RECORDED', 'REFUSED', 'WAITING', 'DONE', 'EXPIRED', 'DUPLICATE', 'INVALID']),
  code: z
    .string()
    .max(CODE_MAX)
    .regex(/^[A-Z][A-Z0-9_]*$/),
  proposal: positive.nullable(),
  witnesses: z.array(leafIndex).max(VALIDATORS_MAX),
  binding: z.enum(['diff', 'strict']).nullable(),
  original: leafIndex.nullable(),
});

const prev = { object: count.nullable(), namespace: count.nullable() };

const leafSchema: z.ZodType<Leaf> = z.strictObject({
  v: z.literal(LEAF_VERSION),
  height: positive,
  index: count,
  result: txResultSchema,
  prev: z.union([
    z.strictObject(prev),
    z.strictObject({ ...prev, entries: z.array(z.strictObject(prev)).min(1).max(SPOOL_ENTRIES_MAX) }),
  ]),
  tx: z.strictObject({
    payload: base64(TX_BYTES_MAX),
    payloadType: z.string().max(255),
    signatures: z.array(z.strictObject({ keyid: keyId, sig: signatureText })).length(1),
  }),
});

const blockLeafSchema: z.ZodType<BlockLeaf> = z.strictObject({
  v: z.literal(LEAF_VERSION),
  block: z.strictObject({
    height: positive,
    timeMs: ms,
    appVersion: positive,
    stateRoot: hash,
    validatorsHash: hash,
    nextValidatorsHash: hash,
    paramsHash: hash,
    previous: hash,
    nextValidators: z.array(chainSchemas.validator).min(1).max(VALIDATORS_MAX).optional(),
  }),
});

export type DecodedLeaf =
  | { readonly kind: 'transaction'; readonly leaf: Leaf; /** The envelope line. */ readonly tx: Uint8Array }
  | { readonly kind: 'block'; readonly leaf: BlockLeaf };

const TX_KEY = ',"tx":';
const END = `,"v":${LEAF_VERSION}}`;
const TX_KEY_BYTES = utf8Encode(TX_KEY);
const END_BYTES = utf8Encode(END);

/** The leaf of an executed transaction. `tx` is a line that decodeTransaction accepted. Throws LEDGER_LEAF_TOO_LARGE. */
export function leafBytes(fields: Pick<Leaf, 'height' | 'index' | 'result' | 'prev'>, tx: Uint8Array): Uint8Array {
  const { height, index, prev, result } = fields;
  const head = canonicalJson({ height, index, prev, result });
  // `height`, `index`, `prev` and `result` sort before `tx`, `v` after it: cut the closing brace and go on.
  const bytes = concatBytes(head.subarray(0, -1), TX_KEY_BYTES, tx, END_BYTES);
  return withinLimit(bytes);
}

export function blockLeafBytes(block: BlockLeaf['block']): Uint8Array {
  return withinLimit(canonicalJson({ v: LEAF_VERSION, block }));
}

/** Throws CODEC_*, LEDGER_LEAF_TOO_LARGE, LEDGER_VERSION, LEDGER_NOT_CANONICAL. The transaction inside is not decoded. */
export function decodeLeaf(bytes: Uint8Array): DecodedLeaf {
  withinLimit(bytes);
  const { json, text } = canonicalJsonOf(bytes, 'leaf', LEAF_BYTES_MAX);
  if (memberOf(json, 'block') !== undefined) {
    return { kind: 'block', leaf: decodeWith(blockLeafSchema, json, 'block leaf') };
  }
  const leaf = decodeWith(leafSchema, json, 'leaf');
  // The bytes are canonical, the order of the members is known, and none before `tx` holds text that could look like it.
  return { kind: 'transaction', leaf, tx: utf8Encode(text.slice(text.indexOf(TX_KEY) + TX_KEY.length, -END.length)) };
}

function withinLimit(bytes: Uint8Array): Uint8Array {
  if (bytes.length > LEAF_BYTES_MAX) {
    throw new ChainError('LEDGER_LEAF_TOO_LARGE', { bytes: bytes.length, bytesMax: LEAF_BYTES_MAX });
  }
  return bytes;
}
