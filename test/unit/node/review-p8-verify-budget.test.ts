import { describe, expect, it } from 'vitest';
import { VerifyBudget } from '../../../src/node/verify-budget.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import type { ConsensusMessage } from '../../../src/types/consensus.ts';

const votes = (count: number): ConsensusMessage =>
  ({ kind: 'votes', votes: Array.from({ length: count }), polka: null }) as unknown as ConsensusMessage;
const vote = { kind: 'vote' } as ConsensusMessage;
const a = 'a' as ValidatorId;
const b = 'b' as ValidatorId;

describe('P8: what one validator may make the others verify', () => {
  it('ends, however sound it is, and leaves the share of the others alone', () => {
    const budget = new VerifyBudget();
    let taken = 0;
    while (budget.take(a, votes(256), 0)) taken += 1;
    expect(taken).toBe(23);
    expect(budget.take(b, votes(256), 0)).toBe(true);
  });

  it('comes back with time, up to what a catch-up needs at once', () => {
    const budget = new VerifyBudget();
    expect(budget.take(a, votes(6_000), 0)).toBe(true);
    expect(budget.take(a, vote, 0)).toBe(false);
    expect(budget.take(a, vote, 1)).toBe(true);
    expect(budget.take(a, votes(6_000), 60_000)).toBe(true);
    expect(budget.take(a, vote, 60_000)).toBe(false);
  });

  it('is enough for a chain that works at full speed', () => {
    const budget = new VerifyBudget();
    const refused = Array.from({ length: 60_000 }, (_, i) => budget.take(a, vote, Math.floor(i / 2))).filter(
      (ok) => !ok,
    );
    expect(refused).toEqual([]);
  });
});
