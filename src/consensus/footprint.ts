import type { ConsensusState } from './state.ts';

/** Entries that a core keeps in memory; each has a bound (README.md, "Bounded buffers"). */
export interface Footprint {
  readonly rounds: number;
  readonly votes: number;
  readonly proposals: number;
  readonly polkas: number;
  readonly blocks: number;
  readonly nextHeight: number;
}

export function footprintOf({ current, nextHeight }: ConsensusState): Footprint {
  const rounds = [...(current?.rounds.values() ?? [])];
  const sets = rounds.flatMap(({ prevotes, precommits }) => [prevotes, precommits]);
  return {
    rounds: rounds.length,
    votes: sets.reduce((sum, set) => sum + [...set.byValue.values()].reduce((votes, each) => votes + each.size, 0), 0),
    proposals: rounds.filter(({ proposal }) => proposal !== null).length,
    polkas: current?.polkas.size ?? 0,
    blocks: current?.blocks.size ?? 0,
    nextHeight: nextHeight?.messages.length ?? 0,
  };
}
