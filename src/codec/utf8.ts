import { ChainError } from '../errors/chain-error.ts';

// The only two pieces of the platform that the pure folders use besides the language; both are the same everywhere.
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label: 'utf-8', options: { fatal: true; ignoreBOM: true });
  decode(bytes: Uint8Array): string;
}

const encoder = new TextEncoder();
// ignoreBOM keeps a byte order mark in the text: it is then refused or kept like any other character, never dropped.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 of a text. CODEC_SURROGATE for a lone surrogate, which a plain encoder would silently replace. */
export function utf8Encode(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new ChainError('CODEC_SURROGATE', { offset: loneSurrogateIndex(text) });
  return encoder.encode(text);
}

/** Strict inverse of utf8Encode: CODEC_UTF8 names the first byte that is not UTF-8 (Unicode 16, table 3-7). */
export function utf8Decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new ChainError('CODEC_UTF8', { offset: firstInvalidByte(bytes) }, { cause });
  }
}

/** Bytes that the first `length` UTF-16 units of a well-formed text take in UTF-8. */
export function utf8LengthOfPrefix(text: string, length: number): number {
  let bytes = 0;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xe000) bytes += 2;
    else bytes += 3;
  }
  return bytes;
}

/** Index of the first lone surrogate; the text's length if there is none. */
function loneSurrogateIndex(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) ?? 0;
    if (point > 0xffff) i++;
    else if (point >= 0xd800 && point < 0xe000) return i;
  }
  return text.length;
}

function firstInvalidByte(bytes: Uint8Array): number {
  let i = 0;
  while (i < bytes.length) {
    const length = sequenceLength(bytes, i);
    if (length === 0) return i;
    i += length;
  }
  return i;
}

/** Length of the well-formed sequence at `i`, 0 if there is none. */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const lead = bytes[i] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const second = bytes[i + 1] ?? 0;
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let k = 2; k < length; k++) {
    if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}
