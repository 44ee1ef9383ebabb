import { describe, expect, it } from 'vitest';
import { showsKeyElsewhere, type ConsensusState } from '../../../src/consensus/index.ts';
import type { ConsensusMessage, VoteType } from '../../../src/types/consensus.ts';

const SELF = 2;
const signature = new Uint8Array(64);

const vote = (height: number, round: number, type: VoteType, blockId: string | null = 'b', validator = SELF) =>
  ({ kind: 'vote', type, height, round, blockId, validator, signature }) as unknown as ConsensusMessage;
const commit = (height: number, round: number, validators: readonly number[], blockId = 'b') =>
  ({
    kind: 'commit',
    certificate: { height, round, blockId, signatures: validators.map((validator) => ({ validator, signature })) },
  }) as unknown as ConsensusMessage;
const votes = (...all: readonly ConsensusMessage[]) =>
  ({ kind: 'votes', height: 7, votes: all, polka: null }) as unknown as ConsensusMessage;

/** At height 7, where it prevoted `b` in round 1. */
function node(
  changes: { observe?: boolean; observeThrough?: number; self?: number | null; sign?: null } = {},
): ConsensusState {
  const { observe = false, observeThrough = 0, self = SELF } = changes;
  return {
    core: { sign: changes.sign === null ? null : () => signature },
    current: { config: { height: 7, self, observe } },
    observeThrough,
    signed: { height: 7, round: 1, step: 2 },
    signedMessage: vote(7, 1, 'prevote'),
  } as unknown as ConsensusState;
}

describe('P7: a signature of the own key that this node did not make', () => {
  it.each<[string, ConsensusMessage]>([
    ['a later step of the round', vote(7, 1, 'precommit')],
    ['a later round', vote(7, 2, 'prevote', null)],
    ['the same step with another content', vote(7, 1, 'prevote', null)],
    ['one among others that a peer returns', votes(vote(7, 1, 'prevote', 'b', 0), vote(7, 3, 'precommit'))],
    ['a precommit in the certificate of the height', commit(7, 1, [0, 1, SELF])],
  ])('is %s', (_what, message) => {
    expect(showsKeyElsewhere(node(), message)).toBe(true);
  });

  it.each<[string, ConsensusMessage]>([
    ['the last one that it made', vote(7, 1, 'prevote')],
    ['what it may have signed before, of which it does not keep all', vote(7, 0, 'precommit', null)],
    ['another validator s', vote(7, 1, 'precommit', 'b', 0)],
    ['one of a height that is over', vote(6, 0, 'precommit')],
    ['one of a height that has not begun', vote(8, 0, 'precommit')],
    ['a certificate of a height that has not begun', commit(8, 0, [0, 1, SELF])],
    ['a certificate without it', commit(7, 1, [0, 1, 3])],
    ['a certificate of an earlier round', commit(7, 0, [0, 1, SELF])],
  ])('is not %s', (_what, message) => {
    expect(showsKeyElsewhere(node(), message)).toBe(false);
  });

  it('is not looked for where the node does not know what it signed, or signs nothing', () => {
    for (const changes of [{ observe: true }, { observeThrough: 7 }, { self: null }, { sign: null }])
      expect(showsKeyElsewhere(node(changes), vote(7, 2, 'precommit'))).toBe(false);
  });
});
