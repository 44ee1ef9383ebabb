import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TimeoutKind } from '../../../src/consensus/timeouts.ts';
import { proposerOf } from '../../../src/consensus/index.ts';
import type { ConsensusMessage } from '../../../src/types/consensus.ts';
import { Core } from './core.ts';
import { blockA, blockB, certificate, height, proposal, round, vote } from './messages.ts';
import { Paper } from './paper.ts';

/** Does something with a core; rounds are told from the one in which it stands. */
type Act = (core: Core, paper: Paper) => void;

const others = [0, 2, 3];
const anyBlock = fc.constantFrom(blockA, blockB);
const anyValue = fc.constantFrom(blockA, blockB, null);
const anyType = fc.constantFrom('prevote' as const, 'precommit' as const);
const lately = fc.constantFrom(0, 0, 0, 1, -1, -2);
const hear =
  (message: (at: number) => ConsensusMessage | null, ahead: number): Act =>
  (core, paper) => {
    const heard = message(Math.max(0, core.round + ahead));
    if (heard !== null) paper.feed({ type: 'message', from: 2, message: heard });
  };

const anyAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(anyType, fc.constantFrom(...others), fc.constantFrom(0, 0, 0, 1, -1, 3), anyValue)
      .map(([type, by, ahead, value]) => hear((at) => vote(type, by, at, value), ahead)),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(anyType, lately, anyValue)
      .map(([type, ahead, value]) =>
        hear(
          (at) => ({ kind: 'votes', height, votes: others.map((by) => vote(type, by, at, value)), polka: null }),
          ahead,
        ),
      ),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom(0, 0, 1), anyBlock, fc.constantFrom(0, 0, 1, 2))
      .map(([ahead, block, back]) =>
        hear(
          (at) =>
            proposerOf(height, at, 4) === 1 || back > at
              ? null
              : proposal(at, block, back === 0 ? null : certificate('prevote', others, at - back, block)),
          ahead,
        ),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(lately, anyBlock)
      .map(([ahead, block]) =>
        hear((at) => ({ kind: 'votes', height, votes: [], polka: certificate('prevote', others, at, block) }), ahead),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(lately, anyBlock)
      .map(([ahead, block]) =>
        hear((at) => ({ kind: 'commit', certificate: certificate('precommit', others, at, block) }), ahead),
      ),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(anyBlock, fc.constantFrom(0, 0, 2, 3, null))
      .map(([blockId, proposer]): Act => (_core, paper) => {
        const verdict =
          proposer === null
            ? ({ ok: false, detail: 'unsound' } as const)
            : ({ ok: true, proposer, timeMs: 1, appHash: blockId } as const);
        paper.feed({ type: 'block-validated', height, blockId, verdict });
      }),
  },
  {
    weight: 5,
    arbitrary: fc.nat(2).map((which): Act => (_core, paper) => {
      const [kind, at] = paper.armed[which % Math.max(1, paper.armed.length)]?.split(' ') ?? [];
      if (kind !== undefined)
        paper.feed({ type: 'timeout', height, round: round(Number(at)), kind: kind as TimeoutKind });
    }),
  },
  {
    weight: 3,
    arbitrary: fc.option(anyBlock).map((block): Act => (core, paper) => {
      const built = block === null ? null : { blockId: block, timeMs: 1, appHash: block };
      paper.feed({ type: 'block-built', height, round: round(core.round), built });
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Act>(
      (core, paper) => {
        core.nowMs += 1_000;
        paper.feed({ type: 'tick' });
      },
      (_core, paper) => paper.feed({ type: 'txs-available' }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('peer-down' as const, 'peer-up' as const), fc.constantFrom(...others)).map(
      ([type, validator]): Act =>
        (_core, paper) =>
          paper.feed({ type, validator }),
    ),
  },
);

it('whatever a core hears, it does what the paper allows, and leaves out nothing that it demands', () => {
  const seen = { decided: 0, locked: 0, again: 0, rounds: 0 };
  fc.assert(
    fc.property(fc.array(anyAct, { minLength: 10, maxLength: 80 }), (acts) => {
      const core = new Core();
      const paper = new Paper(core);
      for (const act of acts) if (!paper.isOver) act(core, paper);
      expect(paper.says).toEqual([]);
      const h = core.state.current;
      if (h?.step === 'decided') seen.decided += 1;
      if (h !== null && h.lockedRound >= 0) seen.locked += 1;
      if (h !== null && h.lockedRound > 0) seen.again += 1;
      if (core.round > 3) seen.rounds += 1;
    }),
    { numRuns: 1_500, seed: 4 },
  );
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(30);
});
