import { concatBytes } from '../codec/index.ts';

/**
 * Parts of the binary layouts of this folder, joined once with concatBytes: a block of a megabyte is not copied as it grows, and a
 * bucket is encoded at each write to it. The callers have checked the ranges.
 */
export const u8 = (value: number): Uint8Array => new Uint8Array([value]);
export const u16 = (value: number): Uint8Array => new Uint8Array([value >>> 8, value]);
export const u32 = (value: number): Uint8Array => new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);

/** A safe integer. */
export function u64(value: number): Uint8Array {
  return concatBytes(u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32));
}

/** Length in four bytes, then the bytes. */
export function prefixed(bytes: Uint8Array): Uint8Array {
  return concatBytes(u32(bytes.length), bytes);
}
