import { changeDigests } from '../codec/change-digest.ts';
import {
  bytesEqual,
  canonicalJson,
  canonicalText,
  concatBytes,
  fromHex,
  parseJson,
  toHex,
  utf8Encode,
} from '../codec/index.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { Hash } from '../types/brand.ts';
import type { BindingMode, ChangeAttributes, PerBinding } from '../types/change.ts';
import type { JsonObject } from '../types/json.ts';
import { digestName } from '../codec/change-digest.ts';
import { canonicalChanges, commitmentOf, type WholeChange } from './canonical-change.ts';
import type { Change } from './difference.ts';
import { isObject, jsonEqual, member, textAt } from './json.ts';
import { BODY_BYTES_MAX, BODY_DEPTH_MAX } from './limits.ts';

const SALT_BYTES = 32;

/** What is signed about a body; a transaction's attestation and a proposed change both have it. */
export interface Attested {
  readonly attributes: ChangeAttributes;
  readonly commitment: PerBinding;
  readonly digest: PerBinding;
  readonly bodyHash: Hash;
}

/** A body that is the one recorded, opened. */
export interface VerifiedBody {
  readonly whole: WholeChange;
  /** Entries of an UPDATE; empty for every other operation. */
  readonly changes: readonly Change[];
}

/**
 * Canonical JSON {v, alg, salts, change}. The diff is not stored beside the change: whoever reads derives it, so that what
 * is shown and what is signed cannot differ. `change` are the canonical bytes of the whole change, which may be many megabytes.
 */
export function encodeBody(change: Uint8Array, salts: { readonly [mode in BindingMode]: Uint8Array }): Uint8Array {
  const shown = canonicalText({ diff: toHex(salts.diff), strict: toHex(salts.strict) });
  return concatBytes(utf8Encode('{"alg":"sha256","change":'), change, utf8Encode(`,"salts":${shown},"v":1}`));
}

/**
 * Opens a body after checking, against what was signed, its hash, both commitments, both digests, the options, the changed
 * paths and the object's own identity. Throws CHANGE_BODY_MISMATCH naming what differs, or CHANGE_BODY_FORMAT.
 */
export function verifyBody(bytes: Uint8Array, attested: Attested, sha256: Sha256): VerifiedBody {
  const { attributes, commitment, digest } = attested;
  if (toHex(sha256(bytes)) !== attested.bodyHash) throw mismatch('hash');
  const { whole, salts } = decodeBody(bytes);
  const derived = canonicalChanges(whole);
  for (const mode of ['diff', 'strict'] as const) {
    if (commitmentOf(salts[mode], derived.bytes[mode], sha256) !== commitment[mode])
      throw mismatch(`${mode} commitment`);
  }
  const digests = changeDigests(sha256, attributes, commitment);
  if (digests.diff !== digest.diff || digests.strict !== digest.strict) throw mismatch('digest');
  if (whole.operation !== attributes.operation) throw mismatch('operation');
  if (whole.options !== attributes.options) throw mismatch('options');
  if (derived.paths.pathsTruncated !== attributes.pathsTruncated || !jsonEqual(derived.paths.paths, attributes.paths)) {
    throw mismatch('changed paths');
  }
  checkIdentity(whole, attributes);
  return { whole, changes: derived.changes };
}

/** Name, namespace, version and uid that the object itself shows. A subresource's object may be about something else. */
function checkIdentity(whole: WholeChange, attributes: ChangeAttributes): void {
  if (attributes.subresource !== '' || attributes.operation === 'CONNECT') return;
  const apiVersion = attributes.group === '' ? attributes.version : `${attributes.group}/${attributes.version}`;
  for (const object of [whole.old, whole.new]) {
    if (object === null) continue;
    if (textAt(object, 'apiVersion') !== apiVersion) throw mismatch('apiVersion');
    const name = textAt(object, 'metadata', 'name');
    if (name !== '' && name !== digestName(attributes)) throw mismatch('name');
    const namespace = textAt(object, 'metadata', 'namespace');
    if (namespace !== '' && namespace !== attributes.namespace) throw mismatch('namespace');
  }
  if (whole.old !== null && textAt(whole.old, 'metadata', 'uid') !== attributes.uid) throw mismatch('uid');
}

interface DecodedBody {
  readonly whole: WholeChange;
  readonly salts: { readonly [mode in BindingMode]: Uint8Array };
}

function decodeBody(bytes: Uint8Array): DecodedBody {
  const json = readJson(bytes);
  const body = fields(json, ['v', 'alg', 'salts', 'change'], 'the body');
  if (body['v'] !== 1 || body['alg'] !== 'sha256') throw format('version or algorithm is not known');
  const salts = fields(body['salts'], ['diff', 'strict'], 'salts');
  const change = fields(body['change'], ['v', 'operation', 'options', 'old', 'new'], 'change');
  const { operation, options, old = null, new: changed = null } = change;
  if (change['v'] !== 1) throw format('version of the change is not known');
  if (operation !== 'CREATE' && operation !== 'UPDATE' && operation !== 'DELETE' && operation !== 'CONNECT') {
    throw format('operation is not known');
  }
  if (typeof options !== 'string') throw format('options are not text');
  if ((old !== null && !isObject(old)) || (changed !== null && !isObject(changed)))
    throw format('old or new is no object');
  if (
    (old !== null) !== (operation === 'UPDATE' || operation === 'DELETE') ||
    (changed !== null) !== (operation !== 'DELETE')
  ) {
    throw format('old or new does not fit the operation');
  }
  return {
    whole: { v: 1, operation, options, old, new: changed },
    salts: { diff: salt(salts['diff']), strict: salt(salts['strict']) },
  };
}

function readJson(bytes: Uint8Array): unknown {
  try {
    const json = parseJson(bytes, { bytesMax: BODY_BYTES_MAX, depthMax: BODY_DEPTH_MAX });
    if (!bytesEqual(canonicalJson(json), bytes)) throw format('not in canonical form');
    return json;
  } catch (error) {
    if (isChainError(error) && error.code.startsWith('CODEC_')) {
      throw new ChainError('CHANGE_BODY_FORMAT', { problem: error.message }, { cause: error });
    }
    throw error;
  }
}

function fields(json: unknown, names: readonly string[], what: string): JsonObject {
  const object = json as JsonObject;
  if (!isObject(object)) throw format(`${what} is no object`);
  const keys = Object.keys(object);
  if (keys.length !== names.length || !names.every((name) => member(object, name) !== undefined)) {
    throw format(`${what} has other fields than ${names.join(', ')}`);
  }
  return object;
}

function salt(json: unknown): Uint8Array {
  if (typeof json !== 'string' || json.length !== 2 * SALT_BYTES) throw format('a salt is not 32 bytes in hexadecimal');
  try {
    return fromHex(json);
  } catch (cause) {
    throw new ChainError('CHANGE_BODY_FORMAT', { problem: 'a salt is not hexadecimal' }, { cause });
  }
}

function format(problem: string): ChainError<'CHANGE_BODY_FORMAT'> {
  return new ChainError('CHANGE_BODY_FORMAT', { problem });
}

function mismatch(part: string): ChainError<'CHANGE_BODY_MISMATCH'> {
  return new ChainError('CHANGE_BODY_MISMATCH', { part });
}
