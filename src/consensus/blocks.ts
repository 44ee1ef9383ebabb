import type { Hash } from '../types/brand.ts';
import type { ValidatorIndex } from '../types/consensus.ts';
import { blockEntry } from './height-state.ts';
import { proposerOf } from './proposer.ts';
import type { HeightState } from './state.ts';
import { emit, write, type Turn } from './turn.ts';

/** Somebody proposes this block, or the log names it: have it executed when its body is here. Once a block. */
export function askValidation(turn: Turn, h: HeightState, blockId: Hash): void {
  const block = blockEntry(h, blockId);
  if (block.asked) return;
  block.asked = true;
  const { height, validators } = h.config;
  emit(turn, { type: 'validate-block', height, blockId, proposer: proposerOf(height, h.round, validators) });
}

/** A quorum names this block and its verdict is unknown: fetch it by its id, whatever proposal came first. */
export function requestBlock(turn: Turn, h: HeightState, blockId: Hash, holders: readonly ValidatorIndex[]): void {
  const block = blockEntry(h, blockId);
  if (block.requested || block.verdict !== null) return;
  block.requested = true;
  const others = holders.filter((validator) => validator !== h.config.self);
  emit(turn, { type: 'request-block', height: h.config.height, blockId, holders: others });
}

/** The body goes into the log before the first signature that binds this node to it. */
export function writeBody(turn: Turn, h: HeightState, blockId: Hash): void {
  const block = blockEntry(h, blockId);
  if (block.persisted) return;
  block.persisted = true;
  write(turn, { kind: 'block', height: h.config.height, blockId });
}
