import { ChainError } from '../errors/chain-error.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { bytesEqual, compareBytes, utf8Encode } from '../codec/index.ts';
import { domainHash } from './domain-hash.ts';
import { STATE_KEY_BYTES_MAX, STATE_VALUE_BYTES_MAX } from './limits.ts';

/**
 * A bucket of the state tree: its entries in ascending order of their keys' bytes, each
 *   key length (2) | key | value length (4) | value, big-endian.
 * An empty bucket has no bytes. Its number is the first 16 bits of SHA-256(key).
 */
export const BUCKET_COUNT = 65_536;
export const STATE_HASH_BYTES = 32;

export interface BucketEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

const EMPTY_HASH = new Uint8Array(STATE_HASH_BYTES);

export function bucketOf(sha256: Sha256, key: string): number {
  const hash = sha256(utf8Encode(key));
  return ((hash[0] ?? 0) << 8) | (hash[1] ?? 0);
}

/** 32 zero bytes for an empty bucket. */
export function bucketHash(sha256: Sha256, bytes: Uint8Array): Uint8Array {
  return bytes.length === 0 ? EMPTY_HASH : domainHash(sha256, 'state-bucket', bytes);
}

/** An inner node of the tree over the buckets. */
export function stateNodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  return domainHash(sha256, 'state-node', left, right);
}

/** `entries` sorted by compareBytes of their keys, each key once. */
export function encodeBucket(entries: readonly BucketEntry[]): Uint8Array {
  const length = entries.reduce((sum, { key, value }) => sum + 2 + key.length + 4 + value.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const { key, value } of entries) {
    bytes[at] = key.length >>> 8;
    bytes[at + 1] = key.length;
    bytes.set(key, at + 2);
    at += 2 + key.length;
    bytes[at] = value.length >>> 24;
    bytes[at + 1] = value.length >>> 16;
    bytes[at + 2] = value.length >>> 8;
    bytes[at + 3] = value.length;
    bytes.set(value, at + 4);
    at += 4 + value.length;
  }
  return bytes;
}

/** Views into `bytes`, not copies. Throws LEDGER_STATE_BUCKET if they are cut off, not sorted, or not of this bucket's form. */
export function decodeBucket(bucket: number, bytes: Uint8Array): BucketEntry[] {
  const entries: BucketEntry[] = [];
  let previous: Uint8Array | undefined;
  scan(bucket, bytes, (key, value) => {
    if (previous !== undefined && compareBytes(previous, key) >= 0) throw malformed(bucket, 'keys are not sorted');
    previous = key;
    entries.push({ key, value });
    return false;
  });
  return entries;
}

/** The value of `key`, a copy; undefined if the bucket does not hold it. */
export function findInBucket(bucket: number, bytes: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  scan(bucket, bytes, (candidate, value) => {
    if (!bytesEqual(candidate, key)) return false;
    found = new Uint8Array(value);
    return true;
  });
  return found;
}

/** Entries in order until `visit` returns true. */
function scan(bucket: number, bytes: Uint8Array, visit: (key: Uint8Array, value: Uint8Array) => boolean): void {
  let at = 0;
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at) throw malformed(bucket, `cut off at byte ${at}`);
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const [k0 = 0, k1 = 0] = take(2);
    const keyLength = (k0 << 8) | k1;
    if (keyLength === 0 || keyLength > STATE_KEY_BYTES_MAX) throw malformed(bucket, `a key of ${keyLength} bytes`);
    const key = take(keyLength);
    const [v0 = 0, v1 = 0, v2 = 0, v3 = 0] = take(4);
    const valueLength = v0 * 0x100_0000 + ((v1 << 16) | (v2 << 8) | v3);
    if (valueLength > STATE_VALUE_BYTES_MAX) throw malformed(bucket, `a value of ${valueLength} bytes`);
    if (visit(key, take(valueLength))) return;
  }
}

function malformed(bucket: number, detail: string): ChainError<'LEDGER_STATE_BUCKET'> {
  return new ChainError('LEDGER_STATE_BUCKET', { bucket, detail });
}
