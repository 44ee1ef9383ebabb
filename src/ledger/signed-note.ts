import type { PublicKeyHex } from '../types/brand.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { concatBytes, fromBase64, fromHex, toBase64, toHex, utf8Encode } from '../codec/index.ts';

/**
 * c2sp.org/signed-note: text that ends in a newline, an empty line, then lines
 *   U+2014 SP <key name> SP base64( key id (4) || signature ) LF
 * Key id = SHA-256(name || 0x0A || type || public key)[:4]. Types here: 0x01 Ed25519 over the text, 0x04 cosignature/v1.
 */
export const NOTE_TYPE_ED25519 = 0x01;
export const NOTE_TYPE_COSIGNATURE_V1 = 0x04;
export type NoteType = typeof NOTE_TYPE_ED25519 | typeof NOTE_TYPE_COSIGNATURE_V1;

/** C2SP verifiers must accept 16 lines and need not accept more. */
export const NOTE_LINES_MAX = 16;
/** Lines that are read before those of strangers are dropped; golang.org/x/mod/sumdb/note stops at 100 too. */
const LINES_READ_MAX = 100;
/** Three lines of text and 100 lines of post-quantum signatures stay below it; Go's limit is the same. */
const NOTE_CHARS_MAX = 1_000_000;
const KEY_ID_BYTES = 4;

export interface NoteSignature {
  readonly name: string;
  /** 8 hexadecimal digits. */
  readonly keyId: string;
  /** What follows the key id. */
  readonly signature: Uint8Array;
}

export interface SignedNote {
  /** With its final newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Key names: no Unicode space, no plus, no control character. */
const NAME_PATTERN = /^[^\p{White_Space}\p{Cc}+]+$/u;
/** Everything below U+0020 but newline. */
const hasControl = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20 && text[i] !== '\n') return true;
  return false;
};
const LINE_PATTERN = /^\u2014 ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/u;

/** 8 hexadecimal digits. */
export function noteKeyId(sha256: Sha256, name: string, type: NoteType, publicKey: PublicKeyHex): string {
  const input = concatBytes(utf8Encode(`${name}\n`), new Uint8Array([type]), fromHex(publicKey));
  return toHex(sha256(input).slice(0, KEY_ID_BYTES));
}

/** `<name>+<key id>+<base64(type || public key)>`: what Go's note.NewVerifier and a C2SP policy read. */
export function verifierKey(sha256: Sha256, name: string, type: NoteType, publicKey: PublicKeyHex): string {
  checkName(name);
  const key = toBase64(concatBytes(new Uint8Array([type]), fromHex(publicKey)));
  return `${name}+${noteKeyId(sha256, name, type, publicKey)}+${key}`;
}

export function formatNote(note: SignedNote): string {
  const { text, signatures } = note;
  checkText(text);
  if (signatures.length === 0) throw malformed('no signature');
  const lines = signatures.map(({ name, keyId, signature }) => {
    checkName(name);
    return `\u2014 ${name} ${toBase64(concatBytes(fromHex(keyId), signature))}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

/** Strict inverse of formatNote. Signatures are parsed, none is verified. Throws LEDGER_NOTE_FORM. */
export function parseNote(note: string): SignedNote {
  if (note.length > NOTE_CHARS_MAX) throw malformed(`more than ${NOTE_CHARS_MAX} characters`);
  if (!note.endsWith('\n')) throw malformed('no newline at its end');
  if (hasControl(note)) throw malformed('a control character');
  // The text may hold empty lines: the last one parts it from the signatures.
  const split = note.lastIndexOf('\n\n');
  if (split < 0) throw malformed('no empty line before the signatures');
  const text = note.slice(0, split + 1);
  checkText(text);
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > LINES_READ_MAX) throw malformed(`more than ${LINES_READ_MAX} signature lines`);
  return { text, signatures: lines.map(parseLine) };
}

function parseLine(line: string): NoteSignature {
  const [, name, encoded] = LINE_PATTERN.exec(line) ?? [];
  if (name === undefined || encoded === undefined) throw malformed('a signature line of another form');
  checkName(name);
  const bytes = decodeBase64(encoded);
  if (bytes.length <= KEY_ID_BYTES) throw malformed('a signature line without a signature');
  return { name, keyId: toHex(bytes.slice(0, KEY_ID_BYTES)), signature: bytes.slice(KEY_ID_BYTES) };
}

function decodeBase64(encoded: string): Uint8Array {
  try {
    return fromBase64(encoded);
  } catch (error) {
    if (isChainError(error, 'CODEC_BASE64')) throw malformed('a signature that is not base64', error);
    throw error;
  }
}

function checkText(text: string): void {
  if (!text.endsWith('\n')) throw malformed('text without its final newline');
  if (hasControl(text)) throw malformed('a control character');
}

function checkName(name: string): void {
  if (!NAME_PATTERN.test(name)) throw malformed('a key name that is empty or has a space or a plus');
}

function malformed(detail: string, cause?: unknown): ChainError<'LEDGER_NOTE_FORM'> {
  return new ChainError('LEDGER_NOTE_FORM', { detail }, cause === undefined ? {} : { cause });
}
