import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectOneLogWith, expectSoundFolders } from '../fault/checks.ts';
import { Committee, type Change } from '../fault/committee.ts';
import type { LinkProxy } from '../fault/link-proxy.ts';
import { Load } from '../fault/load.ts';

const minutes = Number(process.env['SOAK_NETWORK_MINUTES'] ?? 10);
const clients = 6;
const progress = 10;
const progressTimeoutMs = 120_000;
/** Everything is compared after so many faults. */
const checkEvery = 10;

type Kind = 'halves' | 'alone' | 'pairs' | 'one-way' | 'slow' | 'flapping';
const kinds: readonly Kind[] = ['halves', 'alone', 'pairs', 'one-way', 'slow', 'flapping'];

/**
 * P2, P3, P8: ten minutes under load in which the network between four nodes is parted at random, in one direction too, becomes slow (20 to 500 ms a link, another
 * one each way) and flaps. Nothing that was allowed is lost, nobody disagrees, and as soon as all hear each other it goes on by itself.
 */
export async function soak(): Promise<Readonly<Record<string, number>>> {
  const committee = await Committee.found(4, { isLinked: true });
  await committee.freePorts();
  const links = committee.links();
  await links.start();
  const counts: Record<string, number> = {};
  const recoveryMs: number[] = [];
  const changes: Change[] = [];
  let allowed = 0;
  try {
    await committee.start();
    const endMs = performance.now() + minutes * 60_000;
    while (performance.now() < endMs) {
      const load = new Load(committee, `network-${recoveryMs.length}`, clients);
      try {
        for (let i = 0; i < checkEvery && performance.now() < endMs; i += 1) {
          await load.progress(progress, progressTimeoutMs);
          const kind = kinds[randomInt(kinds.length)] ?? 'halves';
          counts[kind] = (counts[kind] ?? 0) + 1;
          await disturb(links, committee, kind);
          links.heal();
          const healedMs = performance.now();
          await load.progress(1, progressTimeoutMs);
          recoveryMs.push(performance.now() - healedMs);
        }
      } finally {
        links.heal();
        await load.stop();
      }
      allowed += load.allowed.length;
      changes.push(...load.changes);
      await committee.agreed();
      await expectOneLogWith(committee, changes);
    }
    await expectSoundFolders(committee);
  } finally {
    await committee.close();
    await links.stop();
  }
  recoveryMs.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(recoveryMs[Math.floor(share * (recoveryMs.length - 1))] ?? 0);
  return { minutes, allowed, ...counts, recoveryP50Ms: at(0.5), recoveryMaxMs: at(1) };
}

/** One fault of the network, for up to ten seconds. */
async function disturb(links: LinkProxy, committee: Committee, kind: Kind): Promise<void> {
  const left = committee.nodes.map(({ org }) => org);
  const orgs = committee.nodes.flatMap(() => left.splice(randomInt(left.length), 1));
  const [a = '', b = '', c = '', d = ''] = orgs;
  const lastsMs = randomInt(500, 10_000);
  if (kind === 'halves') links.partition([a, b]);
  if (kind === 'alone') links.partition([a]);
  if (kind === 'pairs') {
    links.cut(a, b);
    links.cut(c, d);
  }
  if (kind === 'one-way') {
    links.cutOneWay(a, b);
    links.cutOneWay(b, c);
  }
  if (kind === 'slow') {
    for (const from of orgs) for (const to of orgs) if (from !== to) links.slow(from, to, randomInt(20, 500));
  }
  if (kind === 'flapping') {
    for (const endMs = performance.now() + lastsMs; performance.now() < endMs;) {
      links.partition([a]);
      await sleep(randomInt(50, 800));
      links.heal();
      await sleep(randomInt(50, 800));
    }
    return;
  }
  await sleep(lastsMs);
}
