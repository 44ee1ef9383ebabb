import type { ChainParams, ClusterRecord, Joiner, Organisation, Validator, ValidatorSet } from '../types/chain.ts';
import type { ChangeAttestation, BindingMode, ChangeAttributes, PerBinding } from '../types/change.ts';
import type { Hash, OrgId } from '../types/brand.ts';
import type { ChangeUse, Proposal, ProposalDetails } from '../types/proposal.ts';
import type { SpoolHead, SpoolTotals } from '../types/spool.ts';
import type { PayloadKind, TxResult } from '../types/transaction.ts';
import type { ErrorCode } from '../errors/registry.ts';
import type { Evaluation } from './admission-ledger.ts';

/** Synchronous reads of the committed state. What one turn of the event loop reads belongs to one state. */
export interface LedgerReader {
  readonly genesisHash: Hash;
  /** Dry run at the last block's time; writes nothing. */
  evaluate(attributes: ChangeAttributes, digest: PerBinding): Evaluation;
  /**
   * The answer to a repeated refusal, without a transaction: a proposal for exactly this change goes on and lacks what `code` says. Null if a
   * transaction could change anything.
   */
  refusedOpenProposal(
    attributes: ChangeAttributes,
    digest: PerBinding,
  ): { readonly code: ErrorCode; readonly proposal: Proposal; readonly binding: BindingMode } | null;
  /** Of what all witnesses of a change attest alike. */
  pairHash(attestation: ChangeAttestation): Hash;
  /** Organisations whose attestation of this change is on the log and waits for another hook's. */
  waitingOrgs(pair: Hash, nowMs: number): readonly OrgId[];
  proposal(id: number): Proposal | undefined;
  /** Approved digests of a proposal's changes, in order. */
  digestsOf(id: number): readonly Hash[];
  /** What became of one change; undefined while it is in no use. */
  use(id: number, index: number): ChangeUse | undefined;
  /** Whether a proposal's body is what the chain says of it, under the policies in force. Throws GOVERNANCE_DETAILS. */
  checkDetails(proposal: Proposal, details: ProposalDetails): void;
  /** A vote has erased this body. */
  isErased(body: Hash): boolean;
  /** Until when an earlier request holds the approval of this change at most, in milliseconds; null if none does. */
  leaseOf(attributes: ChangeAttributes, digest: PerBinding): number | null;
  /** Proposals about which something can still change, oldest first. */
  liveProposals(): readonly Proposal[];
  stateGet(key: string): Uint8Array | undefined;
  /** Against the state root of the last block. Only after the first block. */
  prove(key: string): { readonly bucket: Uint8Array; readonly siblings: readonly Uint8Array[] };
  /** Hashes of the state's 65,536 buckets after the last block, 32 bytes each, a copy. Only after the first block. */
  bucketHashes(): Uint8Array;
  /** The next transition that time alone brings about; a node whose clock passed it submits a tick. */
  nextDue(): { readonly dueMs: number; readonly id: string } | null;
  /** Kind of a transaction. Throws what says that it is none. */
  kindOf(tx: Uint8Array): PayloadKind;
  /** The earlier result of a byte-identical transaction, as long as its natural key is kept. */
  recordedTx(tx: Uint8Array): { readonly leaf: number; readonly result: TxResult } | undefined;
  validators(): readonly Validator[];
  /** Those who decide a height, up to the next one; empty below 1. */
  validatorsAt(height: number): readonly Validator[];
  /** The newest set. */
  validatorSet(): ValidatorSet;
  validatorSetNumber(n: number): ValidatorSet | undefined;
  /** Admitted by a vote and not validators yet. */
  joiners(): readonly Joiner[];
  params(): ChainParams;
  organisation(name: OrgId): Organisation | undefined;
  cluster(name: string): ClusterRecord | undefined;
  clusterKeyId(cluster: string): Hash | undefined;
  /** Last observation sequence of a node for a cluster; -1 if there is none. */
  observationSequence(cluster: string, node: string): number;
  /** How far a node's spool is in the log; undefined before its first entry. */
  spoolHead(node: string, spool: string): SpoolHead | undefined;
  spoolTotals(node: string): SpoolTotals | undefined;
}
