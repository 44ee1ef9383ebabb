import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isQuorum } from '../../../src/consensus/index.ts';
import {
  addVote,
  bitmapOf,
  hasQuorumFor,
  hasQuorumOfAny,
  quorumBlock,
  signaturesFor,
  voteSet,
} from '../../../src/consensus/vote-set.ts';
import { blockA, blockB, vote } from './messages.ts';

const blockC = 'd'.repeat(64) as typeof blockA;
const values = [null, blockA, blockB, blockC] as const;

/** The same rules, written without any index: a list of accepted votes, searched from the start. */
class DumbVotes {
  readonly accepted: { validator: number; value: string | null }[] = [];

  add(validator: number, value: string | null, certified: boolean): { added: boolean; conflict: boolean } {
    const own = this.accepted.filter((each) => each.validator === validator);
    if (own.some((each) => each.value === value)) return { added: false, conflict: false };
    if (own.length >= 2 && !certified) return { added: false, conflict: false };
    this.accepted.push({ validator, value });
    return { added: true, conflict: own.length === 1 };
  }

  count(value: string | null): number {
    return this.accepted.filter((each) => each.value === value).length;
  }

  senders(): readonly number[] {
    return [...new Set(this.accepted.map((each) => each.validator))].sort((a, b) => a - b);
  }
}

describe('a vote set', () => {
  it('counts like a list that is searched from the start', () => {
    const additions = fc.array(
      fc.record({ validator: fc.nat(6), value: fc.constantFrom(...values), certified: fc.boolean() }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(additions, (all) => {
        const set = voteSet(7);
        const dumb = new DumbVotes();
        for (const { validator, value, certified } of all) {
          const expected = dumb.add(validator, value, certified);
          const result = addVote(set, vote('prevote', validator, 0, value), certified);
          expect({ added: result.added, conflict: result.conflictsWith !== null }).toEqual(expected);
        }
        for (const value of values) expect(hasQuorumFor(set, value)).toBe(isQuorum(dumb.count(value), 7));
        expect(hasQuorumOfAny(set)).toBe(isQuorum(dumb.senders().length, 7));
        expect(bitmapOf(set)).toBe(dumb.senders().reduce((bits, validator) => bits + 2 ** validator, 0));
        const winner = quorumBlock(set);
        if (winner !== null) expect(isQuorum(dumb.count(winner), 7)).toBe(true);
      }),
    );
  });

  it('keeps the vote that conflicts, and names the first one', () => {
    const set = voteSet(4);
    const first = vote('prevote', 1, 0, blockA);
    addVote(set, first, false);
    expect(addVote(set, vote('prevote', 1, 0, blockB), false)).toEqual({ added: true, conflictsWith: first });
    expect(signaturesFor(set, blockB).map((each) => each.validator)).toEqual([1]);
  });

  it('gives the signatures of a block sorted by validator', () => {
    const set = voteSet(4);
    for (const validator of [3, 0, 2]) addVote(set, vote('prevote', validator, 0, blockA), false);
    expect(signaturesFor(set, blockA).map((each) => each.validator)).toEqual([0, 2, 3]);
    expect(quorumBlock(set)).toBe(blockA);
  });

  it('has a bitmap for 32 validators, the last one included', () => {
    const set = voteSet(32);
    addVote(set, vote('prevote', 31, 0, null), false);
    expect(bitmapOf(set)).toBe(2 ** 31);
  });
});
