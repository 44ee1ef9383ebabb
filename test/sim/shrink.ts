import { faultKinds } from './faults.ts';
import { World, type SimOptions } from './world.ts';

/** So that a failing test still ends. */
const triesUsual = 24;

/** The same kind of violation with fewer kinds of faults and a shorter storm: what is left out did not matter. */
export async function shrink(options: SimOptions, violation: string, triesMax = triesUsual): Promise<SimOptions> {
  const kind = kindOf(violation);
  let shortest = options;
  let tries = 0;
  const stillFails = async (candidate: SimOptions): Promise<boolean> => {
    if (++tries > triesMax) return false;
    const { violation: found } = await new World(candidate).run();
    return found !== undefined && kindOf(found) === kind;
  };
  for (const fault of faultKinds) {
    const candidate = { ...shortest, without: [...(shortest.without ?? []), fault] };
    if (await stillFails(candidate)) shortest = candidate;
  }
  for (const stormMs of [500, 1_500, 3_000, 6_000]) {
    const candidate = { ...shortest, stormMs };
    if (await stillFails(candidate)) return candidate;
  }
  return shortest;
}

function kindOf(violation: string): string {
  return violation.split(':')[0] ?? '';
}
