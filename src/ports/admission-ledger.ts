import type { BindingMode, ChangeAttestation, ChangeAttributes } from '../types/change.ts';
import type { Hash } from '../types/brand.ts';
import type { Proposal } from '../types/proposal.ts';
import type { ErrorCode } from '../errors/registry.ts';

/** What the webhook tells the API server, before it is put into words. */
export type AdmissionOutcome =
  | {
      readonly kind: 'admitted';
      readonly height: number;
      readonly leaf: number;
      readonly proposal: number | null;
      readonly tx: Hash;
    }
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly proposal: Proposal | null;
      /** Which digest counts; null where no policy matches. */
      readonly binding: BindingMode | null;
      /** Block time in milliseconds until which an earlier request holds the approval at most; null if none does. */
      readonly leaseMs: number | null;
      readonly height: number | null;
      readonly leaf: number | null;
    }
  /** Submitted, and no decision heard in time: it may still be recorded until notAfterMs. */
  | { readonly kind: 'unknown'; readonly tx: Hash; readonly code: ErrorCode }
  /** Surely not recorded: not submitted, for example because no quorum is connected. */
  | { readonly kind: 'unavailable'; readonly code: ErrorCode }
  | { readonly kind: 'overloaded'; readonly code: ErrorCode };

export type Evaluation =
  | { readonly kind: 'unmatched' }
  | { readonly kind: 'approved'; readonly proposal: number }
  | {
      readonly kind: 'needs-votes';
      readonly policies: readonly string[];
      readonly approvals: number;
      readonly proposal: Proposal | null;
    };

/** The webhook's view of the ledger. */
export interface AdmissionLedger {
  /** Stores the body, signs and submits the attestation, waits for the decision until `deadlineMs` (epoch). Never rejects. */
  decide(attestation: ChangeAttestation, body: Uint8Array, deadlineMs: number): Promise<AdmissionOutcome>;
  /** Dry run: reads committed state only, records nothing. */
  evaluate(attributes: ChangeAttributes, digest: { readonly diff: Hash; readonly strict: Hash }): Evaluation;
  /** Key of the cluster with its id, or undefined while the node does not have it: then it serves no hook. */
  clusterKey(): { readonly keyId: Hash; readonly key: Uint8Array } | undefined;
}
