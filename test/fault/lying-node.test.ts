import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOneLogWith } from './checks.ts';
import { Committee, type Change, type FaultNode } from './committee.ts';
import type { LogRecord } from './node-reader.ts';
import { configMapReview } from './review.ts';
import { waitFor } from './wait-for.ts';

/** The other hook waits for its pair until 1.5 s before this. */
const ASK_TIMEOUT_MS = 4_000;
/** Longer than the wait for a proposal (500 ms), with room for a busy machine. */
const VOTED_AFTER_MS = 1_200;
const UNPAIRED = ['OUTCOME_UNKNOWN', 'WEBHOOK_DEADLINE'];

let committee: Committee;
const changes: Change[] = [];

beforeAll(async () => {
  committee = await Committee.found();
  await committee.start();
});

afterAll(() => committee?.close());

const decisionsOf = (log: readonly LogRecord[], name: string) =>
  log.filter((record) => record.name === name).map(({ by, decision }) => `${by} ${decision}`);

describe('P1, P2: a node that lies about a change (witnessed)', () => {
  it('gets nothing in by answering "allowed" alone: the other hook refuses and nothing is admitted', async () => {
    const root = committee.patched({
      file: 'webhook/steps/decide.ts',
      find: 'await ledger.decide(attestation, body, deadlineMs)',
      replace: "{ kind: 'admitted', height: 1, leaf: 0, proposal: null, tx: '' }",
    });
    await (await committee.rerun('delta', root)).ready();
    const change = await committee.change('alone', ['alpha', 'delta'], ASK_TIMEOUT_MS);
    const [honest, liar] = change.answers;
    expect(liar).toMatchObject({ org: 'delta', isAllowed: true });
    expect(honest).toMatchObject({ org: 'alpha', isAllowed: false });
    expect(UNPAIRED).toContain(honest?.code);
    const log = await expectOneLogWith(committee, changes);
    expect(decisionsOf(log, 'alone')).toEqual(['alpha WAITING']);
    await (await committee.rerun('delta')).ready();
  });

  it('finds no pair if it leaves out a changed path, nor if it names another user', async () => {
    const attest = 'src/change/attest.ts';
    const silent = {
      file: attest,
      find: 'paths: canonical.paths.paths,',
      replace: 'paths: canonical.paths.paths.slice(1),',
    };
    const framing = { file: attest, find: 'user: review.user,', replace: "user: 'mallory'," };
    await Promise.all([
      committee.rerun('delta', committee.patched(silent)),
      committee.rerun('beta', committee.patched(framing)),
    ]);
    await Promise.all(committee.nodes.map((node) => node.ready()));
    const refused = await Promise.all([
      committee.change('path-left-out', ['alpha', 'delta'], ASK_TIMEOUT_MS),
      committee.change('user-forged', ['beta', 'gamma'], ASK_TIMEOUT_MS),
    ]);
    for (const { answers } of refused) {
      for (const { isAllowed, code } of answers) expect([isAllowed, UNPAIRED.includes(code)]).toEqual([false, true]);
    }
    changes.push(await committee.mustChange('honest-pair', ['alpha', 'gamma']));
    const log = await expectOneLogWith(committee, changes);
    expect(decisionsOf(log, 'path-left-out').sort()).toEqual(['alpha WAITING', 'delta WAITING']);
    expect(decisionsOf(log, 'user-forged').sort()).toEqual(['beta WAITING', 'gamma WAITING']);
    await Promise.all([committee.rerun('delta'), committee.rerun('beta')]);
    await Promise.all(committee.nodes.map((node) => node.ready()));
  });
});

describe('P7: a node with a wrong clock', () => {
  for (const [what, offsetMs] of [
    ['an hour ahead', 3_600_000],
    ['an hour behind', -3_600_000],
  ] as const) {
    it(`${what} neither stops nor forks the chain, nor moves its time, and says that its clock is wrong`, async () => {
      const before = await committee.agreed();
      const root = committee.patched({
        file: 'cmd/chain-node.ts',
        find: "const program = new Command('chain-node')",
        replace: `const rightNow = Date.now.bind(Date);\nDate.now = () => rightNow() + ${offsetMs};\nconst program = new Command('chain-node')`,
      });
      await committee.rerun('delta', root);
      // More than one turn of every proposer.
      for (let i = 0; i < 6; i += 1)
        changes.push(await committee.mustChange(`clock-${offsetMs}-${i}`, ['alpha', 'gamma']));
      const told = `its clock is 3600 s ${offsetMs > 0 ? 'ahead of' : 'behind'} the others`;
      await waitFor(
        'a node that says that its clock is wrong',
        async () => {
          changes.push(await committee.mustChange(`clock-${offsetMs}-${changes.length}`, ['alpha', 'gamma']));
          const { notReady } = await committee.node('delta').reader.status();
          return notReady.some((reason) => reason.startsWith(told)) ? true : undefined;
        },
        120_000,
      );
      const log = await expectOneLogWith(committee, changes);
      expect(log.filter(({ kind }) => kind === 'evidence')).toEqual([]);
      const blocks = await committee.node('alpha').reader.blocks(before.height + 1);
      expect(blocks.length).toBeGreaterThanOrEqual(6);
      for (const { timeMs } of blocks) expect(Math.abs(timeMs - Date.now())).toBeLessThan(120_000);
      await (await committee.rerun('delta')).ready();
    });
  }
});

describe('a node that computes another result', () => {
  it('is outvoted, stops signing with STATE_DIVERGENCE and goes on serving what was certified', async () => {
    const root = committee.patched({
      file: 'src/ledger/execute/mutation.ts',
      find: "noteAdmitted(x, attributes, undefined);\n      return verdict('ADMITTED', 'OK');",
      replace: "noteAdmitted(x, attributes, undefined);\n      return verdict('REFUSED', 'GOVERNANCE_VOTES_REQUIRED');",
    });
    const delta = await committee.rerun('delta', root);
    await delta.ready();
    const before = await delta.reader.head();
    changes.push(await committee.mustChange('outvoting', ['alpha', 'gamma']));
    const status = await waitFor('a halted node', async () => {
      const now = await delta.reader.status();
      return now.halted === null ? undefined : now;
    });
    expect(status.halted).toContain('STATE_DIVERGENCE');
    expect(status.ready).toBe(false);
    expect(delta.run.logText).toContain('this node has stopped signing');
    expect((await delta.reader.head())?.height).toBeGreaterThanOrEqual(before?.height ?? 0);
    // The first witness may stand in a block of its own, of which it computes the same.
    const undecided = decisionsOf(await delta.reader.records(), 'outvoting');
    expect(undecided.filter((each) => !each.endsWith(' WAITING'))).toEqual([]);

    const refused = await delta.ask(configMapReview('asked-of-the-halted', randomUUID()), ASK_TIMEOUT_MS);
    expect(refused).toMatchObject({ isAllowed: false, code: 'NODE_NOT_READY' });
    changes.push(await committee.mustChange('without-the-halted', ['alpha', 'gamma']));
  });

  it('comes back from its own folder once it runs the right program', async () => {
    await (await committee.rerun('delta')).ready();
    changes.push(await committee.mustChange('with-the-healed', ['alpha', 'delta']));
    await expectOneLogWith(committee, changes);
    expect((await committee.node('delta').reader.status()).halted).toBeNull();
  });
});

describe('a node that signs twice', () => {
  const evidenceAgainst = async (org: string): Promise<LogRecord[] | undefined> => {
    const log = await committee.node('alpha').reader.records();
    const found = log.filter(({ accused }) => accused === org);
    return found.length === 0 ? undefined : found;
  };

  it('is convicted on the log by the others, and no height has two outcomes', async () => {
    const file = 'src/consensus/votes.ts';
    const root = committee.patched(
      {
        file,
        find: "import { signVote } from './signer.ts';",
        replace:
          "import { signVote } from './signer.ts';\nimport { signBytes } from './sign-bytes.ts';\nlet times = 0;",
      },
      {
        file,
        find: '  broadcast(turn, vote);',
        replace: `  broadcast(turn, vote);
  if (blockId === null || ++times > 20) return;
  const content = { type, height: vote.height, round: vote.round, blockId: null };
  broadcast(turn, { ...vote, blockId: null, signature: turn.state.core.sign(signBytes(turn.state.core.chain, content)) });`,
      },
    );
    await (await committee.rerun('delta', root)).ready();
    // A vote that comes after the decision is looked at by nobody, so it may take a few.
    let sent = 0;
    const evidence = await waitFor('evidence', async () => {
      changes.push(await committee.mustChange(`signed-twice-${(sent += 1)}`, ['alpha', 'gamma']));
      return evidenceAgainst('delta');
    });
    expect(evidence.every(({ decision }) => decision === 'DONE')).toBe(true);
    await (await committee.rerun('delta')).ready();
    await expectOneLogWith(committee, changes);
  });

  /**
   * Gamma's turn, but it sleeps: alpha and beta prevote nil. Beta is killed and starts again, while alpha, which could tell it
   * what it voted, sleeps; then gamma wakes up and proposes. A beta that forgot its vote votes once more, for the block.
   */
  const killedAfterItsVote = async (name: string, root?: string): Promise<void> => {
    await (await committee.rerun('beta', root)).ready();
    for (let i = 0; ((await committee.agreed()).height + 1) % committee.nodes.length !== 3; i += 1) {
      changes.push(await committee.mustChange(`${name}-${i}`, ['alpha', 'gamma']));
    }
    const [alpha, beta, gamma, delta] = committee.nodes.map(({ org }) => committee.node(org)) as [
      FaultNode,
      FaultNode,
      FaultNode,
      FaultNode,
    ];
    gamma.pause();
    delta.pause();
    // One witness is enough to make a block.
    const unpaired = alpha.ask(configMapReview(`${name}-voted`, randomUUID()), ASK_TIMEOUT_MS);
    await sleep(VOTED_AFTER_MS);
    await beta.kill();
    alpha.pause();
    await beta.start({ root });
    await beta.answering();
    gamma.resume();
    await sleep(VOTED_AFTER_MS);
    alpha.resume();
    await sleep(VOTED_AFTER_MS);
    delta.resume();
    await unpaired;
    await Promise.all(committee.nodes.map((node) => node.ready()));
    changes.push(await committee.mustChange(`${name}-after`, ['alpha', 'gamma']));
  };

  it('is not what a correct node becomes by a kill between its vote and the decision', async () => {
    await killedAfterItsVote('remembered');
    await expectOneLogWith(committee, changes);
    expect(await evidenceAgainst('beta')).toBeUndefined();
  });

  it('is what one becomes that sends before it persists: it is convicted, and nothing forks', async () => {
    const root = committee.patched(
      {
        file: 'src/node/consensus-log.ts',
        find: "return { wal, records, position: replay.triple, observeReason: '' };",
        replace:
          "return { ...observing(wal, replay), observeReason: '', position: records.length < 0 ? replay.triple : null };",
      },
      // A peer may show it the vote that it forgot, before it votes again.
      {
        file: 'src/node/engine.ts',
        find: 'if (showsKeyElsewhere(state, message))',
        replace: 'if (state.halted !== null && showsKeyElsewhere(state, message))',
      },
    );
    // On a busy machine gamma may wake up too late for its proposal to count as timely; then nobody votes for it.
    for (let i = 0; i < 3 && (await evidenceAgainst('beta')) === undefined; i += 1) {
      await killedAfterItsVote(`forgotten-${i}`, root);
      await committee.agreed();
    }
    expect(await evidenceAgainst('beta')).toBeDefined();
    await expectOneLogWith(committee, changes);
  });
});
