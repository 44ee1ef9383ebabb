import { z } from 'zod';
import type { AppState, BlockHeader, ChainParams, Validator } from '../types/chain.ts';
import type { Hash } from '../types/brand.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { canonicalJson, decodeWith } from '../codec/index.ts';
import { canonicalJsonOf } from './canonical-structure.ts';
import { domainHashHex } from './domain-hash.ts';
import { HEADER_BYTES_MAX } from './limits.ts';
import { count, hash, height, ms, positive, validatorId } from './schema/scalars.ts';

/**
 * A header is RFC 8785 JSON with exactly the fields of BlockHeader; its id is SHA-256("kubectl-chain/header/v1" 0x00 bytes).
 * The round is not in it, so that a value that is proposed again keeps its id.
 */
export const headerSchema: z.ZodType<BlockHeader> = z.strictObject({
  v: z.literal(1),
  appVersion: positive,
  chain: hash,
  height: height.refine((value) => value >= 1, 'the first block is 1'),
  previous: hash,
  txRoot: hash,
  appHash: hash,
  validatorsHash: hash,
  nextValidatorsHash: hash,
  paramsHash: hash,
  proposer: validatorId,
  timeMs: ms,
  lastCertificateHash: hash,
});

export const appStateSchema: z.ZodType<AppState> = z.strictObject({ logSize: count, logRoot: hash, stateRoot: hash });

const canonical = (value: unknown): Uint8Array => canonicalJson(value);

export function headerBytes(header: BlockHeader): Uint8Array {
  return canonical(header);
}

/** Throws CODEC_*, LEDGER_VERSION, LEDGER_NOT_CANONICAL. */
export function decodeHeader(bytes: Uint8Array): BlockHeader {
  return decodeWith(headerSchema, canonicalJsonOf(bytes, 'block header', HEADER_BYTES_MAX).json, 'block header');
}

/** Hashes of what is never changed in place, by its identity: on its way through a node a header is hashed several times, and a validator set once a block. */
const known = new WeakMap<object, Hash>();

function remembered(value: object, hashOf: () => Hash): Hash {
  const before = known.get(value);
  if (before !== undefined) return before;
  const found = hashOf();
  known.set(value, found);
  return found;
}

/** `header` must not be changed afterwards. */
export function blockIdOf(header: BlockHeader, sha256: Sha256): Hash {
  return remembered(header, () => domainHashHex(sha256, 'header', headerBytes(header)));
}

/** Over the set in consensus order: the order decides who proposes, and an index in a certificate means a place in it. `validators` must not be changed afterwards. */
export function validatorsHashOf(validators: readonly Validator[], sha256: Sha256): Hash {
  return remembered(validators, () => domainHashHex(sha256, 'validators', canonical(validators)));
}

export function paramsHashOf(params: ChainParams, sha256: Sha256): Hash {
  return remembered(params, () => domainHashHex(sha256, 'params', canonical(params)));
}

/** SHA-256("kubectl-chain/app/v1" 0x00 {"logRoot":..,"logSize":..,"stateRoot":..,"v":1}). */
export function appHashOf(state: AppState, sha256: Sha256): Hash {
  const { logSize, logRoot, stateRoot } = state;
  return domainHashHex(sha256, 'app', canonical({ v: 1, logSize, logRoot, stateRoot }));
}
