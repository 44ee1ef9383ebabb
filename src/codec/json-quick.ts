import type { Json } from '../types/json.ts';
import { isChainError } from '../errors/chain-error.ts';
import { canonicalText } from './json-canonical.ts';

/**
 * Shortcuts for bytes that are to be RFC 8785: what the platform's parser makes of them, if that is written as exactly the same text again. Then nothing was lost
 * or let through: no key twice, no other spelling of a number or a string, no space. Whatever is not comes out as undefined, for parseJson to judge.
 *
 * Unlike those of parseJson the objects have a prototype: for schemas, which name every field, and not for content with keys of its own.
 */
export function quickCanonical(text: string, depthMax: number): Json | undefined {
  const json = quickJson(text);
  if (json === undefined) return undefined;
  try {
    return canonicalText(json, depthMax) === text ? json : undefined;
  } catch (error) {
    if (!isChainError(error, 'CODEC_CANONICAL')) throw error;
    return undefined;
  }
}

/** Not compared with anything: the caller writes it again and compares. */
export function quickJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
