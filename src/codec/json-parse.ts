import { ChainError } from '../errors/chain-error.ts';
import type { Json } from '../types/json.ts';
import { exactNumber, NUMBER_CHARS_MAX, NUMBER_EXPONENT_MAX } from './json-number.ts';
import { utf8Decode, utf8LengthOfPrefix } from './utf8.ts';

export interface JsonLimits {
  readonly bytesMax: number;
  /** Levels of arrays and objects; a scalar at the top has depth 0. */
  readonly depthMax: number;
  /** Values of all kinds, keys not counted. */
  readonly nodesMax: number;
}

/** An admission body is at most 32 MiB. Dense manifests have a value every 12 bytes, and two copies of 3 MiB are the largest. */
export const JSON_LIMITS_DEFAULT: JsonLimits = { bytesMax: 32 * 1024 * 1024, depthMax: 256, nodesMax: 2_000_000 };

/** The parser recurses: a deeper limit would let input overflow the stack instead of being refused. */
const DEPTH_MAX_HARD = 1_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const FIRST_PRINTABLE = 0x20;

/** Up to 15 digits are below 2^53: no rounding is possible. */
const PLAIN_DIGITS_MAX = 15;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/**
 * RFC 8259 JSON from bytes, strict and lossless. Objects have a null prototype, so that `__proto__` is an ordinary key;
 * numbers that no double holds exactly become JsonNumberText. Refused with a CODEC_ code: bytes that are not UTF-8, a
 * byte order mark, anything behind the value, a key that stands twice, lone surrogates, and whatever exceeds a limit.
 */
export function parseJson(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): Json {
  const all = { ...JSON_LIMITS_DEFAULT, ...limits };
  if (bytes.length > all.bytesMax) {
    throw new ChainError('CODEC_TOO_LARGE', { what: 'JSON', bytes: bytes.length, bytesMax: all.bytesMax });
  }
  return new Parser(utf8Decode(bytes), Math.min(all.depthMax, DEPTH_MAX_HARD), all.nodesMax).document();
}

class Parser {
  readonly #text: string;
  readonly #depthMax: number;
  readonly #nodesMax: number;
  #at = 0;
  #depth = 0;
  #nodes = 0;

  constructor(text: string, depthMax: number, nodesMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
    this.#nodesMax = nodesMax;
  }

  document(): Json {
    this.#skipSpace();
    const value = this.#value();
    this.#skipSpace();
    if (this.#at !== this.#text.length) throw this.#syntax('the end');
    return value;
  }

  #value(): Json {
    if (++this.#nodes > this.#nodesMax) {
      throw new ChainError('CODEC_JSON_NODES', { offset: this.#offset(this.#at), nodesMax: this.#nodesMax });
    }
    switch (this.#text.charCodeAt(this.#at)) {
      case QUOTE:
        return this.#string();
      case OPEN_OBJECT:
        return this.#object();
      case OPEN_ARRAY:
        return this.#array();
      case 0x74:
        return this.#word('true', true);
      case 0x66:
        return this.#word('false', false);
      case 0x6e:
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(): Json {
    this.#enter();
    const object = Object.create(null) as Record<string, Json>;
    this.#skipSpace();
    if (this.#take(CLOSE_OBJECT)) return this.#leave(object);
    for (;;) {
      const keyAt = this.#at;
      if (this.#text.charCodeAt(keyAt) !== QUOTE) throw this.#syntax('a key in quotes');
      const key = this.#string();
      if (object[key] !== undefined) {
        throw new ChainError('CODEC_JSON_DUPLICATE_KEY', { offset: this.#offset(keyAt), key: key.slice(0, 200) });
      }
      this.#skipSpace();
      if (!this.#take(COLON)) throw this.#syntax("':'");
      this.#skipSpace();
      object[key] = this.#value();
      this.#skipSpace();
      if (this.#take(CLOSE_OBJECT)) return this.#leave(object);
      if (!this.#take(COMMA)) throw this.#syntax("',' or '}'");
      this.#skipSpace();
    }
  }

  #array(): Json {
    this.#enter();
    const array: Json[] = [];
    this.#skipSpace();
    if (this.#take(CLOSE_ARRAY)) return this.#leave(array);
    for (;;) {
      array.push(this.#value());
      this.#skipSpace();
      if (this.#take(CLOSE_ARRAY)) return this.#leave(array);
      if (!this.#take(COMMA)) throw this.#syntax("',' or ']'");
      this.#skipSpace();
    }
  }

  #enter(): void {
    if (++this.#depth > this.#depthMax) {
      throw new ChainError('CODEC_JSON_DEPTH', { offset: this.#offset(this.#at), depthMax: this.#depthMax });
    }
    this.#at++;
  }

  #leave(value: Json): Json {
    this.#depth--;
    return value;
  }

  /** Finds the end of the literal here; what escapes mean is left to the platform's own strict parser. */
  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let at = start + 1;
    let escaped = false;
    for (;;) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) break;
      if (unit === BACKSLASH) {
        escaped = true;
        at += 2;
      } else if (unit >= FIRST_PRINTABLE) {
        at++;
      } else {
        // NaN (the end of the text) and control characters come here.
        this.#at = Math.min(at, text.length);
        throw this.#syntax(at >= text.length ? "'\"'" : 'no control character in a string');
      }
    }
    this.#at = at + 1;
    return escaped ? this.#unescape(start, at + 1) : text.slice(start + 1, at);
  }

  #unescape(start: number, end: number): string {
    let value: string;
    try {
      value = JSON.parse(this.#text.slice(start, end)) as string;
    } catch (cause) {
      this.#at = start;
      throw new ChainError(
        'CODEC_JSON_SYNTAX',
        { offset: this.#offset(start), expected: 'valid escapes in a string' },
        { cause },
      );
    }
    if (!value.isWellFormed()) throw new ChainError('CODEC_SURROGATE', { offset: this.#offset(start) });
    return value;
  }

  #number(): Json {
    const text = this.#text;
    const start = this.#at;
    NUMBER.lastIndex = start;
    if (!NUMBER.test(text)) throw this.#syntax('a value');
    this.#at = NUMBER.lastIndex;
    const literal = text.slice(start, this.#at);
    if (literal.length <= PLAIN_DIGITS_MAX && !/[.eE]/.test(literal)) return Number(literal);
    const value = exactNumber(literal);
    if (value === undefined) {
      const offset = this.#offset(start);
      throw new ChainError('CODEC_JSON_NUMBER', {
        offset,
        charsMax: NUMBER_CHARS_MAX,
        exponentMax: NUMBER_EXPONENT_MAX,
      });
    }
    return value;
  }

  #word<T extends Json>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#syntax('a value');
    this.#at += word.length;
    return value;
  }

  #take(unit: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== unit) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }

  #syntax(expected: string): ChainError<'CODEC_JSON_SYNTAX'> {
    return new ChainError('CODEC_JSON_SYNTAX', { offset: this.#offset(this.#at), expected });
  }

  /** Byte offset of a position in the decoded text. */
  #offset(at: number): number {
    return utf8LengthOfPrefix(this.#text, at);
  }
}
