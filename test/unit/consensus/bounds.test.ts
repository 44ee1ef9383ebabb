import { describe, expect, it } from 'vitest';
import { footprintOf } from '../../../src/consensus/index.ts';
import type { Hash, Height } from '../../../src/types/brand.ts';
import { Core } from './core.ts';
import { heightConfig } from './height-config.ts';
import { blockA, blockB, certificate, height, proposal, round, vote } from './messages.ts';

/** Another one for each number. */
const block = (number: number): Hash => number.toString(16).padStart(64, '0') as Hash;
const others = [0, 2, 3];
const polka = (inRound: number, blockId: Hash): ReturnType<typeof certificate> =>
  certificate('prevote', others, inRound, blockId);
const later = { ...vote('prevote', 2, 0, blockA), height: 5 as Height };

/** Locks A in round 0, and hears a quorum for no other block. */
function lockedOnA(): Core {
  const core = new Core();
  core.hear(proposal(0, blockA, null));
  core.validated(blockA, 0);
  for (const validator of others) core.hear(vote('prevote', validator, 0, blockA));
  expect(core.state.current?.lockedBlock).toBe(blockA);
  return core;
}

describe('P7: what a core keeps of the rounds that are over', () => {
  it('is the votes of eight rounds, however long the height takes', () => {
    const core = new Core();
    core.walkTo(40);
    expect([...(core.state.current?.rounds.keys() ?? [])].sort((a, b) => a - b)).toEqual([
      32, 33, 34, 35, 36, 37, 38, 39, 40,
    ]);
    core.hear(vote('prevote', 2, 31, blockA));
    core.hear({ kind: 'votes', height, votes: [], polka: polka(31, blockA) });
    expect(core.state.current?.rounds.has(31)).toBe(false);
    core.hear(vote('prevote', 2, 32, blockA));
    expect(core.state.current?.rounds.get(32)?.prevotes.slots.size).toBe(1);
  });

  it('is also the round of the lock', () => {
    const core = lockedOnA();
    core.walkTo(40);
    expect(core.state.current?.rounds.get(0)?.prevotes.slots.size).toBe(4);
    expect(core.state.current?.rounds.size).toBe(10);
  });

  it('is also the round of the valid value, and the polkas of both', () => {
    const core = lockedOnA();
    core.walkTo(5);
    core.hear({ kind: 'votes', height, votes: [], polka: polka(4, blockB) });
    core.validated(blockB, 0);
    expect(core.state.current).toMatchObject({ lockedRound: 0, validRound: 4 });
    for (let at = 6; at <= 40; at++) {
      core.walkTo(at);
      core.hear({ kind: 'votes', height, votes: [], polka: polka(at, block(at)) });
    }
    for (const kept of [core.state.current?.rounds, core.state.current?.polkas])
      expect([...(kept?.keys() ?? [])].sort((a, b) => a - b).slice(0, 2)).toEqual([0, 4]);
    expect(core.state.current?.polkas.size).toBe(16);
  });

  it('is sixteen polkas: that of the lock, and the newest', () => {
    const core = lockedOnA();
    for (let at = 1; at <= 40; at++) {
      core.walkTo(at);
      core.hear({ kind: 'votes', height, votes: [], polka: polka(at, block(at)) });
    }
    const kept = [...(core.state.current?.polkas.keys() ?? [])].sort((a, b) => a - b);
    expect(kept).toEqual([0, ...Array.from({ length: 15 }, (_, i) => 26 + i)]);
  });
});

describe('P7: blocks that were named', () => {
  /** In each round a proposal of another block; none is ever seen by anybody. */
  function nameBlocks(core: Core, to: number): void {
    for (let at = core.round + 1; at <= to; at++) {
      core.walkTo(at);
      if (at % 4 !== 1) core.hear(proposal(at, block(at), null));
    }
  }

  it('are 64 at most, the newest', () => {
    const core = new Core();
    nameBlocks(core, 200);
    expect(footprintOf(core.state).blocks).toBe(64);
    expect(core.state.current?.blocks.has(block(200))).toBe(true);
    expect(core.state.current?.blocks.has(block(100))).toBe(false);
  });

  it('do not push out the block of the lock: it is voted for again without another execution', () => {
    const core = lockedOnA();
    nameBlocks(core, 200);
    expect(core.state.current?.blocks.size).toBe(64);
    const effects = core.hear(proposal(200, blockA, polka(0, blockA)));
    core.walkTo(202);
    const again = core.hear(proposal(202, blockA, polka(0, blockA)));
    for (const each of [...effects, ...again]) expect(each.type).not.toBe('validate-block');
    expect(core.broadcasts('vote').at(-1)).toMatchObject({ type: 'prevote', round: 202, blockId: blockA });
  });

  it('do not push out the valid value of a node that did not lock it', () => {
    const core = new Core();
    core.feed({ type: 'timeout', height, round: round(0), kind: 'propose' });
    for (const validator of others) core.hear(vote('prevote', validator, 0, null));
    core.hear({ kind: 'votes', height, votes: [], polka: polka(0, blockB) });
    core.validated(blockB, 0);
    expect(core.state.current).toMatchObject({ lockedBlock: null, validBlock: blockB });
    nameBlocks(core, 200);
    core.walkTo(201);
    expect(core.broadcasts('proposal').at(-1)).toMatchObject({ round: 201, blockId: blockB, polRound: 0 });
    expect(core.state.current?.blocks.get(blockB)?.verdict?.ok).toBe(true);
  });

  it('do not push out the one that is decided and still missing: when it comes, the height is decided', () => {
    const core = new Core();
    core.hear({ kind: 'commit', certificate: certificate('precommit', others, 0, blockA) });
    nameBlocks(core, 200);
    core.validated(blockA, 0);
    expect(core.effects.at(-1)).toMatchObject({ type: 'decide', certificate: { blockId: blockA } });
  });

  it('do not push out the one of a proposal that is still held', () => {
    const core = new Core();
    core.hear(proposal(0, blockA, null));
    for (let at = 1; at <= 100; at++) core.hear({ kind: 'votes', height, votes: [], polka: polka(0, block(at)) });
    core.validated(blockA, 0);
    expect(core.broadcasts('vote').at(-1)).toMatchObject({ type: 'prevote', blockId: blockA });
  });
});

describe('P7: votes of one validator', () => {
  it('are two a round and type, and one report, however many different ones it signs', () => {
    const core = new Core();
    for (let at = 0; at < 50; at++) core.hear(vote('prevote', 2, 0, block(at)));
    expect(footprintOf(core.state).votes).toBe(2);
    const evidence = core.effects.filter(({ type }) => type === 'evidence');
    expect(evidence).toEqual([
      {
        type: 'evidence',
        equivocation: { kind: 'vote', first: vote('prevote', 2, 0, block(0)), second: vote('prevote', 2, 0, block(1)) },
      },
    ]);
  });

  it('are reported once for prevotes, once for precommits, and in each round', () => {
    const core = new Core();
    for (const type of ['prevote', 'precommit'] as const)
      for (const at of [0, 1]) for (const each of [blockA, blockB, null]) core.hear(vote(type, 3, at, each));
    expect(core.effects.filter(({ type }) => type === 'evidence')).toHaveLength(4);
  });

  it('of a validator that the height does not have are nothing', () => {
    const core = new Core();
    core.hear(vote('prevote', 4, 0, blockA));
    expect(footprintOf(core.state).votes).toBe(0);
    for (const validator of [4, 5, 6, 7]) core.hear(vote('precommit', validator, 3, blockA));
    expect(core.round).toBe(0);
  });

  it('as proposals are one a round, and one report', () => {
    const core = new Core();
    for (const each of [blockA, blockB, block(1), block(2)]) core.hear(proposal(0, each, null));
    expect(core.state.current?.rounds.get(0)?.proposal?.proposal.blockId).toBe(blockA);
    const evidence = core.effects.filter(({ type }) => type === 'evidence');
    expect(evidence).toEqual([
      {
        type: 'evidence',
        equivocation: { kind: 'proposal', first: proposal(0, blockA, null), second: proposal(0, blockB, null) },
      },
    ]);
  });

  it('as proposals with another proof for the same block are reported too', () => {
    const core = new Core();
    core.walkTo(2);
    core.hear(proposal(2, blockA, null));
    core.hear(proposal(2, blockA, null));
    expect(core.effects.filter(({ type }) => type === 'evidence')).toHaveLength(0);
    core.hear(proposal(2, blockA, polka(0, blockA)));
    expect(core.effects.filter(({ type }) => type === 'evidence')).toHaveLength(1);
  });
});

describe('P7: messages for the next height', () => {
  const next = (validator: number, inRound: number): typeof later =>
    ({ ...vote('prevote', validator, inRound, blockA), height: 5 as Height }) as typeof later;

  it('are six a sender, the newest, whoever brings them', () => {
    const core = new Core();
    for (let at = 0; at < 50; at++) core.hear(next(2, at), at % 4);
    core.hear(next(3, 0));
    expect(footprintOf(core.state).nextHeight).toBe(7);
    const rounds = core.state.nextHeight?.messages.map(({ message }) => (message.kind === 'vote' ? message.round : -1));
    expect(rounds).toEqual([44, 45, 46, 47, 48, 49, 0]);
  });

  it('that nobody signed as a whole count for the peer that brings them; all strangers are one', () => {
    const core = new Core();
    const commit = {
      kind: 'commit',
      certificate: { ...certificate('precommit', others, 0, blockA), height: 5 },
    } as const;
    for (let at = 0; at < 20; at++) for (const from of [2, 3, null]) core.hear(commit as never, from);
    expect(footprintOf(core.state).nextHeight).toBe(18);
  });

  it('are kept of the next height only, and forgotten once it begins', () => {
    const core = new Core();
    core.hear(next(2, 0));
    core.hear({ ...next(2, 0), height: 6 as Height });
    expect(footprintOf(core.state).nextHeight).toBe(1);
    core.hear({ kind: 'commit', certificate: certificate('precommit', others, 0, blockA) });
    core.validated(blockA, 0);
    core.feed({ type: 'start', config: { ...heightConfig, height: 5 as Height }, txsAvailable: false, down: [] });
    expect(footprintOf(core.state)).toMatchObject({ nextHeight: 0, votes: 1 });
  });
});

describe('P7: a height begins', () => {
  it('without what was kept for the one that was skipped', () => {
    const core = new Core();
    core.hear(later);
    core.feed({
      type: 'synced-block',
      certificate: { ...certificate('precommit', others, 0, blockA), height: 5 as Height },
    });
    core.feed({ type: 'start', config: { ...heightConfig, height: 6 as Height }, txsAvailable: true, down: [] });
    expect(footprintOf(core.state)).toMatchObject({ nextHeight: 0, votes: 0 });
  });

  it('without what another set of validators was to hear', () => {
    const core = new Core();
    core.hear(later);
    core.feed({ type: 'synced-block', certificate: certificate('precommit', others, 0, blockA) });
    const config = { ...heightConfig, height: 5 as Height, validatorsHash: blockB };
    core.feed({ type: 'start', config, txsAvailable: true, down: [] });
    expect(footprintOf(core.state)).toMatchObject({ nextHeight: 0, votes: 0 });
  });

  it('with nobody down but those that it is told of', () => {
    const core = new Core();
    core.feed({ type: 'peer-down', validator: 2 });
    core.feed({ type: 'synced-block', certificate: certificate('precommit', others, 0, blockA) });
    core.feed({ type: 'start', config: { ...heightConfig, height: 5 as Height }, txsAvailable: false, down: [3] });
    expect([...core.state.down]).toEqual([3]);
  });
});

describe('what belongs to another height or round changes nothing', () => {
  const built = { blockId: blockB, timeMs: 1, appHash: blockB };
  const verdict = { ok: true as const, proposer: 0, timeMs: 1, appHash: blockB };
  const next = 5 as Height;

  /** Validator 1 in round 1, where it builds a block, with a proposal of round 0 that it knows to be unsound. */
  function building(): Core {
    const core = new Core();
    core.hear(proposal(0, blockA, null));
    core.feed({ type: 'block-validated', height, blockId: blockA, verdict: { ok: false, detail: 'unsound' } });
    core.walkTo(1);
    return core;
  }

  it.each<[string, Parameters<Core['feed']>[0]]>([
    ['a block that was built for it', { type: 'block-built', height: next, round: round(1), built }],
    ['a block of another round', { type: 'block-built', height, round: round(0), built }],
    ['its verdict', { type: 'block-validated', height: next, blockId: blockA, verdict }],
    ['a second verdict: the first one stays', { type: 'block-validated', height, blockId: blockA, verdict }],
    ['the verdict of a block that nobody named', { type: 'block-validated', height, blockId: blockB, verdict }],
    ['its timeout', { type: 'timeout', height: next, round: round(1), kind: 'propose' }],
    ['the timeout of an earlier round', { type: 'timeout', height, round: round(0), kind: 'precommit' }],
    ['the timeout of a later round', { type: 'timeout', height, round: round(2), kind: 'precommit' }],
    ['the timeout of a step that is over', { type: 'timeout', height, round: round(1), kind: 'prevote' }],
    [
      'a vote of an earlier height',
      { type: 'message', from: 2, message: { ...vote('prevote', 2, 1, null), height: 3 as Height } },
    ],
  ])('%s', (_what, event) => {
    const core = building();
    const before = structuredClone({ ...core.state, core: null });
    expect(core.feed(event)).toEqual([]);
    expect({ ...core.state, core: null }).toEqual(before);
  });
});

it('the footprint counts every entry, and nothing before a height begins', () => {
  const core = lockedOnA();
  core.walkTo(1);
  core.hear(proposal(2, blockB, null));
  core.hear(vote('prevote', 2, 3, blockB));
  core.hear(vote('prevote', 2, 3, null));
  core.hear(later);
  // Round 0: four prevotes, four precommits; round 1: the own proposal and prevote; round 3: the two of validator 2.
  expect(footprintOf(core.state)).toEqual({ rounds: 4, votes: 11, proposals: 3, polkas: 1, blocks: 1, nextHeight: 1 });
  expect(footprintOf({ ...core.state, current: null, nextHeight: null })).toEqual({
    rounds: 0,
    votes: 0,
    proposals: 0,
    polkas: 0,
    blocks: 0,
    nextHeight: 0,
  });
});
