import type { Hash, LeafIndex, OrgId } from '../../types/brand.ts';
import type { ClusterRecord } from '../../types/chain.ts';
import type { ChangeAttestation } from '../../types/change.ts';
import type { Sha256 } from '../../ports/crypto.ts';
import { canonicalJson } from '../../codec/index.ts';
import { domainHashHex } from '../domain-hash.ts';
import type { DocumentReader } from './documents.ts';
import type { Execution } from './execution.ts';
import { putExpiring, type Expiring } from './expiry.ts';
import { pairKeyOf } from './keys.ts';

/** Unpaired witnesses of one hook that are kept for one change: a client's retries make several, a flood must not make more. */
const WAITING_PER_HOOK_MAX = 16;

export interface Witness {
  readonly hook: string;
  readonly org: OrgId;
  readonly tx: Hash;
  readonly leaf: LeafIndex;
  readonly notAfterMs: number;
}

interface PairDocument extends Expiring {
  readonly waiting: readonly Witness[];
}

/** Everything that witnesses must attest alike, byte for byte; only node, admission UID and notAfterMs may differ. */
export function pairHashOf(sha256: Sha256, attestation: ChangeAttestation): Hash {
  const { attributes, commitment, digest, bodyHash, keyId } = attestation;
  return domainHashHex(sha256, 'pair', canonicalJson({ attributes, commitment, digest, bodyHash, keyId }));
}

/**
 * One witness of a change arrives. Returns the earlier witnesses of all other hooks if it completes the set, of several the newest;
 * otherwise it waits until its own notAfterMs, and the answer is undefined.
 */
export function pairWitness(
  x: Execution,
  cluster: ClusterRecord,
  attestation: ChangeAttestation,
  witness: Witness,
): readonly Witness[] | undefined {
  const others = cluster.hooks.filter((hook) => hook.name !== witness.hook);
  if (others.length === 0) return [];
  const key = pairKeyOf(x.chain.facts.pairHash(attestation));
  // Hooks may have been given to other organisations since: a witness counts for the hook that it answers now.
  const waiting = (x.docs.get<PairDocument>(key)?.waiting ?? []).filter(
    (other) => other.notAfterMs >= x.timeMs && answers(cluster, other),
  );
  // The newest: one that a failed attempt left behind would leave the other witness of this attempt without a partner.
  const partners = others.map((hook) => waiting.findLast((other) => other.hook === hook.name));
  const complete = partners.filter((partner) => partner !== undefined);
  if (complete.length === others.length) {
    const left = waiting.filter((other) => !complete.includes(other));
    putWaiting(x, key, left);
    return complete;
  }
  const ofHook = waiting.filter((other) => other.hook === witness.hook);
  const dropped = ofHook.length >= WAITING_PER_HOOK_MAX ? ofHook[0] : undefined;
  putWaiting(x, key, [...waiting.filter((other) => other !== dropped), witness]);
  return undefined;
}

/** Witnesses of this change that wait in the log for those of other hooks. */
export function waitingWitnesses(docs: DocumentReader, key: Hash, timeMs: number): readonly Witness[] {
  return (docs.get<PairDocument>(pairKeyOf(key))?.waiting ?? []).filter(({ notAfterMs }) => notAfterMs >= timeMs);
}

function answers(cluster: ClusterRecord, { hook, org }: Witness): boolean {
  return cluster.hooks.some((candidate) => candidate.name === hook && candidate.orgs.includes(org));
}

function putWaiting(x: Execution, key: string, waiting: readonly Witness[]): void {
  if (waiting.length === 0) x.docs.delete(key);
  else putExpiring(x, key, { untilMs: Math.max(...waiting.map((w) => w.notAfterMs)), waiting } as PairDocument);
}
