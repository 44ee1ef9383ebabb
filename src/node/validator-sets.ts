import { ByteReader, ByteWriter, canonicalJson, parseJson, toBase64 } from '../codec/index.ts';
import { encodeHeadJson } from '../ledger/index.ts';
import type { HandoverProof } from '../ports/api-backend.ts';
import type { Json, JsonObject } from '../types/json.ts';

/** Asks a peer how the validator sets from number `from` on came about; what it answers proves itself (client/validator-trail.ts). */
export function encodeSetsRequest(from: number): Uint8Array {
  return new ByteWriter().u32(from).finish();
}

export function decodeSetsRequest(request: Uint8Array): number {
  const reader = new ByteReader(request);
  const from = reader.u32();
  reader.end();
  return from;
}

/** In the form of `/v1/handovers`. */
export function encodeSets(sets: readonly HandoverProof[]): Uint8Array {
  const items = sets.map(({ n, head, leaf: { index, leaf, proof }, before, after }) => ({
    n,
    head: encodeHeadJson(head),
    leaf: { index, leaf: toBase64(leaf), proof },
    before,
    after,
  }));
  return canonicalJson(items as unknown as Json);
}

/** Throws CODEC_*. */
export function decodeSets(answer: Uint8Array): readonly JsonObject[] {
  const items = parseJson(answer);
  return (Array.isArray(items) ? items : []) as readonly JsonObject[];
}
