import { shortOfCoverage } from './coverage.ts';
import { parseOptions } from './options.ts';
import { explain } from './report.ts';
import { simulate } from './simulate.ts';
import type { SimResult } from './world.ts';

/**
 * One JSON line a run on stdout. After a violation, or if all runs together exercised too little: exit 1, with history and replay command on
 * stderr. Exit 2 for bad options.
 */
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
  const results: SimResult[] = [];
  for (let run = 0; run < runs; run++) {
    const each = { ...rest, seed: rest.seed + run };
    const result = await simulate(each);
    results.push(result);
    process.stdout.write(`${JSON.stringify(result)}\n`);
    if (result.ok) continue;
    process.exitCode = 1;
    process.stderr.write(`${await explain(each, result)}\n`);
  }
  // A choice of committee, of a kind or of faults is a choice of what happens.
  const isUsual = rest.nodes === 4 && rest.byzantine === 1 && rest.kind === undefined && rest.without.length === 0;
  const missing = isUsual ? shortOfCoverage(results) : [];
  if (missing.length === 0) return;
  process.exitCode = 1;
  process.stderr.write(`too little was exercised: ${missing.join('; ')}\n`);
}

await main();
