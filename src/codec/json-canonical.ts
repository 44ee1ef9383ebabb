import { ChainError } from '../errors/chain-error.ts';
import { concatBytes } from './bytes.ts';
import { isJsonNumberText } from './json-number.ts';
import { utf8Encode } from './utf8.ts';

/** Deeper values do not come from parseJson; most likely they are cyclic. */
const DEPTH_MAX = 1_000;

/**
 * RFC 8785 (JSON Canonicalization Scheme). One extension: a JsonNumberText, which no double holds, is written with all
 * its digits in the same layout. Members that are undefined are dropped, as JSON.stringify does; undefined elsewhere,
 * bigint, NaN, infinities, functions, lone surrogates, cycles and what is deeper than `depthMax` are CODEC_CANONICAL.
 */
export function canonicalText(value: unknown, depthMax: number = DEPTH_MAX): string {
  const out = new Output(Infinity);
  write(value, depthMax, out);
  return out.text;
}

/** UTF-8 of canonicalText. */
export function canonicalJson(value: unknown): Uint8Array {
  const out = new Output(PIECE_CHARS);
  write(value, DEPTH_MAX, out);
  return out.bytes();
}

/** A text that grows by small parts is a tree of them, many times its size, until it is read as a whole: so it is turned into bytes now and then. */
const PIECE_CHARS = 65_536;

class Output {
  readonly #pieceChars: number;
  readonly #pieces: Uint8Array[] = [];
  text = '';

  constructor(pieceChars: number) {
    this.#pieceChars = pieceChars;
  }

  put(part: string): void {
    this.text += part;
    if (this.text.length < this.#pieceChars) return;
    this.#pieces.push(utf8Encode(this.text));
    this.text = '';
  }

  bytes(): Uint8Array {
    const last = utf8Encode(this.text);
    return this.#pieces.length === 0 ? last : concatBytes(...this.#pieces, last);
  }
}

/** `depthLeft`: levels of arrays and objects that may still follow. */
function write(value: unknown, depthLeft: number, out: Output): void {
  switch (typeof value) {
    case 'string':
      return out.put(quoted(value));
    case 'number':
      if (!Number.isFinite(value)) throw refused(`the number ${value}`);
      return out.put(String(value));
    case 'boolean':
      return out.put(value ? 'true' : 'false');
    case 'object':
      if (value === null) return out.put('null');
      if (depthLeft === 0) throw refused('nesting deeper than is allowed, or a cycle');
      if (Array.isArray(value)) return writeArray(value, depthLeft - 1, out);
      if (isJsonNumberText(value)) return out.put(value.numberText);
      return writeObject(value as Record<string, unknown>, depthLeft - 1, out);
    case 'undefined':
    case 'bigint':
    case 'function':
    case 'symbol':
      throw refused(`a value of type ${typeof value}`);
  }
}

function writeArray(array: readonly unknown[], depthLeft: number, out: Output): void {
  out.put('[');
  for (let i = 0; i < array.length; i++) {
    if (i > 0) out.put(',');
    write(array[i], depthLeft, out);
  }
  out.put(']');
}

/** Keys in the order of their UTF-16 code units (RFC 8785 section 3.2.3), which is what sort() does by itself. */
function writeObject(object: Record<string, unknown>, depthLeft: number, out: Output): void {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== null && prototype !== Object.prototype) throw refused('an object of a class');
  let before = '{';
  for (const key of sortedKeys(object)) {
    const member = object[key];
    if (member === undefined) continue;
    out.put(`${before}${quoted(key)}:`);
    before = ',';
    write(member, depthLeft, out);
  }
  out.put(before === '{' ? '{}' : '}');
}

/** Most objects were decoded from canonical text, or written down in its order. */
function sortedKeys(object: Record<string, unknown>): readonly string[] {
  const keys = Object.keys(object);
  for (let i = 1; i < keys.length; i++) if ((keys[i - 1] as string) > (keys[i] as string)) return keys.sort();
  return keys;
}

/** Printable ASCII without quote and backslash: what JSON leaves as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw refused('a string with a lone surrogate');
  return JSON.stringify(text);
}

function refused(reason: string): ChainError<'CODEC_CANONICAL'> {
  return new ChainError('CODEC_CANONICAL', { reason });
}
