import { ChainError } from '../errors/chain-error.ts';

const DIGITS = '0123456789abcdef';
const BYTE_TEXT: readonly string[] = Array.from({ length: 256 }, (_, i) => `${DIGITS[i >> 4]}${DIGITS[i & 15]}`);
const INVALID = 255;
const DIGIT_VALUE = new Uint8Array(128).fill(INVALID);
for (let i = 0; i < DIGITS.length; i++) DIGIT_VALUE[DIGITS.charCodeAt(i)] = i;

/** Lowercase hexadecimal, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += BYTE_TEXT[bytes[i] ?? 0];
  return text;
}

/** Strict inverse of toHex: uppercase, odd length and anything else is CODEC_HEX. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) {
    throw new ChainError('CODEC_HEX', { offset: text.length, reason: 'an odd number of digits' });
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = DIGIT_VALUE[text.charCodeAt(2 * i)] ?? INVALID;
    const low = DIGIT_VALUE[text.charCodeAt(2 * i + 1)] ?? INVALID;
    if (high === INVALID || low === INVALID) {
      const offset = high === INVALID ? 2 * i : 2 * i + 1;
      throw new ChainError('CODEC_HEX', { offset, reason: 'a character outside 0-9a-f' });
    }
    bytes[i] = (high << 4) | low;
  }
  return bytes;
}
