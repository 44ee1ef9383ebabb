import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.ts';
import { replayCommand, simulate } from './simulate.ts';
import { World, type SimOptions, type SimResult } from './world.ts';

/** Runs until the first violation, so that its replay command is what the failure shows. */
function runAll(
  first: number,
  runs: number,
  options: Omit<SimOptions, 'seed'>,
): { readonly violations: readonly string[]; readonly results: readonly SimResult[] } {
  const results = Array.from({ length: runs }, (_, i) => simulate({ ...options, seed: first + i }));
  const violations = results
    .filter((each) => !each.ok)
    .map((each) => `${each.violation}; replay: ${replayCommand(each)}`);
  return { violations, results };
}

function total(results: readonly SimResult[], of: 'coverage' | 'faults'): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const result of results)
    for (const [key, count] of Object.entries(result[of])) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}

describe('P7 never fork: with at most f Byzantine validators no two nodes commit different blocks, whatever the network, disks and clocks do', () => {
  it('holds for the fixed seeds of four validators, one of them Byzantine, and every rule of the paper fires in them', () => {
    const { violations, results } = runAll(1, 80, { nodes: 4, byzantine: 1, heights: 10 });
    expect(violations).toEqual([]);
    const rules = total(results, 'coverage');
    for (const rule of [
      'L11',
      'L16',
      'L18',
      'L22',
      'L28',
      'L34',
      'L36',
      'L44',
      'L47',
      'L49',
      'L55',
      'L57',
      'L61',
      'L65',
    ])
      expect(rules[rule] ?? 0, rule).toBeGreaterThan(0);
    for (const rule of [
      'resume',
      'late-polka',
      'catch-up',
      'sync',
      'equivocation',
      'proposer-down',
      'buffered-delivered',
    ])
      expect(rules[rule] ?? 0, rule).toBeGreaterThan(0);
    const faults = total(results, 'faults');
    for (const fault of [
      'drop',
      'delay',
      'duplicate',
      'one-way-cut',
      'partition',
      'crash',
      'unsynced-lost',
      'clock-jump',
      'byzantine-act',
      'byzantine-twin',
      'byzantine-amnesia',
      'byzantine-withhold',
      'byzantine-silent',
    ])
      expect(faults[fault] ?? 0, fault).toBeGreaterThan(0);
  });

  it('holds for seven validators, two of them Byzantine', () => {
    expect(runAll(500, 12, { nodes: 7, byzantine: 2, heights: 6 }).violations).toEqual([]);
  });

  it('holds without Byzantine nodes, for one, two, three and six validators', () => {
    for (const nodes of [1, 2, 3, 6])
      expect(runAll(900, 5, { nodes, byzantine: 0, heights: 6 }).violations).toEqual([]);
  });

  it('holds for seeds that nobody has tried', () => {
    const first = randomInt(1_000_000, 2 ** 31);
    console.log(`fresh seeds: npm run sim -- --seed ${first} --runs 40`);
    expect(runAll(first, 40, { nodes: 4, byzantine: 1, heights: 10 }).violations).toEqual([]);
  });
});

describe('the checker itself', () => {
  it('finds a disagreement when f+1 of four are faulty', () => {
    const { violations } = runAll(1, 5, { nodes: 4, byzantine: 2, heights: 10 });
    expect(violations).toHaveLength(5);
    for (const violation of violations)
      expect(violation).toMatch(
        /^agreement: height \d+ is [0-9a-f]{64} and, at node \d, [0-9a-f]{64}; replay: npm run sim/,
      );
  });

  it('sees a shell that sends before its disk has synced', () => {
    const result = new World({ seed: 3, nodes: 4, byzantine: 0, heights: 5, breakBarrier: true }).run();
    expect(result.violation).toMatch(/^persist before send/);
  });

  it('gives another trace for another seed and the same for the same', () => {
    const hash = (seed: number): string => new World({ seed, nodes: 4, byzantine: 1, heights: 3 }).run().traceHash;
    expect(hash(7)).toBe(hash(7));
    expect(hash(7)).not.toBe(hash(8));
  });
});

describe('the command line of the simulator', () => {
  it('takes whole numbers by name and fills in the rest', () => {
    expect(parseOptions(['--seed', '42', '--byzantine', '0'])).toEqual({
      seed: 42,
      runs: 1,
      nodes: 4,
      byzantine: 0,
      heights: 10,
    });
  });

  it.each([[['--seed']], [['--sed', '1']], [['--seed', 'x']], [['--nodes', '0']], [['--byzantine', '4']]])(
    'refuses %j with the usage',
    (words) => {
      expect(() => parseOptions(words)).toThrow(/npm run sim/);
    },
  );
});
