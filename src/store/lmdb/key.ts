import { hash as digest } from 'node:crypto';
import { ChainError } from '../../errors/chain-error.ts';
import { buckets, orderedIndexNames, type BucketName } from './bucket-registry.ts';

/** LMDB takes keys of at most 1978 bytes; names are kept far below that and longer ones are hashed. */
const nameBytesMax = 512;
/** Places for a whole state; see spaces.ts. */
export type StateSpace = 0 | 1 | 2;
export const stateSpaces = ['stateBucket', 'stateBucketB', 'stateBucketC'] as const;
/** 128 bits: nobody finds two audit keys that collide with less than 2^64 work, and a reader checks the leaf anyway. */
const indexHashBytes = 16;
const u48Max = 2 ** 48 - 1;
export const u48Bytes = 6;

export function writeU48(target: Buffer, value: number, offset: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > u48Max) {
    throw new ChainError('STORE_KEY', { what: `${what} ${value}`, detail: 'not an integer of 48 bits' });
  }
  target.writeUIntBE(value, offset, u48Bytes);
}

/** Key of a bucket whose key is one u48. */
export function numberKey(bucket: BucketName, value: number): Buffer {
  const key = Buffer.allocUnsafe(1 + u48Bytes);
  key[0] = buckets[bucket].number;
  writeU48(key, value, 1, bucket);
  return key;
}

export function nodeKey(level: number, index: number): Buffer {
  const key = Buffer.allocUnsafe(2 + u48Bytes);
  key[0] = buckets.node.number;
  key[1] = level;
  writeU48(key, index, 2, 'node');
  return key;
}

export function stateBucketKey(bucket: number, space: StateSpace = 0): Buffer {
  // Not from an array: a check of the data folder asks for 65,536 of them.
  const key = Buffer.allocUnsafe(3);
  key[0] = buckets[stateSpaces[space]].number;
  key[1] = bucket >> 8;
  key[2] = bucket & 0xff;
  return key;
}

export function nameKey(bucket: BucketName, name: string): Buffer {
  return Buffer.concat([Buffer.from([buckets[bucket].number]), Buffer.from(name, 'utf8')]);
}

export function localKey(name: string): Buffer {
  const text = Buffer.from(name, 'utf8');
  const long = text.length > nameBytesMax;
  const head = Buffer.from([buckets.local.number, long ? 1 : 0]);
  return Buffer.concat([head, long ? digest('sha256', text, 'buffer') : text]);
}

export function hashKey(bucket: BucketName, hash: string): Buffer {
  const bytes = Buffer.from(hash, 'hex');
  if (bytes.length !== 32) throw new ChainError('STORE_KEY', { what: `hash ${hash}`, detail: 'not 64 hex digits' });
  return Buffer.concat([Buffer.from([buckets[bucket].number]), bytes]);
}

/** Half of a leaf's keys are those of the leaf before: its kind, decision, actor, operation and namespace. */
const prefixesMax = 1_024;
const prefixes = new Map<string, Buffer>();

/** Everything of a key but the leaf index at its end. Not to be changed. */
export function indexPrefix(name: string, key: string): Buffer {
  const text = `${name}\0${key}`;
  const known = prefixes.get(text);
  if (known !== undefined) return known;
  const prefix = Buffer.allocUnsafeSlow(1 + indexHashBytes);
  prefix[0] = buckets.index.number;
  prefix.set(digest('sha256', text, 'buffer').subarray(0, indexHashBytes), 1);
  if (prefixes.size >= prefixesMax) prefixes.clear();
  prefixes.set(text, prefix);
  return prefix;
}

/** Throws STORE_KEY unless the index is an ordered one and the key fits. */
export function orderedKey(name: string, key: string): Buffer {
  const text = Buffer.from(`${name}\0${key}`, 'utf8');
  const fits = orderedIndexNames.has(name) && text.length <= nameBytesMax;
  if (!fits)
    throw new ChainError('STORE_KEY', { what: `index ${name}`, detail: 'not ordered, or a key beyond 512 bytes' });
  return Buffer.concat([Buffer.from([buckets.orderedIndex.number]), text]);
}

export function withLeaf(prefix: Buffer, leaf: number): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + u48Bytes);
  prefix.copy(key);
  writeU48(key, leaf, prefix.length, 'leaf');
  return key;
}

/** The leaf index at the end of an index key. */
export function leafOf(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.length).readUIntBE(key.length - u48Bytes, u48Bytes);
}
