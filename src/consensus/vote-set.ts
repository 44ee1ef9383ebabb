import type { Hash } from '../types/brand.ts';
import type { IndexedSignature, ValidatorIndex, Vote } from '../types/consensus.ts';
import { isQuorum } from './quorum.ts';

/**
 * The votes of one (height, round, type). The first vote of a validator fills its slot. A second, different one is kept too
 * and counts for its value: a quorum that others saw must be a quorum here, and safety never rests on one vote a
 * faulty validator. Plain votes can add one conflict a validator; votes inside a verified certificate always count.
 */
export interface VoteSet {
  readonly validators: number;
  readonly slots: Map<ValidatorIndex, Vote>;
  readonly byValue: Map<string, Map<ValidatorIndex, Vote>>;
  readonly conflicted: Set<ValidatorIndex>;
}

export type AddResult = { readonly added: boolean; readonly conflictsWith: Vote | null };

const nilKey = 'nil';

export function voteSet(validators: number): VoteSet {
  return { validators, slots: new Map(), byValue: new Map(), conflicted: new Set() };
}

/** `certified`: the vote stands in a verified certificate. */
export function addVote(set: VoteSet, vote: Vote, certified: boolean): AddResult {
  const key = vote.blockId ?? nilKey;
  const first = set.slots.get(vote.validator);
  const votes = set.byValue.get(key) ?? new Map<ValidatorIndex, Vote>();
  if (votes.has(vote.validator)) return { added: false, conflictsWith: null };
  const newConflict = first !== undefined && !set.conflicted.has(vote.validator);
  if (first !== undefined && !newConflict && !certified) return { added: false, conflictsWith: null };
  if (first === undefined) set.slots.set(vote.validator, vote);
  else set.conflicted.add(vote.validator);
  votes.set(vote.validator, vote);
  set.byValue.set(key, votes);
  return { added: true, conflictsWith: newConflict ? first : null };
}

export function hasVote(set: VoteSet, validator: ValidatorIndex, blockId: Hash | null): boolean {
  return set.byValue.get(blockId ?? nilKey)?.has(validator) ?? false;
}

export function hasQuorumFor(set: VoteSet, blockId: Hash | null): boolean {
  return isQuorum(set.byValue.get(blockId ?? nilKey)?.size ?? 0, set.validators);
}

/** A quorum of senders, whatever they voted for. */
export function hasQuorumOfAny(set: VoteSet): boolean {
  return isQuorum(set.slots.size, set.validators);
}

/** The blocks with a quorum: one at most, unless more than f validators are faulty. */
export function quorumBlocks(set: VoteSet): Hash[] {
  const blocks: Hash[] = [];
  for (const [key, votes] of set.byValue)
    if (key !== nilKey && isQuorum(votes.size, set.validators)) blocks.push(key as Hash);
  return blocks;
}

/** The one that came first. */
export function quorumBlock(set: VoteSet): Hash | null {
  return quorumBlocks(set)[0] ?? null;
}

/** Signatures for one block, sorted by validator. */
export function signaturesFor(set: VoteSet, blockId: Hash): readonly IndexedSignature[] {
  const votes = set.byValue.get(blockId);
  if (votes === undefined) return [];
  return [...votes.values()]
    .sort((a, b) => a.validator - b.validator)
    .map(({ validator, signature }) => ({ validator, signature }));
}

export function votersFor(set: VoteSet, blockId: Hash): readonly ValidatorIndex[] {
  return signaturesFor(set, blockId).map((each) => each.validator);
}

/** Bit i is set if there is a vote of validator i. */
export function bitmapOf(set: VoteSet): number {
  let bits = 0;
  for (const validator of set.slots.keys()) bits |= 1 << validator;
  return bits >>> 0;
}
