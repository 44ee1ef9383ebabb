import { describe, expect, it } from 'vitest';
import { ClockCheck } from '../../../src/node/clock-check.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';

const params = { precisionMs: 500, messageDelayMs: 2_000 };
const HOUR = 3_600_000;
const self = 'delta' as ValidatorId;

/** After one fresh block of each of these proposers, which is so far behind the own clock. */
function after(offsets: Readonly<Record<string, number>>): string {
  const check = new ClockCheck();
  for (const [proposer, offsetMs] of Object.entries(offsets))
    check.note({ proposer: proposer as ValidatorId, timeMs: 9 * HOUR }, self, 9 * HOUR + offsetMs);
  return check.reason(params, 4);
}

describe('a node with a wrong clock says so', () => {
  it('when the blocks of more proposers than may be faulty agree', () => {
    expect(after({ alpha: HOUR, beta: HOUR + 50 })).toContain('its clock is 3600 s ahead of the others');
    expect(after({ alpha: -HOUR, beta: -HOUR + 50, gamma: -HOUR })).toContain('3600 s behind the others');
    expect(after({ alpha: HOUR, beta: HOUR, gamma: 5 })).toContain('3600 s ahead');
  });

  it('and neither for one liar, nor for what a busy machine is late, nor for its own blocks', () => {
    expect(after({})).toBe('');
    expect(after({ alpha: HOUR })).toBe('');
    expect(after({ alpha: HOUR, beta: 40, gamma: 30 })).toBe('');
    expect(after({ alpha: HOUR, beta: -HOUR, gamma: 0 })).toBe('');
    expect(after({ alpha: 9_000, beta: 9_500, gamma: 8_000 })).toBe('');
    expect(after({ alpha: HOUR, delta: HOUR })).toBe('');
  });

  it('until its clock is set', () => {
    const check = new ClockCheck();
    for (const offsetMs of [HOUR, 20])
      for (const proposer of ['alpha', 'beta', 'gamma'] as ValidatorId[])
        check.note({ proposer, timeMs: 0 }, self, offsetMs);
    expect(check.reason(params, 4)).toBe('');
  });
});
