import { describe, expect, it } from 'vitest';
import { shortOfCoverage } from './coverage.ts';
import { byzantineKinds, parseOptions, stormMsDefault } from './options.ts';
import { explain } from './report.ts';
import { replayCommand } from './simulate.ts';
import { World } from './world.ts';

describe('the checker itself', () => {
  it('finds a disagreement when f+1 of four are faulty, and tells it as a history with the command that replays it', async () => {
    for (const seed of [1, 2, 3]) {
      const result = await new World({ seed, nodes: 4, byzantine: 2, heights: 10 }).run();
      expect(result.violation).toMatch(/^agreement: height \d+ is [0-9a-f]{8} and, at node \d, [0-9a-f]{8}$/);
    }
    const options = { seed: 1, nodes: 4, byzantine: 2, heights: 10 };
    const text = await explain(options, await new World(options).run(), 3);
    expect(text).toMatch(/prevotes \d+\/\d+ [0-9a-f]{8}/);
    expect(text).toMatch(/decides \d+ [0-9a-f]{8}/);
    expect(text).toContain('replay: npm run sim -- --seed 1 --nodes 4 --byzantine 2 --heights 10');
  });

  it('gives another trace for another seed, the same for the same, and this one on every machine', async () => {
    const hash = async (seed: number): Promise<string> =>
      (await new World({ seed, nodes: 4, byzantine: 1, heights: 3, stormMs: 2_000 }).run()).traceHash;
    expect(await hash(7)).toBe(await hash(7));
    expect(await hash(7)).not.toBe(await hash(8));
  });

  it('notices that nothing was exercised', () => {
    const idle = { seed: 1, nodes: 4, byzantine: 1, heights: 1, faults: {}, coverage: {}, ok: true, traceHash: '' };
    expect(shortOfCoverage(Array.from({ length: 20 }, () => idle)).length).toBeGreaterThan(10);
  });
});

describe('the command line of the simulator', () => {
  it('takes names with values and fills in the rest', () => {
    const defaults = { runs: 1, nodes: 4, heights: 10, without: [], stormMs: stormMsDefault };
    expect(parseOptions(['--seed', '42', '--byzantine', '0'])).toEqual({ ...defaults, seed: 42, byzantine: 0 });
  });

  it('understands the command that it prints', () => {
    const options = {
      seed: 5,
      nodes: 7,
      byzantine: 2,
      heights: 3,
      kind: byzantineKinds[0],
      stormMs: 900,
      without: ['crash'],
      director: 'starve' as const,
    };
    const words = replayCommand(options).split(' -- ')[1]?.split(' ') ?? [];
    expect(parseOptions(words)).toEqual({ ...options, runs: 1 });
  });

  it.each([
    [['--seed']],
    [['--sed', '1']],
    [['--seed', 'x']],
    [['--nodes', '0']],
    [['--byzantine', '4']],
    [['--kind', 'nice']],
  ])('refuses %j with the usage', (words) => {
    expect(() => parseOptions(words)).toThrow(/npm run sim/);
  });
});
