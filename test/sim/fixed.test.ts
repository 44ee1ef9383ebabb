import { describe, expect, it } from 'vitest';
import { shortOfCoverage } from './coverage.ts';
import { firstViolation } from './report.ts';
import { scenarioOf } from './scenario.ts';

/** Planted faults (test/mutants/faults/sim.ts) are caught within these. */
const fixedSeeds = 30;

describe('P7 never fork, P2 and P8: with at most f Byzantine validators the log neither forks nor loses, and goes on by itself', () => {
  it(`holds for ${fixedSeeds} fixed seeds, and they exercise what they must`, async () => {
    const all = Array.from({ length: fixedSeeds }, (_, i) => scenarioOf(i + 1));
    const { failure, results } = await firstViolation(all);
    expect(failure).toBeNull();
    expect(shortOfCoverage(results, true)).toEqual([]);
  });
});
