import type { Hash, Height, Round } from '../types/brand.ts';
import type { Certificate } from '../types/chain.ts';
import type {
  ConsensusMessage,
  Proposal,
  SignedPosition,
  ValidatorIndex,
  Vote,
  WalRecord,
} from '../types/consensus.ts';
import type { TimeoutKind } from './timeouts.ts';

/** Two different signed statements of one validator for one (height, round, type). */
export type Equivocation =
  | { readonly kind: 'vote'; readonly first: Vote; readonly second: Vote }
  | { readonly kind: 'proposal'; readonly first: Proposal; readonly second: Proposal };

export type HaltReason =
  | {
      readonly code: 'STATE_DIVERGENCE';
      readonly height: Height;
      readonly blockId: Hash;
      readonly certificate: Certificate;
      /** Why the block is invalid here. */
      readonly detail: string;
    }
  | {
      readonly code: 'CONSENSUS_FORK';
      readonly height: Height;
      readonly decided: Certificate;
      readonly other: Certificate;
    };

/** What the shell must do, in this order. */
export type Effect =
  /**
   * Append these records as one write, in order, with the bodies of `block` records; `position` goes into the second slot. Then say
   * `persist-done`. The log is one: a durable seq means that all lower ones are. A failure ends the node.
   */
  | {
      readonly type: 'persist';
      readonly seq: number;
      readonly records: readonly WalRecord[];
      readonly position: SignedPosition;
    }
  /** Send to all validators; must not leave before persist `afterSeq` is durable (0: at once). */
  | { readonly type: 'broadcast'; readonly message: ConsensusMessage; readonly afterSeq: number }
  /** The same, to one validator. */
  | {
      readonly type: 'send';
      readonly to: ValidatorIndex;
      readonly message: ConsensusMessage;
      readonly afterSeq: number;
    }
  /** Say `timeout` after this time, unless cancelled. A late one is harmless. */
  | {
      readonly type: 'set-timer';
      readonly height: Height;
      readonly round: Round;
      readonly kind: TimeoutKind;
      readonly durationMs: number;
    }
  | { readonly type: 'cancel-timer'; readonly height: Height; readonly round: Round; readonly kind: TimeoutKind }
  /** Make a block of the mempool, keep its body, and answer `block-built`; with nothing to put in and not `allowEmpty`: null. */
  | {
      readonly type: 'build-block';
      readonly height: Height;
      readonly round: Round;
      readonly allowEmpty: boolean;
    }
  /** A proposal names this block. When its body is here, execute it and answer `block-validated`; fetch what is missing. May be repeated. */
  | {
      readonly type: 'validate-block';
      readonly height: Height;
      readonly blockId: Hash;
      readonly proposer: ValidatorIndex;
    }
  /** A quorum names this block and it is not here: fetch it by id from one of the holders, execute, answer `block-validated`. May be repeated. */
  | {
      readonly type: 'request-block';
      readonly height: Height;
      readonly blockId: Hash;
      readonly holders: readonly ValidatorIndex[];
    }
  /**
   * The height is decided. Commit the block to the ledger, then say `start` for the next height. Nothing that depends on it, and no
   * acknowledgement to a client, may leave before persist `afterSeq` is durable.
   */
  | { readonly type: 'decide'; readonly certificate: Certificate; readonly afterSeq: number }
  /** Make it a transaction. */
  | { readonly type: 'evidence'; readonly equivocation: Equivocation }
  /** Peers are at `height`, above ours: pull blocks and certificates, then say `synced-block` and `start`. */
  | { readonly type: 'request-sync'; readonly height: Height; readonly from: ValidatorIndex | null }
  /** Sign nothing more, write the reason down, go on serving reads, say so loudly. */
  | { readonly type: 'halt'; readonly reason: HaltReason };
