import { ByteWriter, concatBytes } from '../codec/index.ts';

/** Parts of the binary layouts of this folder, joined once with concatBytes: a block of a megabyte is not copied as it grows. */
export const u8 = (value: number): Uint8Array => new ByteWriter().u8(value).finish();
export const u16 = (value: number): Uint8Array => new ByteWriter().u16(value).finish();
export const u32 = (value: number): Uint8Array => new ByteWriter().u32(value).finish();
export const u64 = (value: number): Uint8Array => new ByteWriter().u64(value).finish();

/** Length in four bytes, then the bytes. The caller has checked the length. */
export function prefixed(bytes: Uint8Array): Uint8Array {
  return concatBytes(u32(bytes.length), bytes);
}
