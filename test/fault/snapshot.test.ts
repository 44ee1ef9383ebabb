import { appendFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOneLogWith, expectSoundFolders } from './checks.ts';
import { Committee, type Change, type FaultNode } from './committee.ts';
import { Load } from './load.ts';
import { waitFor } from './wait-for.ts';

const BEHIND_BLOCKS = 30;
/** Index of delta among the validators, which stand in the order of their names. */
const DELTA = 2;
/** Generous: all of it takes seconds on a quiet machine. */
const PATIENCE_MS = 120_000;

let committee: Committee;
let delta: FaultNode;
let load: Load;
/** The chain when delta lost its disk: what it signed, it signed below. */
let lost = 0;
const changes: Change[] = [];

const FETCH = 'src/node/snapshot-fetch.ts';
/** Begins when all three others show a state, in small requests, and goes no further once one of them was found lying: there it can be killed. */
const UNTIL_THE_LIE = [
  { file: FETCH, find: 'const retryMs = 500;', replace: 'const retryMs = 500;\nlet isFound = false;' },
  { file: FETCH, find: 'const cooldownMs = 60_000;', replace: 'const cooldownMs = 500;' },
  { file: FETCH, find: 'const [newest] = sources;', replace: 'const [newest] = sources.length < 3 ? [] : sources;' },
  { file: FETCH, find: 'Math.max(bucketsAskedMin, Math.ceil(queue.size / (4 * sources.length)))', replace: '2' },
  {
    file: FETCH,
    find: 'if (isWrong(error)) network.drop(source.peer, error.message);',
    replace: 'if (isWrong(error)) network.drop(source.peer, error.message);\n        isFound ||= isWrong(error);',
  },
  {
    file: FETCH,
    find: '      this.#here += checked.length;',
    replace:
      '      this.#here += checked.length;\n      if (isFound && this.#here > 8) await new Promise(() => setInterval(() => {}, 1_000));',
  },
];
/** This chain is short: its blocks would be executed before anybody is asked for a state. */
const WITHOUT_BLOCKS = {
  file: 'src/node/sync.ts',
  find: 'if (this.#d.instead(height - 1)) return;',
  replace: 'if (this.#d.instead(height - 1) || this.#d.app.info().height === 0) return;',
};
const WITHOUT_HISTORY = {
  file: 'src/node/history-fetch.ts',
  find: 'if (this.#d.store.gap === null || this.#stopped) return;',
  replace: 'return;',
};
/** What it shows is true, what it then sends is not. */
const LYING = {
  file: 'src/node/snapshot-server.ts',
  find: 'found.push([bucket, value]);',
  replace: 'found.push([bucket, value.map((byte) => byte ^ 1)]);',
};

beforeAll(async () => {
  committee = await Committee.found();
  delta = committee.node('delta');
  appendFileSync(delta.files.config, `catchUp:\n  snapshotFromBlocks: ${BEHIND_BLOCKS}\n`);
  await committee.start();
});

afterAll(async () => {
  await load?.stop();
  await committee?.close();
});

/** Waits for something of delta; a question that is not answered in time is asked again. @throws Error with what it says of itself if it does not come. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  return waitFor(what, () => look().catch(() => undefined), PATIENCE_MS).catch(async (error: Error) => {
    const status = await delta.reader.status().catch(String);
    throw new Error(`${error.message}: ${JSON.stringify(status)}\n${delta.run.logTail}`);
  });
}

const logged = (text: string): boolean => delta.run.logText.includes(text);

describe('P3, P7, P8: a node with an empty folder, far behind, under load', () => {
  it('is killed in the middle of a state that comes from several peers, one of whom sends something else', async () => {
    // One that began a moment after the others observes at first; without delta its signature is needed.
    await until('all four to sign', async () => {
      changes.push(await committee.change(`with-delta-${changes.length}`));
      const statuses = await Promise.all(committee.nodes.map(({ reader }) => reader.status()));
      return statuses.every(({ notReady }) => notReady.length === 0) ? true : undefined;
    });
    await committee.rerun('beta', committee.patched(LYING));
    await delta.kill();
    lost = (await committee.agreed()).height;
    rmSync(delta.files.dataDir, { recursive: true });
    load = new Load(committee, 'meanwhile', 2);
    await until('the others to be far ahead', async () =>
      ((await committee.node('alpha').reader.head())?.height ?? 0) > lost + 2 * BEHIND_BLOCKS ? true : undefined,
    );
    await delta.start({ root: committee.patched(WITHOUT_BLOCKS, ...UNTIL_THE_LIE) });
    await delta.answering();
    const { snapshot, notReady } = await until('half a state, and a lie that was found', async () => {
      const status = await delta.reader.status();
      const isHalf = status.snapshot !== null && status.snapshot.buckets > 8;
      return isHalf && logged('another hash than the certified state') ? status : undefined;
    });
    expect(snapshot?.buckets).toBeLessThan(snapshot?.of ?? 0);
    expect(notReady.join('\n')).toContain('it is fetching the state of height');
    await delta.kill();
    // Nothing of it is taken for the state.
    expect(await delta.fsck()).toMatchObject({ ok: true, problems: [], height: 0 });
  });

  it('goes on with what it has, takes part, and says what of the history it lacks', async () => {
    await delta.start({ root: committee.patched(WITHOUT_BLOCKS, WITHOUT_HISTORY) });
    await until('the node to go on from the state', async () =>
      logged('the state of a certified block is taken over') ? true : undefined,
    );
    await delta.ready(PATIENCE_MS);
    const historyGap = await until('its gap', async () => (await delta.reader.status()).historyGap ?? undefined);
    expect(historyGap.to).toBeGreaterThan(lost);
    // It knows what it lost, and does not sign until that is surely decided.
    const signed = await until('a signature of delta', async () => {
      const from = historyGap.to + 1;
      const signers = await delta.reader.signers(from);
      const at = signers.findIndex((each) => each.includes(DELTA));
      return at < 0 ? undefined : from + at;
    });
    const silent = await until('the signers before', () => committee.node('alpha').reader.signers(lost + 1));
    expect(silent.slice(0, signed - lost - 1).flat()).not.toContain(DELTA);
    await until('a code for what it lacks', async () => {
      const said = await delta.reader.blocks().then(String, ({ message }: Error) => message);
      return said.includes('503') && said.includes('HISTORY_NOT_HERE') ? true : undefined;
    });
    await load.stop();
    changes.push(...load.changes);
    await delta.kill();
    const report = await delta.fsck();
    expect(report).toMatchObject({ ok: true, problems: [], lacks: historyGap });
  });

  it('has the whole history a moment later, and is what the others are', async () => {
    await delta.start();
    await delta.ready(PATIENCE_MS);
    await until('the history', async () => ((await delta.reader.status()).historyGap === null ? true : undefined));
    await committee.rerun('beta');
    await Promise.all(committee.nodes.map((node) => node.ready()));
    changes.push(await committee.mustChange('after', ['alpha', 'delta']));
    await expectOneLogWith(committee, changes);
    await expectSoundFolders(committee);
  });
});
