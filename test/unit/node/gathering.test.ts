import { describe, expect, test } from 'vitest';
import { Gathering, waitMaxMs } from '../../../src/node/gathering.ts';

const many = 1_000;

describe('when a block begins', () => {
  test('one client is never waited for', () => {
    const gathering = new Gathering();
    expect(gathering.waitMs(1, many)).toBe(0);
    for (let ms = 0; ms < 1_000; ms += 20) {
      gathering.decided(1, 0, ms);
      expect(gathering.waitMs(1, many)).toBe(0);
    }
  });

  test('as many as were under way at the last decision are waited for, a third of a height', () => {
    const gathering = new Gathering();
    gathering.decided(4, 6, 1_000);
    gathering.decided(4, 6, 1_060);
    expect([1, 9, 10, 16].map((waiting) => gathering.waitMs(waiting, many))).toEqual([20, 20, 0, 0]);
  });

  test('never for more than a block holds', () => {
    const gathering = new Gathering();
    gathering.decided(40, 60, 1_000);
    expect([39, 40].map((waiting) => gathering.waitMs(waiting, 40) > 0)).toEqual([true, false]);
  });

  test('never long, whatever time there was between decisions, and also if the clock was set back', () => {
    const gathering = new Gathering();
    for (const nowMs of [0, 3_600_000, 1_000]) {
      gathering.decided(10, 0, nowMs);
      expect(gathering.waitMs(1, many)).toBeGreaterThan(0);
      expect(gathering.waitMs(1, many)).toBeLessThanOrEqual(waitMaxMs);
    }
  });

  test('what was waited for in vain is not waited for again', () => {
    const gathering = new Gathering();
    gathering.decided(10, 0, 1_000);
    gathering.gaveUp();
    expect(gathering.waitMs(1, many)).toBe(0);
  });
});
