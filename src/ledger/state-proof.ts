import { z } from 'zod';
import type { Hash } from '../types/brand.ts';
import type { Json } from '../types/json.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { decodeWith, fromBase64, fromHex, toBase64, toHex, utf8Encode } from '../codec/index.ts';
import { hash } from './schema/scalars.ts';
import { STATE_HASH_BYTES, bucketHash, bucketOf, findInBucket, stateNodeHash } from './state-bucket.ts';
import { checkStateKey } from './state-key.ts';

/** 2^16 buckets. */
export const STATE_TREE_DEPTH = 16;

export interface StateProof {
  /** Bytes of the bucket that the key belongs to; empty for an empty bucket. */
  readonly bucket: Uint8Array;
  /** 16 hashes, from the bucket's sibling upwards. */
  readonly siblings: readonly Uint8Array[];
}

/**
 * The value of `key` under `root`, or undefined if it is proven to be absent: the whole bucket is shown, so what is not in it is
 * nowhere. Throws LEDGER_STATE_PROOF.
 */
export function verifyStateProof(
  root: Hash,
  key: string,
  proof: StateProof,
  sha256: Sha256,
): { readonly value: Uint8Array | undefined } {
  const refuse = (detail: string, cause?: unknown) =>
    new ChainError('LEDGER_STATE_PROOF', { key, detail }, cause === undefined ? {} : { cause });
  checkStateKey(key);
  const { bucket: bytes, siblings } = proof;
  if (siblings.length !== STATE_TREE_DEPTH) throw refuse(`${siblings.length} siblings instead of ${STATE_TREE_DEPTH}`);
  if (siblings.some((sibling) => sibling.length !== STATE_HASH_BYTES)) throw refuse('a sibling is not 32 bytes');
  const bucket = bucketOf(sha256, key);
  let node = bucketHash(sha256, bytes);
  let path = bucket;
  for (const sibling of siblings) {
    node = path % 2 === 0 ? stateNodeHash(sha256, node, sibling) : stateNodeHash(sha256, sibling, node);
    path >>= 1;
  }
  if (toHex(node) !== root) throw refuse('it leads to another root');
  try {
    return { value: findInBucket(bucket, bytes, utf8Encode(key)) };
  } catch (error) {
    if (isChainError(error, 'LEDGER_STATE_BUCKET')) throw refuse(error.message, error);
    throw error;
  }
}

/** A bucket of a million records' chain is a few KiB; large proposals share one. Base64 of 32 MiB, far above what a node sends. */
const BUCKET_TEXT_MAX = 44_739_244;

const stateProofSchema = z.strictObject({
  bucket: z.string().max(BUCKET_TEXT_MAX),
  siblings: z.array(hash).length(STATE_TREE_DEPTH),
});

/** The form of the API: bucket in base64, siblings in hexadecimal. */
export type StateProofJson = z.infer<typeof stateProofSchema>;

export function stateProofToJson(proof: StateProof): StateProofJson {
  return { bucket: toBase64(proof.bucket), siblings: proof.siblings.map((sibling) => toHex(sibling) as Hash) };
}

/** Throws CODEC_SCHEMA, CODEC_BASE64. */
export function stateProofFromJson(json: Json): StateProof {
  const { bucket, siblings } = decodeWith(stateProofSchema, json, 'state proof');
  return { bucket: fromBase64(bucket), siblings: siblings.map(fromHex) };
}
