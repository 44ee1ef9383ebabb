import { World, type SimOptions, type SimResult } from './world.ts';

/** Runs a seed twice: a run that differs from itself cannot be replayed, which is a violation of its own. */
export function simulate(options: SimOptions): SimResult {
  const first = new World(options).run();
  const second = new World(options).run();
  if (first.traceHash === second.traceHash) return first;
  return { ...first, ok: false, violation: `not deterministic: ${first.traceHash} and ${second.traceHash}` };
}

export function replayCommand({ seed, nodes, byzantine, heights }: SimResult): string {
  return `npm run sim -- --seed ${seed} --nodes ${nodes} --byzantine ${byzantine} --heights ${heights}`;
}
