import { shrink } from './shrink.ts';
import { replayCommand, simulate } from './simulate.ts';
import { World, type SimOptions, type SimResult } from './world.ts';

/** Runs until the first violation. What it returns says everything: the history of the shortest run that still fails, and its command. */
export async function firstViolation(
  all: readonly SimOptions[],
): Promise<{ readonly failure: string | null; readonly results: readonly SimResult[] }> {
  const results: SimResult[] = [];
  for (const options of all) {
    const result = await simulate(options);
    results.push(result);
    if (!result.ok) return { failure: await explain(options, result), results };
  }
  return { failure: null, results };
}

/** Violation, who said what in which round, and the command that replays it. */
export async function explain(options: SimOptions, result: SimResult, triesMax?: number): Promise<string> {
  const shortest = await shrink(options, result.violation ?? '', triesMax);
  const world = new World(shortest);
  const again = await world.run();
  const history = world.history.lines(world.checker.chain.height);
  return [
    result.violation ?? 'violation',
    ...history,
    again.violation ?? '',
    `replay: ${replayCommand(options)}`,
    `shortest: ${replayCommand(shortest)}`,
  ].join('\n');
}
