import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { total } from './coverage.ts';
import { recovered } from './options.ts';
import { firstViolation } from './report.ts';
import type { SimOptions } from './world.ts';

const fixedSeeds = 8;
const freshSeeds = 4;

function run(seed: number): SimOptions {
  const committee = seed % 4 === 0 ? { nodes: 7, byzantine: 2 } : { nodes: 4, byzantine: 1 };
  return { seed, ...committee, heights: 8, kind: recovered };
}

describe('P7 never fork: a validator that came back from an old backup, or with an empty folder', () => {
  it('signs nothing of which it does not know whether it has signed it, follows the others, and signs again later', async () => {
    const first = randomInt(1_000_000, 2 ** 31);
    console.log(`fresh seeds: ${first} to ${first + freshSeeds - 1}`);
    const fixed = await firstViolation(Array.from({ length: fixedSeeds }, (_, i) => run(i + 1)));
    expect(fixed.failure).toBeNull();
    const fresh = await firstViolation(Array.from({ length: freshSeeds }, (_, i) => run(first + i)));
    expect(fresh.failure).toBeNull();
    const faults = total(fixed.results, 'faults');
    expect((faults['recovered-backup'] ?? 0) + (faults['recovered-empty'] ?? 0)).toBeGreaterThanOrEqual(5);
    expect(faults['forgot-most']).toBeGreaterThanOrEqual(3);
    expect(total(fixed.results, 'coverage')['recovered-signs']).toBeGreaterThanOrEqual(50);
  });
});
