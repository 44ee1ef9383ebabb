import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialState, restore, step, type ConsensusState, type CoreConfig } from '../../../src/consensus/index.ts';
import { newHeight } from '../../../src/consensus/height-state.ts';
import { comparePositions, positionOf, signProposal, signVote } from '../../../src/consensus/signer.ts';
import { beginTurn } from '../../../src/consensus/turn.ts';
import type { SignedPosition, WalRecord } from '../../../src/types/consensus.ts';
import { heightConfig } from './height-config.ts';
import { blockA, blockB, chain, height, round, sign, vote } from './messages.ts';

const core: CoreConfig = { chain, sign: (message) => sign(1, message) };

/** Asks the signer for something at any position, as no rule of the core would. */
function ask(
  state: ConsensusState,
  position: { round: number; step: 1 | 2 | 3 },
  blockId: typeof blockA | null,
  observe = false,
): { records: readonly WalRecord[]; signed: boolean } {
  const h = newHeight({ ...heightConfig, observe }, false, 0);
  h.round = round(position.round);
  const turn = beginTurn(state, 0);
  const message =
    position.step === 1
      ? signProposal(turn, h, blockId ?? blockA, null)
      : signVote(turn, h, position.step === 2 ? 'prevote' : 'precommit', blockId);
  return { records: turn.records, signed: message !== null };
}

describe('the signer is monotone in (height, round, step)', () => {
  it('never signs below what it signed, whatever it is asked for, and at that position only the identical message', () => {
    const request = fc.record({
      round: fc.nat(3),
      step: fc.constantFrom(1 as const, 2 as const, 3 as const),
      blockId: fc.constantFrom(null, blockA, blockB),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 30 }), (requests) => {
        const state = initialState(core);
        let last: SignedPosition = { height: 0, round: 0, step: 0 };
        let lastBlock: string | null = null;
        for (const { round: inRound, step: atStep, blockId } of requests) {
          const position = { height, round: inRound, step: atStep };
          const wanted = atStep === 1 ? (blockId ?? blockA) : blockId;
          const order = comparePositions(position, last);
          const { signed, records } = ask(state, position, blockId);
          expect(signed).toBe(order > 0 || (order === 0 && wanted === lastBlock));
          // Issued again means not written again.
          expect(records).toHaveLength(order > 0 ? 1 : 0);
          if (order > 0) [last, lastBlock] = [position, wanted];
        }
        expect(state.signed).toEqual(last);
      }),
    );
  });

  it('remembers across a restart, and issues the logged message again, byte for byte', () => {
    const logged = vote('prevote', 1, 2, blockA);
    const state = restore(core, [{ kind: 'vote', vote: logged }], positionOf(logged));
    expect(ask(state, { round: 1, step: 3 }, blockA).signed).toBe(false);
    expect(ask(state, { round: 2, step: 2 }, blockB).signed).toBe(false);
    expect(ask(state, { round: 2, step: 2 }, blockA)).toEqual({ records: [], signed: true });
    expect(state.signedMessage).toBe(logged);
    expect(ask(state, { round: 2, step: 3 }, blockA).signed).toBe(true);
  });

  it('signs nothing at a height whose log is not whole, nor while it only observes, nor without a key', () => {
    const lost = restore(core, [], { height, round: 0, step: 2 });
    expect(ask(lost, { round: 5, step: 2 }, blockA).signed).toBe(false);
    expect(ask(initialState(core), { round: 0, step: 2 }, blockA, true).signed).toBe(false);
    expect(ask(initialState({ chain, sign: null }), { round: 0, step: 2 }, blockA).signed).toBe(false);
  });

  it('refuses a log whose signatures run backwards', () => {
    const records: WalRecord[] = [2, 1].map((inRound) => ({ kind: 'vote', vote: vote('prevote', 1, inRound, null) }));
    expect(() => restore(core, records, null)).toThrow(/out of order/);
  });
});

describe('a height cannot begin', () => {
  it.each([
    [{ validators: 0 }, /0 validators/],
    [{ validators: 33, self: 1 }, /33 validators/],
    [{ self: 4 }, /own index 4/],
  ])('with %j', (change, message) => {
    const event = {
      type: 'start',
      config: { ...heightConfig, ...change },
      txsAvailable: false,
      down: [],
      nowMs: 0,
    } as const;
    expect(() => step(initialState(core), event)).toThrow(message);
  });

  it('twice', () => {
    const state = initialState(core);
    const event = { type: 'start', config: heightConfig, txsAvailable: false, down: [], nowMs: 0 } as const;
    step(state, event);
    expect(() => step(state, event)).toThrow(/begins again/);
  });
});
