import type { AppState, Block, BlockHeader, ChainParams, Certificate, Validator } from '../types/chain.ts';
import type { Hash, Height, ValidatorId } from '../types/brand.ts';
import type { TxResult } from '../types/transaction.ts';
import type { ErrorCode } from '../errors/registry.ts';
import type { SignedBytes } from './crypto.ts';
import type { BlockWrites } from './state.ts';

/** Lanes of a batch, filled in this order. `reserved` holds evidence, brake, ballots, break-glass and membership. */
export type Lane = 'reserved' | 'normal';

/** A witness of a change whose decision needs as many equal ones as `witnesses` says; a hint for batching, never a rule. */
export interface PairHint {
  readonly key: Hash;
  readonly witnesses: number;
}

export type CheckResult =
  | {
      readonly ok: true;
      readonly hash: Hash;
      readonly org: string;
      /** The Kubernetes user whose change it is: users share their organisation's places. '' for what a node says itself. */
      readonly user: string;
      readonly lane: Lane;
      readonly bytes: number;
      /** Until when it is worth a place in the mempool. */
      readonly notAfterMs: number;
      readonly pair: PairHint | null;
    }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/** One executed transaction, as the node tells it to whoever waits for it. */
export interface ExecutedTx {
  readonly hash: Hash;
  readonly leaf: number;
  readonly result: TxResult;
}

/** A block that was executed here. Plain data; nothing is applied until `commit`. */
export interface ExecutedBlock {
  readonly block: Block;
  readonly blockId: Hash;
  readonly state: AppState;
  readonly writes: BlockWrites;
  readonly txs: readonly ExecutedTx[];
  /**
   * Decisions made in this block for mutations whose pair was completed: the hash of each witness transaction
   * (this block's and earlier ones) with the final result and the leaf that holds it.
   */
  readonly decisions: readonly { readonly tx: Hash; readonly leaf: number; readonly result: TxResult }[];
  /** Proposals that changed in this block. */
  readonly proposals: readonly number[];
  /** Validators of the next height, in order. */
  readonly nextValidators: readonly Validator[];
  readonly params: ChainParams;
}

export interface ProposeInput {
  readonly height: Height;
  readonly proposer: ValidatorId;
  /** Already max(clock, last + 1 ms). */
  readonly timeMs: number;
  readonly previous: Hash;
  readonly lastCertificate: Certificate | null;
  readonly lastCertificateHash: Hash;
  /** In the order the batch should take; the application drops what it cannot take. */
  readonly txs: readonly Uint8Array[];
}

export interface ApplicationInfo {
  readonly height: Height;
  readonly blockId: Hash;
  readonly timeMs: number;
  readonly state: AppState;
  /** Of the next height, in order. */
  readonly validators: readonly Validator[];
  /** Of `height`: those whose certificate the next block carries. */
  readonly lastValidators: readonly Validator[];
  readonly params: ChainParams;
}

/**
 * The seam between who orders blocks and the state machine, shaped like ABCI 2.0. Synchronous and deterministic; the same
 * object could be driven by another engine. `execute` both prepares (no header: drop what is invalid) and processes
 * (header given: anything invalid or a differing app hash makes the block invalid).
 */
export interface Application {
  info(): ApplicationInfo;
  /** Stateless checks, signature, registered signer, natural key, expiry against `nowMs`. Caches the decoded transaction by hash. */
  checkTx(tx: Uint8Array, nowMs: number): CheckResult;
  /**
   * What a block with this transaction will be asked to verify, as far as today's state says who signs it; null if it says nobody, or the bytes are none. Caches the decoded
   * transaction by hash.
   */
  signatureOf(tx: Uint8Array): SignedBytes | null;
  prepareProposal(input: ProposeInput): ExecutedBlock;
  /** Executes a received block. Does not judge timeliness, which is a matter of prevoting. */
  processProposal(
    block: Block,
  ):
    | { readonly ok: true; readonly executed: ExecutedBlock }
    | { readonly ok: false; readonly code: ErrorCode; readonly message: string };
  /** Makes an executed block the state that reads and the next execution start from. The store has its writes already. */
  commit(executed: ExecutedBlock): void;
  headerOf(height: Height): BlockHeader | undefined;
}
