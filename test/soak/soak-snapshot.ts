import { randomInt } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectOneLogWith, expectSoundFolders } from '../fault/checks.ts';
import { Committee, type Change } from '../fault/committee.ts';
import { Governing, prepareJoiner } from '../fault/governing.ts';
import { Load } from '../fault/load.ts';
import { waitFor } from '../fault/wait-for.ts';

const cycles = Number(process.env['SOAK_SNAPSHOT_CYCLES'] ?? 20);
/** Behind by more than this, a node takes a state instead of blocks. */
const behindBlocks = 30;
const killsMax = 3;
/** So few blocks would be executed before anybody is asked for a state. */
const withoutBlocks = {
  file: 'src/node/sync.ts',
  find: 'if (this.#d.instead(height - 1)) return;',
  replace: `if (this.#d.instead(height - 1) || height - 1 - this.#d.app.info().height > ${behindBlocks}) return;`,
};
const patienceMs = 300_000;

/**
 * P2, P3, P7, P8: a node that was away, with its old folder, comes back to a chain whose validators are others by now and which does not stop: it takes
 * a certified state, over kill -9 at random moments, takes part, and has the whole history in the end. Nothing that was allowed is lost, nobody disagrees.
 */
export async function soak(): Promise<Readonly<Record<string, number | string>>> {
  const committee = await Committee.found();
  const joiner = await prepareJoiner(committee);
  const governing = new Governing(committee);
  const changes: Change[] = [];
  const backMs: number[] = [];
  let kills = 0;
  let states = 0;
  let isMember = false;
  try {
    const late = committee.node('delta');
    appendFileSync(late.files.config, `catchUp:\n  snapshotFromBlocks: ${behindBlocks}\n`);
    await committee.start();
    const root = committee.patched(withoutBlocks);
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      const { height } = await committee.agreed();
      const load = new Load(committee, `soak-${cycle}`, 4, (org) => org !== late.org);
      try {
        await late.kill();
        // Four validators without one decide a fifth; five decide that it goes.
        if (isMember) {
          await governing.remove(joiner.org, 2 * (cycle >> 1) + 2);
          await joiner.close();
        } else await governing.join(joiner, 2 * (cycle >> 1) + 1);
        isMember = !isMember;
        const far = height + 2 * behindBlocks;
        await waitFor(
          'the chain to be far ahead',
          async () => {
            const head = await committee.node('alpha').reader.head();
            return (head?.height ?? 0) > far ? true : undefined;
          },
          patienceMs,
        );
        const startedMs = performance.now();
        for (let i = randomInt(killsMax + 1); i > 0; i -= 1) {
          await late.start({ root });
          await sleep(randomInt(300, 4_000));
          await late.kill();
          kills += 1;
        }
        await late.start({ root });
        await late.ready(patienceMs);
        await waitFor(
          'the history',
          async () => ((await late.reader.status()).historyGap === null ? true : undefined),
          patienceMs,
        );
        backMs.push(performance.now() - startedMs);
      } finally {
        await load.stop();
      }
      changes.push(...load.changes);
      states += late.run.logText.includes('the state of a certified block is taken over') ? 1 : 0;
      await expectOneLogWith(committee, changes);
    }
    await committee.agreed();
    await expectSoundFolders(committee);
  } finally {
    governing.close();
    await joiner.close();
    await committee.close();
  }
  if (states === 0) throw new Error('no state was ever taken over');
  backMs.sort((a, b) => a - b);
  return {
    cycles,
    kills,
    states,
    changes: changes.filter(({ isAllowed }) => isAllowed).length,
    backP50Ms: Math.round(backMs[backMs.length >> 1] ?? 0),
    backMaxMs: Math.round(backMs.at(-1) ?? 0),
  };
}
