import type { Hash } from '../../types/brand.ts';
import type { Payload, SpooledRecordPayload } from '../../types/transaction.ts';
import type { Sha256 } from '../../ports/crypto.ts';
import { canonicalJson } from '../../codec/index.ts';
import { domainHashHex } from '../domain-hash.ts';
import type { Expiring } from './expiry.ts';

/** Under `nk/<hash>` until the transaction could no longer execute anyhow. */
export interface NaturalKeyDocument extends Expiring {
  readonly tx: Hash;
  readonly leaf: number;
}

/** What makes two transactions the same act (ledger.md): the second one is a duplicate if it is byte-identical, otherwise a conflict. */
export function naturalKeyHash(sha256: Sha256, payload: Exclude<Payload, SpooledRecordPayload>): Hash {
  return domainHashHex(sha256, 'natural-key', canonicalJson([payload.kind, ...naturalKey(payload)]));
}

function naturalKey(payload: Exclude<Payload, SpooledRecordPayload>): readonly (string | number)[] {
  switch (payload.kind) {
    case 'mutation':
      return [payload.attestation.attributes.cluster, payload.node, payload.attestation.admissionUid];
    case 'observation':
      return [payload.cluster, payload.node, payload.sequence];
    case 'proposal':
      return [payload.org, payload.member, payload.nonce];
    case 'claim':
    case 'ballot':
      return [payload.proposal, payload.org, payload.member, payload.sequence];
    case 'withdrawal':
      return [payload.proposal, payload.org, payload.member];
    case 'body-held':
      return [payload.node, payload.proposal];
    case 'cluster-key':
      return [payload.cluster, payload.keyId];
    case 'tick':
      return [payload.dueMs, payload.id, payload.height];
    case 'finding':
      return [payload.cluster, payload.finding, payload.subject, payload.episode, payload.node, payload.sequence];
    case 'guard-seen':
      return [payload.cluster, payload.node, payload.sequence];
    case 'refusals':
      return [payload.cluster, payload.node, payload.sinceMs];
    case 'key-rotation':
      return [payload.node, payload.to];
    case 'member-key':
      return [payload.org, payload.member, payload.to];
    case 'validator-join':
      return [payload.node, payload.height];
    case 'handover':
      return [payload.set];
    case 'evidence':
      return [payload.validator, payload.first.bytes, payload.second.bytes];
  }
}
