import { ChainError } from '../errors/chain-error.ts';
import { utf8Decode } from './utf8.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 0x3d;
const INVALID = 255;
const CODE_OF = new Uint8Array(64);
const VALUE_OF = new Uint8Array(128).fill(INVALID);
for (let i = 0; i < 64; i++) {
  const code = ALPHABET.charCodeAt(i);
  CODE_OF[i] = code;
  VALUE_OF[code] = i;
}

/** RFC 4648 section 4: standard alphabet, padded. */
export function toBase64(bytes: Uint8Array): string {
  const codes = new Uint8Array(4 * Math.ceil(bytes.length / 3));
  let out = 0;
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    codes[out++] = CODE_OF[group >> 18] ?? 0;
    codes[out++] = CODE_OF[(group >> 12) & 63] ?? 0;
    codes[out++] = left > 1 ? (CODE_OF[(group >> 6) & 63] ?? 0) : PAD;
    codes[out++] = left > 2 ? (CODE_OF[group & 63] ?? 0) : PAD;
  }
  return utf8Decode(codes);
}

/** Strict inverse of toBase64: exactly one text decodes to given bytes, every other is CODEC_BASE64. */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) {
    throw new ChainError('CODEC_BASE64', { offset: text.length, reason: 'the length is not a multiple of four' });
  }
  if (text.length === 0) return new Uint8Array(0);
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const wholeChars = padding === 0 ? text.length : text.length - 4;
  let out = 0;
  for (let i = 0; i < wholeChars; i += 4) {
    const a = VALUE_OF[text.charCodeAt(i)] ?? INVALID;
    const b = VALUE_OF[text.charCodeAt(i + 1)] ?? INVALID;
    const c = VALUE_OF[text.charCodeAt(i + 2)] ?? INVALID;
    const d = VALUE_OF[text.charCodeAt(i + 3)] ?? INVALID;
    // Valid values are below 64, INVALID has the two high bits set.
    if ((a | b | c | d) > 63) throw unknownCharacter(text, i);
    bytes[out++] = (a << 2) | (b >> 4);
    bytes[out++] = ((b & 15) << 4) | (c >> 2);
    bytes[out++] = ((c & 3) << 6) | d;
  }
  if (padding !== 0) decodePaddedGroup(text, wholeChars, padding, bytes, out);
  return bytes;
}

function decodePaddedGroup(text: string, at: number, padding: 1 | 2, bytes: Uint8Array, out: number): void {
  const a = VALUE_OF[text.charCodeAt(at)] ?? INVALID;
  const b = VALUE_OF[text.charCodeAt(at + 1)] ?? INVALID;
  const c = padding === 2 ? 0 : (VALUE_OF[text.charCodeAt(at + 2)] ?? INVALID);
  if ((a | b | c) > 63) throw unknownCharacter(text, at);
  const spareBits = padding === 2 ? b & 15 : c & 3;
  if (spareBits !== 0) {
    throw new ChainError('CODEC_BASE64', { offset: at + 3 - padding, reason: 'the padding bits are not zero' });
  }
  bytes[out] = (a << 2) | (b >> 4);
  if (padding === 1) bytes[out + 1] = ((b & 15) << 4) | (c >> 2);
}

function unknownCharacter(text: string, groupStart: number): ChainError<'CODEC_BASE64'> {
  let offset = groupStart;
  while ((VALUE_OF[text.charCodeAt(offset)] ?? INVALID) !== INVALID) offset++;
  return new ChainError('CODEC_BASE64', { offset, reason: 'a character outside the standard alphabet' });
}
