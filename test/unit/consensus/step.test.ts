import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  initialState,
  isWorthVerifying,
  step,
  type ConsensusEvent,
  type ConsensusState,
  type Effect,
} from '../../../src/consensus/index.ts';
import type { ConsensusMessage, RoundStateMessage } from '../../../src/types/consensus.ts';
import type { Hash, Height } from '../../../src/types/brand.ts';
import { heightConfig } from './height-config.ts';
import { blockA, blockB, certificate, chain, height, proposal, round, sign, vote } from './messages.ts';

type Clockless = ConsensusEvent extends infer E ? (E extends unknown ? Omit<E, 'nowMs'> : never) : never;

function started(config = heightConfig): ConsensusState {
  const state = initialState({ chain, sign: (message) => sign(1, message) });
  feed(state, { type: 'start', config, txsAvailable: true, down: [] });
  return state;
}

function feed(state: ConsensusState, event: Clockless, nowMs = 1_000): readonly Effect[] {
  return step(state, { ...event, nowMs } as ConsensusEvent);
}

const message = (each: ConsensusMessage): Clockless => ({ type: 'message', from: 2, message: each });

const anyRound = fc.oneof(fc.nat(3), fc.constantFrom(9, 40, 4_000_000_000));
const anyBlock = fc.constantFrom(blockA, blockB);
const anyVote = fc
  .tuple(fc.constantFrom('prevote' as const, 'precommit' as const), fc.nat(3), anyRound, fc.option(anyBlock))
  .map(([type, validator, inRound, block]) => vote(type, validator === 1 ? 2 : validator, inRound, block));
const verdict = fc.oneof(
  fc.record({ ok: fc.constant(true as const), proposer: fc.nat(3), timeMs: fc.constant(1), appHash: anyBlock }),
  fc.constant({ ok: false as const, detail: 'unsound' }),
);
const anyTimeout = fc.constantFrom('propose' as const, 'prevote' as const, 'precommit' as const);
const anyEvent: fc.Arbitrary<Clockless> = fc.oneof(
  { weight: 6, arbitrary: anyVote.map(message) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(6), anyBlock).map(([at, block]) => message(proposal(at, block, null))) },
  fc
    .tuple(fc.nat(2), anyBlock)
    .map(([at, block]) => message(proposal(at + 1, block, certificate('prevote', [0, 2, 3], at, block)))),
  fc
    .tuple(anyBlock, verdict)
    .map(([blockId, each]): Clockless => ({ type: 'block-validated', height, blockId, verdict: each })),
  fc.tuple(anyRound, anyTimeout).map(([at, kind]): Clockless => ({ type: 'timeout', height, round: round(at), kind })),
  fc.tuple(anyRound, anyBlock).map(([at, blockId]): Clockless => {
    return { type: 'block-built', height, round: round(at), built: { blockId, timeMs: 1, appHash: blockId } };
  }),
  fc.constantFrom<Clockless>({ type: 'tick' }, { type: 'txs-available' }),
  fc
    .tuple(fc.constantFrom('peer-down' as const, 'peer-up' as const), fc.nat(3))
    .map(([type, validator]): Clockless => ({ type, validator })),
);

describe('whatever events come in whatever order', () => {
  it('own signatures only go forward, each is written in the step that makes it, and its send waits for that write', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        const state = started();
        let last = -1;
        for (const [i, event] of events.entries()) {
          const effects = feed(state, event, 1_000 + 700 * i);
          const persist = effects.find((each) => each.type === 'persist');
          if (persist !== undefined) expect(effects[0]).toBe(persist);
          for (const record of persist?.type === 'persist' ? persist.records : []) {
            if (record.kind !== 'vote') continue;
            const position = record.vote.round * 4 + (record.vote.type === 'prevote' ? 2 : 3);
            expect(position).toBeGreaterThan(last);
            last = position;
          }
          for (const effect of effects) if ('afterSeq' in effect) expect(effect.afterSeq).toBe(state.seq);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('memory stays bounded: rounds, votes, polkas and blocks', () => {
    fc.assert(
      fc.property(fc.array(anyVote, { minLength: 50, maxLength: 200 }), (votes) => {
        const state = started();
        for (const each of votes) feed(state, message(each));
        // 8 past rounds, the current, the next, and one beyond for each validator.
        expect(state.current?.rounds.size).toBeLessThanOrEqual(8 + 2 + 4);
      }),
    );
  });

  it('the same events give the same effects', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        const [a, b] = [started(), started()];
        for (const event of events) expect(feed(a, event)).toEqual(feed(b, event));
      }),
      { numRuns: 50 },
    );
  });
});

describe('a bitmap cannot make a node send more than a message holds', () => {
  it('answers within 256 votes, however often a round is named', () => {
    const state = started();
    for (const validator of [0, 2, 3]) feed(state, message(vote('prevote', validator, 0, null)));
    const rounds = Array.from({ length: 500 }, () => ({ round: round(0), prevotes: 0, precommits: 0 }));
    const asked: RoundStateMessage = {
      kind: 'round-state',
      height,
      round: round(0),
      active: true,
      hasProposal: true,
      rounds,
    };
    const effects = feed(state, message(asked));
    const sent = effects.flatMap((each) =>
      each.type === 'send' && each.message.kind === 'votes' ? each.message.votes : [],
    );
    expect(sent).toHaveLength(3);
  });
});

describe('what is not worth verifying', () => {
  it('is what is here already, and what would be dropped', () => {
    const state = started();
    const first = vote('prevote', 0, 0, blockA);
    expect(isWorthVerifying(state, first)).toBe(true);
    feed(state, message(first));
    expect(isWorthVerifying(state, first)).toBe(false);
    expect(isWorthVerifying(state, vote('prevote', 0, 0, blockB))).toBe(true);
    feed(state, message(vote('prevote', 2, 0, blockA)));
    expect(isWorthVerifying(state, vote('prevote', 3, 0, blockA))).toBe(true);
    feed(state, message(vote('prevote', 3, 0, blockA)));
    expect(isWorthVerifying(state, vote('precommit', 1, 0, blockA))).toBe(true);
    feed(state, message(vote('prevote', 2, 9, null)));
    expect(isWorthVerifying(state, vote('prevote', 2, 8, null))).toBe(false);
    expect(isWorthVerifying(state, { ...first, height: 3 as Height })).toBe(false);
    expect(isWorthVerifying(state, { ...first, height: 5 as Height })).toBe(true);
    expect(
      isWorthVerifying(state, { kind: 'commit', certificate: certificate('precommit', [0, 2, 3], 0, blockA) }),
    ).toBe(true);
    const fresh = proposal(0, blockA, null);
    expect(isWorthVerifying(state, fresh)).toBe(true);
    feed(state, message(fresh));
    expect(isWorthVerifying(state, fresh)).toBe(false);
    expect(isWorthVerifying(state, proposal(0, blockB, null))).toBe(true);
  });

  it('P7: is not a vote beyond a quorum: the other vote of its signer would not be found', () => {
    const state = started({ ...heightConfig, validators: 7 });
    const deliver = (validator: number, block: Hash | null): readonly Effect[] => {
      const each = vote('prevote', validator, 0, block);
      return isWorthVerifying(state, each) ? feed(state, message(each)) : [];
    };
    for (const validator of [0, 2, 3, 4, 5]) deliver(validator, null);
    expect(deliver(6, null).filter(({ type }) => type === 'evidence')).toEqual([]);
    expect(deliver(6, blockA).filter(({ type }) => type === 'evidence')).toHaveLength(1);
  });

  it('is everything before a height began', () => {
    expect(isWorthVerifying(initialState({ chain, sign: null }), vote('prevote', 0, 0, null))).toBe(false);
  });
});

describe('clocks', () => {
  it('that are set back do not silence a node without progress', () => {
    const state = started();
    const effects = feed(state, { type: 'tick' }, -1_000_000);
    expect(effects.some((each) => each.type === 'broadcast' && each.message.kind === 'round-state')).toBe(true);
  });
});
