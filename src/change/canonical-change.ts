import { canonicalJson, concatBytes, toHex, utf8Encode } from '../codec/index.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { Hash } from '../types/brand.ts';
import type { BindingMode, Operation } from '../types/change.ts';
import type { JsonObject } from '../types/json.ts';
import { difference, type Change } from './difference.ts';
import { ALL_PATHS, pathsOfChanges, type ChangedPaths } from './paths.ts';

/**
 * The whole change, normalised and redacted: the canonical change under strict binding, and all that a body holds.
 * `old` is null for CREATE and CONNECT, `new` for DELETE.
 */
export interface WholeChange {
  readonly v: 1;
  readonly operation: Operation;
  /** DeleteOptions as in the attributes. */
  readonly options: string;
  readonly old: JsonObject | null;
  readonly new: JsonObject | null;
}

/** Canonical changes of both bindings, as bytes, with the diff and its paths. All derived from the whole change alone. */
export interface CanonicalChanges {
  readonly bytes: { readonly [mode in BindingMode]: Uint8Array };
  /** Entries of an UPDATE; empty for every other operation. */
  readonly changes: readonly Change[];
  readonly paths: ChangedPaths;
}

/**
 * Under diff binding an UPDATE is its changed paths with old and new values, a DELETE its options alone (the uid is in the
 * digest). For CREATE and CONNECT there is no base, so both bindings cover the same bytes. Only an UPDATE lists paths: what
 * appears, vanishes or is used has all of them, and a policy need not be told which.
 */
export function canonicalChanges(whole: WholeChange): CanonicalChanges {
  const strict = canonicalJson(whole);
  const { v, operation, options, old, new: changed } = whole;
  if (old !== null && changed !== null) {
    const changes = difference(old, changed);
    const diff = canonicalJson({ v, operation, options, changes });
    return { bytes: { diff, strict }, changes, paths: pathsOfChanges(changes) };
  }
  if (changed !== null) return { bytes: { diff: strict, strict }, changes: [], paths: ALL_PATHS };
  return { bytes: { diff: canonicalJson({ v, operation, options }), strict }, changes: [], paths: ALL_PATHS };
}

const COMMITMENT_DOMAIN = utf8Encode('kubectl-chain/commitment/v1\0');

/** SHA-256(domain || salt || canonical change). The salt has a fixed length, so the two cannot be shifted. */
export function commitmentOf(salt: Uint8Array, change: Uint8Array, sha256: Sha256): Hash {
  return toHex(sha256(concatBytes(COMMITMENT_DOMAIN, salt, change))) as Hash;
}
