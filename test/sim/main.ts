import { parseOptions } from './options.ts';
import { replayCommand, simulate } from './simulate.ts';
import { World } from './world.ts';

/** One JSON line a run on stdout; exit 1 after a violation, with the history and the command that replays it on stderr; exit 2 for bad options. */
async function main(): Promise<void> {
  let options;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
    return;
  }
  const { runs, ...rest } = options;
  for (let run = 0; run < runs; run++) {
    const result = await simulate({ ...rest, seed: rest.seed + run });
    process.stdout.write(`${JSON.stringify(result)}\n`);
    if (result.ok) continue;
    const world = new World({ ...rest, seed: rest.seed + run });
    await world.run();
    process.stderr.write(`${world.history.lines(world.checker.chain.height).join('\n')}\n`);
    process.stderr.write(`${result.violation ?? 'violation'}\nreplay: ${replayCommand(result)}\n`);
    process.exitCode = 1;
  }
}

await main();
