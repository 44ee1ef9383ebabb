import { describe, expect, it } from 'vitest';
import { total } from './coverage.ts';
import { firstViolation } from './report.ts';
import type { SimOptions } from './world.ts';

const all: readonly SimOptions[] = [1, 2, 3, 4, 5, 6].map((seed) => ({
  seed,
  nodes: 4,
  byzantine: 0,
  heights: 3,
  director: 'starve',
}));

describe('P2: a validator that hears every vote and gets no block', () => {
  it('goes on by its timers, whatever the votes are for', async () => {
    const { failure, results } = await firstViolation(all);
    expect(failure).toBeNull();
    expect(total(results, 'faults')['starved']).toBeGreaterThanOrEqual(all.length);
  });
});
