import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { firstViolation } from './report.ts';
import { scenarioOf } from './scenario.ts';

describe('P7 never fork: with at most f Byzantine validators no two nodes commit different blocks, whatever network, disks and clocks do', () => {
  it('holds for seeds that nobody has tried', async () => {
    const first = randomInt(1_000_000, 2 ** 31);
    console.log(`fresh seeds: ${first} to ${first + 15}`);
    const { failure } = await firstViolation(Array.from({ length: 16 }, (_, i) => scenarioOf(first + i)));
    expect(failure).toBeNull();
  });

  it('holds for thirteen validators, four of them Byzantine, for three, two and one', async () => {
    const all = [
      { seed: 1, nodes: 13, byzantine: 4, heights: 4, stormMs: 5_000 },
      { seed: 2, nodes: 3, byzantine: 0, heights: 5 },
      { seed: 3, nodes: 2, byzantine: 0, heights: 5 },
      { seed: 4, nodes: 1, byzantine: 0, heights: 5 },
    ];
    expect((await firstViolation(all)).failure).toBeNull();
  });
});
