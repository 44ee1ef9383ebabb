import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectOneLogWith } from './checks.ts';
import { Committee, type Change } from './committee.ts';
import type { LinkProxy } from './link-proxy.ts';
import { Load } from './load.ts';

const CLIENTS = 4;
const PROGRESS = 8;
/** Generous on a busy machine; what it takes is printed. */
const TIMEOUT_MS = 120_000;

let committee: Committee;
let links: LinkProxy;
const changes: Change[] = [];

beforeAll(async () => {
  committee = await Committee.found(4, { isLinked: true });
  await committee.freePorts();
  links = committee.links();
  await links.start();
  await committee.start();
});

afterAll(async () => {
  await committee?.close();
  await links?.stop();
});

async function under(name: string, during: (load: Load) => Promise<void>): Promise<void> {
  const load = new Load(committee, name, CLIENTS);
  try {
    await load.progress(PROGRESS, TIMEOUT_MS);
    await during(load);
  } finally {
    await load.stop();
  }
  changes.push(...load.changes);
}

describe('P2, P3, P8: the network between the nodes fails under load', () => {
  it('two and two: nothing is allowed, nobody disagrees, and it goes on by itself when they hear each other again', async () => {
    await under('halves', async (load) => {
      links.partition(['alpha', 'gamma']);
      // What was under way may still end; from a moment on nothing is allowed.
      let before = -1;
      while (load.allowed.length !== before) {
        before = load.allowed.length;
        await new Promise((resolve) => setTimeout(resolve, 5_000));
      }
      links.heal();
      await load.progress(PROGRESS, TIMEOUT_MS);
    });
    await expectOneLogWith(committee, changes);
  });

  it('one alone: the others go on, and it catches up', async () => {
    await under('alone', async (load) => {
      links.partition(['delta']);
      // Its hook has another node; clients that ask it hear that the outcome is unknown.
      await load.progress(PROGRESS, TIMEOUT_MS);
      links.heal();
      await load.progress(PROGRESS, TIMEOUT_MS);
    });
    await committee.agreed(TIMEOUT_MS);
    await expectOneLogWith(committee, changes);
  });

  it('two pairs do not hear each other, so that nobody hears a quorum at once: the others tell them, and it goes on', async () => {
    await under('pairs', async (load) => {
      links.cut('alpha', 'beta');
      links.cut('gamma', 'delta');
      await load.progress(PROGRESS, TIMEOUT_MS);
      links.heal();
      await load.progress(PROGRESS, TIMEOUT_MS);
    });
    await committee.agreed(TIMEOUT_MS);
    await expectOneLogWith(committee, changes);
  });
});
