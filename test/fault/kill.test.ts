import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOneLogWith, expectSoundFolders } from './checks.ts';
import { Committee, type Change, type FaultNode } from './committee.ts';
import { Load } from './load.ts';

const CLIENTS = 6;
const CYCLES = 2;
/** Between two kills the chain must have got so far. */
const PROGRESS = 15;

let committee: Committee;

beforeAll(async () => {
  committee = await Committee.found();
  await committee.start();
});

afterAll(() => committee?.close());

function pick(count: number): FaultNode[] {
  const left = [...committee.nodes];
  return Array.from({ length: count }, () => left.splice(randomInt(left.length), 1)[0] as FaultNode);
}

async function killAndRestart(victims: readonly FaultNode[]): Promise<void> {
  await sleep(randomInt(20, 300));
  await Promise.all(victims.map((node) => node.kill()));
  await sleep(randomInt(0, 200));
  await Promise.all(victims.map((node) => node.start()));
  await Promise.all(victims.map((node) => node.ready()));
}

describe('P3, P8: kill -9 under load', () => {
  const changes: Change[] = [];

  for (const count of [1, 2, 4]) {
    it(`of ${count} of 4 nodes loses nothing that was allowed, and nobody disagrees`, async () => {
      const load = new Load(committee, `kill-${count}`, CLIENTS);
      try {
        await load.progress(PROGRESS);
        for (let cycle = 0; cycle < CYCLES; cycle += 1) {
          await killAndRestart(pick(count));
          await load.progress(PROGRESS);
        }
      } finally {
        await load.stop();
      }
      changes.push(...load.changes);
      await expectOneLogWith(committee, changes);
      expect(load.allowed.length).toBeGreaterThanOrEqual((CYCLES + 1) * PROGRESS);
    });
  }

  it('or a stop by SIGTERM, which drains and exits 0 within 20 s, loses nothing either', async () => {
    const load = new Load(committee, 'term', CLIENTS);
    try {
      await load.progress(PROGRESS);
      const [victim] = pick(1) as [FaultNode];
      const { code, signal, ms } = await victim.stop();
      expect({ code, signal }).toEqual({ code: 0, signal: null });
      expect(ms).toBeLessThan(20_000);
      await load.progress(PROGRESS);
      await victim.start();
      await victim.ready();
    } finally {
      await load.stop();
    }
    changes.push(...load.changes);
    await expectOneLogWith(committee, changes);
  });

  it('leaves folders that fsck finds sound and equal', async () => {
    await committee.agreed();
    const [report] = await expectSoundFolders(committee);
    expect(report?.height).toBeGreaterThan(0);
  });
});
