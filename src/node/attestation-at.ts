import { nativeBackend } from '../crypto/index.ts';
import { decodeLeaf, decodeTransaction } from '../ledger/index.ts';
import type { LeafIndex } from '../types/brand.ts';
import type { ChangeAttestation } from '../types/change.ts';

/** What was attested in the record at this leaf; undefined if it is no mutation, or not here. */
export function attestationAt(
  store: { readLeaf(index: number): Uint8Array | undefined },
  leaf: LeafIndex,
): ChangeAttestation | undefined {
  const bytes = store.readLeaf(leaf);
  const decoded = bytes === undefined ? undefined : decodeLeaf(bytes);
  if (decoded?.kind !== 'transaction') return undefined;
  const { payload } = decodeTransaction(decoded.tx, nativeBackend.sha256);
  return payload.kind === 'mutation' ? payload.attestation : undefined;
}
