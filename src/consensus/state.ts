import type { Hash, Height, Round } from '../types/brand.ts';
import type { Certificate } from '../types/chain.ts';
import type {
  ConsensusMessage,
  PolkaCertificate,
  Proposal,
  SignedPosition,
  ValidatorIndex,
  Vote,
  WalRecord,
} from '../types/consensus.ts';
import type { BlockVerdict, HeightConfig } from './event.ts';
import type { HaltReason } from './effect.ts';
import type { TimeoutKind } from './timeouts.ts';
import type { VoteSet } from './vote-set.ts';

/** What does not change while the process lives. */
export interface CoreConfig {
  /** Genesis hash: part of everything signed. */
  readonly chain: Hash;
  /** Signs with the vote key; null for a node without one. Synchronous, deterministic, 64 bytes. */
  readonly sign: ((message: Uint8Array) => Uint8Array) | null;
  /** Called with the name of each rule that fires ("L36"); for metrics, transcripts and coverage. */
  readonly trace?: (rule: string) => void;
}

/**
 * idle: round 0, nothing to do. propose: waiting for a proposal. prevote: prevoted. precommit: precommitted. decided: waiting
 * for `start` of the next height; also before the first one.
 */
export type Step = 'idle' | 'propose' | 'prevote' | 'precommit' | 'decided';

export interface ReceivedProposal {
  readonly proposal: Proposal;
  readonly receivedMs: number;
}

export interface RoundData {
  readonly prevotes: VoteSet;
  readonly precommits: VoteSet;
  /** The first proposal of the round's proposer. */
  proposal: ReceivedProposal | null;
  proposalConflict: boolean;
  /** L34 and L47 schedule their timers once. */
  prevoteTimer: boolean;
  precommitTimer: boolean;
}

/** What is known of a block that somebody named. */
export interface BlockEntry {
  verdict: BlockVerdict | null;
  /** Asked the shell to execute it when its body comes. */
  asked: boolean;
  /** Asked the shell to fetch it by id; again on a tick without progress. */
  requested: boolean;
  /** Its body is in the log. */
  persisted: boolean;
}

/** One height. */
export interface HeightState {
  readonly config: HeightConfig;
  round: Round;
  step: Step;
  txsAvailable: boolean;
  lockedRound: number;
  lockedBlock: Hash | null;
  validRound: number;
  validBlock: Hash | null;
  readonly rounds: Map<number, RoundData>;
  /** Polkas by round, bounded; proof for L28 and for re-proposals. */
  readonly polkas: Map<number, PolkaCertificate>;
  readonly blocks: Map<Hash, BlockEntry>;
  /** Highest round of a vote of each validator. */
  readonly reached: Map<ValidatorIndex, number>;
  /** q precommits for a block whose body or verdict is still missing. */
  commit: Certificate | null;
  /** A `build-block` is out for this round. */
  buildingRound: number;
  readonly timers: { readonly round: Round; readonly kind: TimeoutKind }[];
  readonly replies: Map<ValidatorIndex, number>;
  /** Highest height that a peer showed; the own one if none is above. */
  ahead: Height;
  lastProgressMs: number;
}

export interface BufferedMessage {
  readonly from: ValidatorIndex | null;
  readonly message: ConsensusMessage;
}

/** Messages of `height`, verified against the set `validatorsHash`. */
export interface NextHeight {
  readonly height: number;
  readonly validatorsHash: Hash;
  readonly messages: BufferedMessage[];
}

/**
 * The whole state. It is **mutated in place** by `step`, and belongs to whoever calls `step`; nobody else may keep or change it.
 * All of it is plain data, so equal sequences of events give equal states.
 */
export interface ConsensusState {
  readonly core: CoreConfig;
  /** Null until the first `start`. */
  current: HeightState | null;
  /** The monotone signer's memory. */
  signed: SignedPosition;
  /** Own message of position `signed`, to be issued again, identical. */
  signedMessage: Proposal | Vote | null;
  /** Heights up to this one are only observed: their log is not whole. */
  observeThrough: number;
  seq: number;
  durableSeq: number;
  lastCertificate: Certificate | null;
  halted: HaltReason | null;
  readonly down: Set<ValidatorIndex>;
  /** Messages of the height after the current one, bounded a sender. */
  nextHeight: NextHeight | null;
  /** Highest height that a peer showed and for which a sync was asked. */
  syncAsked: number;
  /** Records of the log that no `start` has used yet. */
  replay: readonly WalRecord[];
}

export function initialState(core: CoreConfig): ConsensusState {
  return {
    core,
    current: null,
    signed: { height: 0, round: 0, step: 0 },
    signedMessage: null,
    observeThrough: 0,
    seq: 0,
    durableSeq: 0,
    lastCertificate: null,
    halted: null,
    down: new Set(),
    nextHeight: null,
    syncAsked: 0,
    replay: [],
  };
}
