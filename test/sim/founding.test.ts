import { describe, expect, it } from 'vitest';
import { total } from './coverage.ts';
import { firstViolation } from './report.ts';
import type { SimOptions } from './world.ts';

const all: readonly SimOptions[] = [1, 2, 3, 4, 5, 6].map((seed) => ({
  seed,
  nodes: 4,
  byzantine: 0,
  heights: 3,
  stormMs: 0,
  founding: 'slow',
}));

describe('P2: a validator that begins when the others have decided the first block, and nothing happens any more', () => {
  it('asks, and is told', async () => {
    const { failure, results } = await firstViolation(all);
    expect(failure).toBeNull();
    expect(total(results, 'faults')['began-late']).toBeGreaterThanOrEqual(3);
  });
});
