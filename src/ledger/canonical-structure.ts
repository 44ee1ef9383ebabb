import type { Json } from '../types/json.ts';
import { ChainError } from '../errors/chain-error.ts';
import { canonicalText, JSON_LIMITS_DEFAULT, parseJson, quickCanonical, utf8Decode } from '../codec/index.ts';

/**
 * JSON of bytes that must be RFC 8785, for a schema that names every field: the version is looked at first, so that a newer format is told from damage; then bytes that are
 * not the canonical ones are refused, so that one value has one hash. Throws JSON_*, CODEC_*, LEDGER_VERSION, LEDGER_ALGORITHM, LEDGER_NOT_CANONICAL.
 */
export function canonicalJsonOf(
  bytes: Uint8Array,
  what: string,
  bytesMax: number,
  versioned: (json: Json) => Json | undefined = (json) => json,
): { readonly json: Json; readonly text: string } {
  if (bytes.length <= bytesMax) {
    const text = utf8Decode(bytes);
    const quick = quickCanonical(text, JSON_LIMITS_DEFAULT.depthMax);
    if (quick !== undefined) {
      checkVersion(versioned(quick), what);
      return { json: quick, text };
    }
  }
  const json = parseJson(bytes, { bytesMax });
  checkVersion(versioned(json), what);
  checkCanonical(bytes, json, what);
  return { json, text: utf8Decode(bytes) };
}

export function checkCanonical(bytes: Uint8Array, json: Json, what: string): void {
  // Texts, because the platform compares them faster than this language compares bytes; strict UTF-8 is one to one.
  if (utf8Decode(bytes) !== canonicalText(json)) throw new ChainError('LEDGER_NOT_CANONICAL', { what });
}

/** Refuses an unknown `v` or `alg` before anything else is judged. Absent ones are left to the schema. */
export function checkVersion(json: Json | undefined, what: string): void {
  const version = memberOf(json, 'v');
  if (version !== undefined && version !== 1) throw new ChainError('LEDGER_VERSION', { what, version: shown(version) });
  const algorithm = memberOf(json, 'alg');
  if (algorithm !== undefined && algorithm !== 'ed25519') {
    throw new ChainError('LEDGER_ALGORITHM', { what, algorithm: shown(algorithm) });
  }
}

/** A member of a JSON object; undefined if it is absent or `json` is no object. */
export function memberOf(json: Json | undefined, key: string): Json | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  return (json as { readonly [key: string]: Json })[key];
}

/** What a stranger sent, short enough for a message. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
