import { ChainError } from '../errors/chain-error.ts';

const U16_MAX = 0xffff;
const U32_MAX = 0xffff_ffff;
const U32_RANGE = 0x1_0000_0000;
const INITIAL_BYTES = 256;

/** Appends big-endian fields to a growing buffer. Values out of range are CODEC_BINARY_RANGE, never truncated. */
export class ByteWriter {
  #buffer = new Uint8Array(INITIAL_BYTES);
  #length = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number = U32_MAX) {
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    // Claimed first: claiming may replace the buffer, which an assignment in one expression would have read before.
    const at = this.#claim(1);
    this.#buffer[at] = checked('u8', value, 0xff);
    return this;
  }

  u16(value: number): this {
    checked('u16', value, U16_MAX);
    const at = this.#claim(2);
    this.#buffer[at] = value >>> 8;
    this.#buffer[at + 1] = value & 0xff;
    return this;
  }

  u32(value: number): this {
    checked('u32', value, U32_MAX);
    this.#putU32(this.#claim(4), value);
    return this;
  }

  /** A safe integer from 0 to 2^53 - 1 in eight bytes. */
  u64(value: number): this {
    checked('u64', value, Number.MAX_SAFE_INTEGER);
    const at = this.#claim(8);
    this.#putU32(at, Math.floor(value / U32_RANGE));
    this.#putU32(at + 4, value % U32_RANGE);
    return this;
  }

  /** The bytes as they are; the reader must know how many. */
  bytes(value: Uint8Array): this {
    const at = this.#claim(value.length);
    this.#buffer.set(value, at);
    return this;
  }

  /** u32 length, then the bytes. */
  lengthPrefixed(value: Uint8Array, bytesMax: number): this {
    this.u32(checked('length', value.length, bytesMax));
    return this.bytes(value);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #putU32(at: number, value: number): void {
    this.#buffer[at] = value >>> 24;
    this.#buffer[at + 1] = (value >>> 16) & 0xff;
    this.#buffer[at + 2] = (value >>> 8) & 0xff;
    this.#buffer[at + 3] = value & 0xff;
  }

  #claim(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytesMax) {
      throw new ChainError('CODEC_TOO_LARGE', { what: 'binary data', bytes: needed, bytesMax: this.#bytesMax });
    }
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, at));
      this.#buffer = grown;
    }
    this.#length = needed;
    return at;
  }
}

/** Reads what ByteWriter wrote. Every read is bounded by what is there; `end()` refuses what is left. */
export class ByteReader {
  readonly #source: Uint8Array;
  #at = 0;

  constructor(source: Uint8Array) {
    this.#source = source;
  }

  get left(): number {
    return this.#source.length - this.#at;
  }

  u8(): number {
    const at = this.#claim(1);
    return this.#source[at] ?? 0;
  }

  u16(): number {
    const at = this.#claim(2);
    return ((this.#source[at] ?? 0) << 8) | (this.#source[at + 1] ?? 0);
  }

  u32(): number {
    return this.#getU32(this.#claim(4));
  }

  /** A safe integer; values of 2^53 and above are CODEC_BINARY_RANGE. */
  u64(): number {
    const at = this.#claim(8);
    return checked('u64', this.#getU32(at) * U32_RANGE + this.#getU32(at + 4), Number.MAX_SAFE_INTEGER);
  }

  /** A copy of the next `count` bytes, so that a result does not keep a network buffer alive. */
  bytes(count: number): Uint8Array {
    const at = this.#claim(checked('count', count, U32_MAX));
    return this.#source.slice(at, at + count);
  }

  /** u32 length of at most `bytesMax`, then that many bytes. */
  lengthPrefixed(bytesMax: number): Uint8Array {
    return this.bytes(checked('length', this.u32(), bytesMax));
  }

  /** As `lengthPrefixed`, but not copied: for what is decoded at once. */
  lengthPrefixedView(bytesMax: number): Uint8Array {
    const count = checked('length', this.u32(), bytesMax);
    const at = this.#claim(count);
    return this.#source.subarray(at, at + count);
  }

  /** Nothing may be left. */
  end(): void {
    if (this.left !== 0) throw new ChainError('CODEC_BINARY_TRAILING', { offset: this.#at, left: this.left });
  }

  #getU32(at: number): number {
    const source = this.#source;
    const low = ((source[at + 1] ?? 0) << 16) | ((source[at + 2] ?? 0) << 8) | (source[at + 3] ?? 0);
    return (source[at] ?? 0) * 0x100_0000 + low;
  }

  #claim(count: number): number {
    if (count > this.left) {
      throw new ChainError('CODEC_BINARY_SHORT', { offset: this.#at, wanted: count, left: this.left });
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }
}

function checked(field: string, value: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw new ChainError('CODEC_BINARY_RANGE', { field, value, max });
  }
  return value;
}
