import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectOneLogWith, expectSoundFolders } from '../fault/checks.ts';
import { Committee, type Change, type FaultNode } from '../fault/committee.ts';
import { Load } from '../fault/load.ts';

const cycles = Number(process.env['SOAK_KILL_CYCLES'] ?? 300);
const clients = 6;
/** Between two faults the chain must have got so far. */
const progress = 10;
const progressTimeoutMs = 120_000;
/** Every so many cycles everything is compared: every node block by block, every allowed change against every log. */
const checkEvery = 25;

/**
 * P2, P3, P8: three hundred times under load, at a random moment, one to four of four nodes are killed with SIGKILL, or one is stopped with SIGSTOP and goes
 * on later, or ends by SIGTERM. Nothing that was allowed is lost, nobody disagrees, and every node comes back by itself.
 */
export async function soak(): Promise<Readonly<Record<string, number | string>>> {
  const committee = await Committee.found();
  const recoveryMs: number[] = [];
  const counts = { kill: 0, killAll: 0, pause: 0, stop: 0 };
  let allowed = 0;
  const changes: Change[] = [];
  try {
    await committee.start();
    for (let cycle = 0; cycle < cycles; cycle += checkEvery) {
      const load = new Load(committee, `soak-${cycle}`, clients);
      try {
        for (let i = 0; i < Math.min(checkEvery, cycles - cycle); i += 1) {
          await load.progress(progress, progressTimeoutMs);
          await sleep(randomInt(0, 300));
          recoveryMs.push(await fault(committee, counts));
        }
        await load.progress(progress, progressTimeoutMs);
      } finally {
        await load.stop();
      }
      allowed += load.allowed.length;
      changes.push(...load.changes);
      await expectOneLogWith(committee, changes);
    }
    await committee.agreed();
    await expectSoundFolders(committee);
  } finally {
    await committee.close();
  }
  recoveryMs.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(recoveryMs[Math.floor(share * (recoveryMs.length - 1))] ?? 0);
  return { cycles, allowed, ...counts, recoveryP50Ms: at(0.5), recoveryP99Ms: at(0.99) };
}

/** One fault and its end; milliseconds from the moment in which the node may run again until it takes reviews. */
async function fault(
  committee: Committee,
  counts: Record<'kill' | 'killAll' | 'pause' | 'stop', number>,
): Promise<number> {
  const left = [...committee.nodes];
  const take = (): FaultNode => left.splice(randomInt(left.length), 1)[0] as FaultNode;
  const kind = randomInt(10);
  if (kind === 0) {
    counts.pause += 1;
    const node = take();
    node.pause();
    await sleep(randomInt(50, 5_000));
    const startedMs = performance.now();
    node.resume();
    await node.ready();
    return performance.now() - startedMs;
  }
  if (kind === 1) {
    counts.stop += 1;
    const node = take();
    await node.stop();
    return back([node]);
  }
  const victims = kind === 2 ? committee.nodes : Array.from({ length: randomInt(1, 3) }, take);
  counts[victims.length === committee.nodes.length ? 'killAll' : 'kill'] += 1;
  await Promise.all(victims.map((node) => node.kill()));
  await sleep(randomInt(0, 300));
  return back(victims);
}

async function back(nodes: readonly FaultNode[]): Promise<number> {
  const startedMs = performance.now();
  await Promise.all(nodes.map((node) => node.start()));
  await Promise.all(nodes.map((node) => node.ready()));
  return performance.now() - startedMs;
}
