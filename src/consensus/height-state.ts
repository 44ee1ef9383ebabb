import type { Hash } from '../types/brand.ts';
import type { PolkaCertificate, ValidatorIndex, Vote } from '../types/consensus.ts';
import type { HeightConfig } from './event.ts';
import { firstRound } from './rounds.ts';
import type { BlockEntry, HeightState, RoundData } from './state.ts';
import { voteSet, type VoteSet } from './vote-set.ts';

/**
 * Rounds below the current one that are kept whole. An older quorum of precommits is not lost: whoever completed it sends the
 * certificate, and its locks make the same block come again.
 */
export const pastRoundsKept = 8;
/** Polkas kept for L28; the one of the lock and of the valid value stay whatever their age. */
export const polkasKept = 16;
/** Entries for blocks that were named; a proposer can name one a round, so older ones go. */
export const blocksKept = 64;

export function newHeight(config: HeightConfig, txsAvailable: boolean, nowMs: number): HeightState {
  return {
    config,
    round: firstRound,
    step: 'idle',
    txsAvailable,
    lockedRound: -1,
    lockedBlock: null,
    validRound: -1,
    validBlock: null,
    rounds: new Map(),
    polkas: new Map(),
    blocks: new Map(),
    reached: new Map(),
    commit: null,
    buildingRound: -1,
    timers: [],
    replies: new Map(),
    ahead: config.height,
    lastProgressMs: nowMs,
  };
}

export function roundData(h: HeightState, round: number): RoundData {
  let data = h.rounds.get(round);
  if (data === undefined) {
    const n = h.config.validators;
    data = {
      prevotes: voteSet(n),
      precommits: voteSet(n),
      proposal: null,
      proposalConflict: false,
      prevoteTimer: false,
      precommitTimer: false,
    };
    h.rounds.set(round, data);
  }
  return data;
}

export function votesOf(data: RoundData, type: Vote['type']): VoteSet {
  return type === 'prevote' ? data.prevotes : data.precommits;
}

export function blockEntry(h: HeightState, blockId: Hash): BlockEntry {
  let found = h.blocks.get(blockId);
  if (found === undefined) {
    found = { verdict: null, asked: false, requested: false, persisted: false };
    h.blocks.set(blockId, found);
    if (h.blocks.size > blocksKept) forgetOldestBlock(h);
  }
  return found;
}

function forgetOldestBlock(h: HeightState): void {
  for (const id of h.blocks.keys()) {
    const needed = id === h.lockedBlock || id === h.validBlock || id === h.commit?.blockId;
    if (needed || [...h.rounds.values()].some((data) => data.proposal?.proposal.blockId === id)) continue;
    h.blocks.delete(id);
    return;
  }
}

export function isValidHere(h: HeightState, blockId: Hash): boolean {
  return h.blocks.get(blockId)?.verdict?.ok === true;
}

export function keepPolka(h: HeightState, polka: PolkaCertificate): void {
  if (h.polkas.has(polka.round)) return;
  h.polkas.set(polka.round, polka);
  if (h.polkas.size <= polkasKept) return;
  const oldest = [...h.polkas.keys()]
    .filter((round) => round !== h.lockedRound && round !== h.validRound)
    .sort((a, b) => a - b)[0];
  if (oldest !== undefined) h.polkas.delete(oldest);
}

export function newestPolka(h: HeightState): PolkaCertificate | null {
  const newest = Math.max(-1, ...h.polkas.keys());
  return h.polkas.get(newest) ?? null;
}

/** Whether a single vote or proposal of `round` is kept; see the README on bounded buffers. */
export function retains(h: HeightState, validator: ValidatorIndex, round: number): boolean {
  if (round < h.round) return round >= h.round - pastRoundsKept;
  if (round <= h.round + 1) return true;
  return round >= (h.reached.get(validator) ?? 0);
}

/** A validator names a round beyond the next: what it said of earlier ones beyond the next goes away. */
export function dropSupersededFuture(h: HeightState, validator: ValidatorIndex, round: number): void {
  const before = h.reached.get(validator) ?? 0;
  if (before <= h.round + 1 || before >= round) return;
  const data = h.rounds.get(before);
  if (data === undefined) return;
  for (const set of [data.prevotes, data.precommits]) {
    set.slots.delete(validator);
    set.conflicted.delete(validator);
    for (const [key, votes] of set.byValue) {
      votes.delete(validator);
      if (votes.size === 0) set.byValue.delete(key);
    }
  }
  if (data.proposal?.proposal.validator === validator) data.proposal = null;
  if (data.prevotes.slots.size === 0 && data.precommits.slots.size === 0 && data.proposal === null)
    h.rounds.delete(before);
}

/**
 * Of the rounds beyond the next, a validator's newest proposal alone is kept: drops an older one, and is false if a newer one is there. It proposes in
 * every n-th round, so without this it could sign as many as it likes.
 */
export function makesRoomForFuture(h: HeightState, validator: ValidatorIndex, round: number): boolean {
  if (round <= h.round + 1) return true;
  for (const [each, data] of h.rounds) {
    if (each <= h.round + 1 || each === round || data.proposal?.proposal.validator !== validator) continue;
    if (each > round) return false;
    data.proposal = null;
    data.proposalConflict = false;
    if (data.prevotes.slots.size === 0 && data.precommits.slots.size === 0) h.rounds.delete(each);
  }
  return true;
}

export function dropPastRounds(h: HeightState): void {
  for (const round of h.rounds.keys()) {
    const needed = round === h.lockedRound || round === h.validRound;
    if (round < h.round - pastRoundsKept && !needed) h.rounds.delete(round);
  }
}
