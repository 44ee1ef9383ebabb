import type { Hash, Height, Round } from '../types/brand.ts';
import type { Certificate, ChainParams } from '../types/chain.ts';
import type { ConsensusMessage, ValidatorIndex } from '../types/consensus.ts';
import type { TimeoutKind } from './timeouts.ts';

/** What a height runs with. The shell takes it from the state after block `height - 1`. */
export interface HeightConfig {
  readonly height: Height;
  /** Number of validators, 1 to 32. */
  readonly validators: number;
  /** Own index in the set, or null for an observer. */
  readonly self: ValidatorIndex | null;
  /** Hash of the set. Messages that were buffered for this height under another set are dropped: their indices mean others. */
  readonly validatorsHash: Hash;
  readonly params: ChainParams;
  /** Time of block `height - 1`, for timeliness. */
  readonly lastBlockTimeMs: number;
  /** True: take part in everything but sign nothing. */
  readonly observe: boolean;
}

/** What the local execution of a block said. */
export type BlockVerdict =
  | {
      readonly ok: true;
      /** Index of the header's proposer. */
      readonly proposer: ValidatorIndex;
      readonly timeMs: number;
      readonly appHash: Hash;
    }
  | { readonly ok: false; readonly detail: string };

/** Every event carries the local clock; the core has none. */
export type ConsensusEvent = { readonly nowMs: number } & (
  | {
      /**
       * Begins a height: the first after start-up, and each one after a `decide` effect or `synced-block` event was dealt with
       * (block `height - 1` is executed here; its certificate and body are durable in the log or the ledger).
       */
      readonly type: 'start';
      readonly config: HeightConfig;
      /** The own mempool is not empty. */
      readonly txsAvailable: boolean;
      /** Validators whose connection has been down for 20 ms or more. */
      readonly down: readonly ValidatorIndex[];
    }
  | {
      /** A message whose every signature and certificate was verified (see verify.ts) against the set of its height. */
      readonly type: 'message';
      /** Index of the peer that delivered it, or null if that is no validator. */
      readonly from: ValidatorIndex | null;
      readonly message: ConsensusMessage;
    }
  | { readonly type: 'txs-available' }
  | {
      /** Answers `build-block`. `built` null: there was nothing to propose. */
      readonly type: 'block-built';
      readonly height: Height;
      readonly round: Round;
      readonly built: { readonly blockId: Hash; readonly timeMs: number; readonly appHash: Hash } | null;
    }
  | {
      /** Answers `validate-block` and `request-block`, once the body is here and was executed. */
      readonly type: 'block-validated';
      readonly height: Height;
      readonly blockId: Hash;
      readonly verdict: BlockVerdict;
    }
  | { readonly type: 'timeout'; readonly height: Height; readonly round: Round; readonly kind: TimeoutKind }
  /** Everything up to and including this persist is durable. */
  | { readonly type: 'persist-done'; readonly seq: number }
  /** The connection to a validator has been down for 20 ms. */
  | { readonly type: 'peer-down'; readonly validator: ValidatorIndex }
  | { readonly type: 'peer-up'; readonly validator: ValidatorIndex }
  /** The block of the certificate was executed and is durable in the ledger without this core's doing. `start` follows. */
  | { readonly type: 'synced-block'; readonly certificate: Certificate }
  /** Once a second. */
  | { readonly type: 'tick' }
);

export type EventOf<T extends ConsensusEvent['type']> = Extract<ConsensusEvent, { readonly type: T }>;
