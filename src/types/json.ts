/**
 * A JSON number whose exact text matters: integers beyond 2^53 and decimals whose double does not print alike.
 * Every other number is a JavaScript number. Only src/codec makes one (`exactNumber`) and tells one apart
 * (`isJsonNumberText`, by class): an object of the input may have a key `numberText` too.
 */
export interface JsonNumberText {
  readonly numberText: string;
}

/** Objects are Maps-free plain records with a null prototype, so that `__proto__` is an ordinary key. */
export type JsonObject = { readonly [key: string]: Json };
export type Json = null | boolean | number | string | JsonNumberText | readonly Json[] | JsonObject;
