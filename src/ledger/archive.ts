import { z } from 'zod';
import type { DecodedLeaf } from './leaf.ts';
import type { Json } from '../types/json.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { ChainError } from '../errors/chain-error.ts';
import { canonicalJson, decodeWith } from '../codec/index.ts';
import { count, positive } from './schema/scalars.ts';
import { stateProofFromJson, verifyStateProof, type StateProofJson } from './state-proof.ts';

/**
 * What left the state, as it stood there last: its bytes with their proof against the state root that the leaf of block `height` holds. That leaf stays in
 * the log for ever, so whoever kept this can show it to anybody, at any later head. Each node keeps it; none is believed.
 */
export interface Archived {
  readonly v: 1;
  readonly height: number;
  /** Index of that block's leaf. */
  readonly leaf: number;
  readonly entries: readonly { readonly key: string; readonly proof: StateProofJson }[];
}

const KEYS_MAX = 4;

const archivedSchema = z.strictObject({
  v: z.literal(1),
  height: positive,
  leaf: count,
  entries: z
    .array(z.strictObject({ key: z.string().max(512), proof: z.unknown() }))
    .min(1)
    .max(KEYS_MAX),
});

export function encodeArchived(archived: Archived): Uint8Array {
  return canonicalJson(archived);
}

/** Throws CODEC_SCHEMA. */
export function decodeArchived(json: Json): Omit<Archived, 'entries'> & {
  readonly entries: readonly { readonly key: string; readonly proof: unknown }[];
} {
  return decodeWith(archivedSchema, json, 'archived state');
}

/**
 * Values by key, undefined where proven absent, given the leaf that was verified to stand at `archived.leaf`. Throws LEDGER_RECORD_MISMATCH,
 * LEDGER_STATE_PROOF.
 */
export function verifyArchived(
  archived: ReturnType<typeof decodeArchived>,
  leaf: DecodedLeaf,
  sha256: Sha256,
): ReadonlyMap<string, Uint8Array | undefined> {
  if (leaf.kind !== 'block' || leaf.leaf.block.height !== archived.height)
    throw new ChainError('LEDGER_RECORD_MISMATCH', { index: archived.leaf, field: 'height' });
  const { stateRoot } = leaf.leaf.block;
  return new Map(
    archived.entries.map(({ key, proof }) => [
      key,
      verifyStateProof(stateRoot, key, stateProofFromJson(proof as Json), sha256).value,
    ]),
  );
}
