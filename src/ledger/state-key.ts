import type { Sha256 } from '../ports/crypto.ts';
import { ChainError } from '../errors/chain-error.ts';
import { utf8Encode } from '../codec/index.ts';
import { domainHashHex } from './domain-hash.ts';
import { STATE_KEY_BYTES_MAX } from './limits.ts';

/** Printable ASCII without space: one key has one spelling in the tree, in a URL and in a log. */
const KEY_PATTERN = /^[!-~]+$/;
/** Nothing in it has to be escaped, as in almost every part. */
const PLAIN_PART = /^[!"$&-.0-~]*$/;
/** Separator and hash at the end of a shortened key. */
const TAIL_CHARS = 1 + 64;
const PERCENT = 0x25;
const SLASH = 0x2f;
const HASH_SIGN = 0x23;

/**
 * The key of a state entry: the parts joined by `/`. Bytes outside printable ASCII and `%`, `/`, `#` inside a part are written
 * %XX, so that no two lists of parts have one key. Longer than 512 bytes: the first 447, `#`, and the hash of the whole
 * (`#` stands nowhere else).
 */
export function stateKey(sha256: Sha256, ...parts: readonly string[]): string {
  const key = parts.map(escapePart).join('/');
  if (key.length <= STATE_KEY_BYTES_MAX) return key;
  return `${key.slice(0, STATE_KEY_BYTES_MAX - TAIL_CHARS)}#${domainHashHex(sha256, 'state-key', utf8Encode(key))}`;
}

/** Throws LEDGER_STATE_KEY. */
export function checkStateKey(key: string): void {
  if (key.length > STATE_KEY_BYTES_MAX || !KEY_PATTERN.test(key)) {
    throw new ChainError('LEDGER_STATE_KEY', { key: key.slice(0, STATE_KEY_BYTES_MAX) });
  }
}

function escapePart(part: string): string {
  if (PLAIN_PART.test(part)) return part;
  let text = '';
  for (const byte of utf8Encode(part)) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== PERCENT && byte !== SLASH && byte !== HASH_SIGN;
    text += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
