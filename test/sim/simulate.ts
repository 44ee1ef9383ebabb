import { stormMsDefault } from './options.ts';
import { World, type SimOptions, type SimResult } from './world.ts';

/** Runs a seed twice: a run that differs from itself cannot be replayed, which is a violation of its own. */
export async function simulate(options: SimOptions): Promise<SimResult> {
  const first = await new World(options).run();
  const second = await new World(options).run();
  if (first.traceHash === second.traceHash) return first;
  return { ...first, ok: false, violation: `not deterministic: ${first.traceHash} and ${second.traceHash}` };
}

export function replayCommand(options: SimOptions): string {
  const { seed, nodes, byzantine, heights, kind, stormMs, director, founding, without = [] } = options;
  return [
    `npm run sim -- --seed ${seed} --nodes ${nodes} --byzantine ${byzantine} --heights ${heights}`,
    ...(kind === undefined ? [] : [`--kind ${kind}`]),
    ...(stormMs === undefined || stormMs === stormMsDefault ? [] : [`--storm ${stormMs}`]),
    ...(director === undefined ? [] : [`--director ${director}`]),
    ...(founding === undefined ? [] : [`--founding ${founding}`]),
    ...(without.length === 0 ? [] : [`--without ${without.join(',')}`]),
  ].join(' ');
}
