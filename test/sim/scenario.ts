import { byzantineKinds } from './options.ts';
import { Prng } from './prng.ts';
import type { SimOptions } from './world.ts';

/** Committees and what is wrong in them, from a seed: small ones often, every kind of faulty validator, quorums of every remainder. */
const committees: readonly Pick<SimOptions, 'nodes' | 'byzantine'>[] = [
  { nodes: 4, byzantine: 1 },
  { nodes: 4, byzantine: 1 },
  { nodes: 4, byzantine: 1 },
  { nodes: 4, byzantine: 0 },
  { nodes: 5, byzantine: 1 },
  { nodes: 6, byzantine: 1 },
  { nodes: 7, byzantine: 2 },
];
const kinds = [...new Set(byzantineKinds)];

/** Half of the faulty ones are adversaries, who do the most; the other kinds come in turn. */
export function scenarioOf(seed: number): SimOptions {
  const prng = new Prng(seed ^ 0x5eed);
  const committee = prng.pick(committees);
  const kind = prng.chance(0.5) ? 'adversary' : (kinds[seed % kinds.length] ?? 'adversary');
  return { seed, heights: 8, ...committee, kind };
}
