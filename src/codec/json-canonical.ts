import { ChainError } from '../errors/chain-error.ts';
import { isJsonNumberText } from './json-number.ts';
import { utf8Encode } from './utf8.ts';

/** Deeper values do not come from parseJson; most likely they are cyclic. */
const DEPTH_MAX = 1_000;

/**
 * RFC 8785 (JSON Canonicalization Scheme). One extension: a JsonNumberText, which no double holds, is written with all
 * its digits in the same layout. Members that are undefined are dropped, as JSON.stringify does; undefined elsewhere,
 * bigint, NaN, infinities, functions, lone surrogates and cycles are CODEC_CANONICAL.
 */
export function canonicalText(value: unknown): string {
  return write(value, 0);
}

/** UTF-8 of canonicalText. */
export function canonicalJson(value: unknown): Uint8Array {
  return utf8Encode(write(value, 0));
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      if (!Number.isFinite(value)) throw refused(`the number ${value}`);
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= DEPTH_MAX) throw refused(`nesting deeper than ${DEPTH_MAX} levels, or a cycle`);
      if (Array.isArray(value)) return writeArray(value, depth + 1);
      if (isJsonNumberText(value)) return value.numberText;
      return writeObject(value as Record<string, unknown>, depth + 1);
    case 'undefined':
    case 'bigint':
    case 'function':
    case 'symbol':
      throw refused(`a value of type ${typeof value}`);
  }
}

function writeArray(array: readonly unknown[], depth: number): string {
  let text = '[';
  for (let i = 0; i < array.length; i++) {
    if (i > 0) text += ',';
    text += write(array[i], depth);
  }
  return `${text}]`;
}

/** Keys in the order of their UTF-16 code units (RFC 8785 section 3.2.3), which is what sort() does by itself. */
function writeObject(object: Record<string, unknown>, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== null && prototype !== Object.prototype) throw refused('an object of a class');
  let text = '{';
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member === undefined) continue;
    if (text.length > 1) text += ',';
    text += `${writeString(key)}:${write(member, depth)}`;
  }
  return `${text}}`;
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw refused('a string with a lone surrogate');
  return JSON.stringify(text);
}

function refused(reason: string): ChainError<'CODEC_CANONICAL'> {
  return new ChainError('CODEC_CANONICAL', { reason });
}
