import type { Hash, Height, Round } from './brand.ts';
import type { Certificate } from './chain.ts';

/** Index of a validator in the ordered set of its height, from 0. */
export type ValidatorIndex = number;
export type VoteType = 'prevote' | 'precommit';

/** One signature of a certificate. */
export interface IndexedSignature {
  readonly validator: ValidatorIndex;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** A prevote or precommit. `blockId` null is nil. */
export interface Vote {
  readonly kind: 'vote';
  readonly type: VoteType;
  readonly height: Height;
  readonly round: Round;
  readonly blockId: Hash | null;
  readonly validator: ValidatorIndex;
  /** 64 bytes over the bytes of src/consensus/sign-bytes.ts. */
  readonly signature: Uint8Array;
}

/** q prevotes for one block in one round: proof of lock. Sorted by validator index, each index once. */
export interface PolkaCertificate {
  readonly height: Height;
  readonly round: Round;
  readonly blockId: Hash;
  readonly signatures: readonly IndexedSignature[];
}

/** A proposal names a block; the body travels beside it, carried by the shell. */
export interface Proposal {
  readonly kind: 'proposal';
  readonly height: Height;
  readonly round: Round;
  /** Round of the polka that makes the block a valid value, or -1 for a fresh block. Below `round`. */
  readonly polRound: number;
  readonly blockId: Hash;
  readonly validator: ValidatorIndex;
  /** The polka of `polRound`; null exactly when polRound is -1. Not covered by the signature: it proves itself. */
  readonly polka: PolkaCertificate | null;
  readonly signature: Uint8Array;
}

/**
 * Votes of one height and at most one polka: what a node sends when it enters a round above 0 (the votes that justify the
 * entry, from round 2 on the polka of its valid value), and what it returns to a peer that lacks something.
 */
export interface VotesMessage {
  readonly kind: 'votes';
  readonly height: Height;
  readonly votes: readonly Vote[];
  readonly polka: PolkaCertificate | null;
}

/** q precommits for one block: whoever has the block as well decides. */
export interface CommitMessage {
  readonly kind: 'commit';
  readonly certificate: Certificate;
}

/** Which votes of a round a node holds; bit i is validator i. */
export interface VoteBitmap {
  readonly round: Round;
  readonly prevotes: number;
  readonly precommits: number;
}

/** Where a node stands: sent on reconnect and each second without progress. Unsigned; a peer answers with what is missing. */
export interface RoundStateMessage {
  readonly kind: 'round-state';
  readonly height: Height;
  readonly round: Round;
  /** False while the node is idle in round 0, waiting for work. */
  readonly active: boolean;
  /** True if the node holds a proposal of `round`. */
  readonly hasProposal: boolean;
  readonly rounds: readonly VoteBitmap[];
}

export type ConsensusMessage = Proposal | Vote | VotesMessage | CommitMessage | RoundStateMessage;

/** Position of a signature: 1 proposal, 2 prevote, 3 precommit; 0 none. */
export type SignedStep = 0 | 1 | 2 | 3;

/** The last signed (height, round, step), compared in this order. */
export interface SignedPosition {
  readonly height: number;
  readonly round: number;
  readonly step: SignedStep;
}

/**
 * A record of the write-ahead log. `block` is a reference: the shell appends the body's bytes in its place, so that a
 * replay gives both.
 */
export type WalRecord =
  | { readonly kind: 'round-entry'; readonly height: Height; readonly round: Round }
  | { readonly kind: 'proposal'; readonly proposal: Proposal }
  | { readonly kind: 'vote'; readonly vote: Vote }
  | { readonly kind: 'lock'; readonly height: Height; readonly round: Round; readonly blockId: Hash }
  | { readonly kind: 'polka'; readonly polka: PolkaCertificate }
  | { readonly kind: 'block'; readonly height: Height; readonly blockId: Hash }
  | { readonly kind: 'decision'; readonly certificate: Certificate };
