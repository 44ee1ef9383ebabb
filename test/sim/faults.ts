import { pairOf, type Topic } from './net/network.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

type Theme = Topic | null;

/** One kind of fault: how it begins, and that it ends. */
const kinds: Readonly<Record<string, (world: World, theme: Theme) => void>> = {
  weather: changeWeather,
  'one-way-cut': cutOneWay,
  partition,
  flapping,
  'slow-link': slowLink,
  crash: crashOne,
  'crash-all': crashAll,
  stop: stopOne,
  pause: pauseOne,
  'clock-jump': jumpClock,
  'clock-drift': driftClock,
  'slow-disk': slowDisk,
  'failing-sync': failSync,
  'full-disk': fillDisk,
};

/** All that a run may leave out. */
export const faultKinds: readonly string[] = [...Object.keys(kinds), 'crash-at-effect', 'set-change', 'directed'];

/** How often each comes, in tickets. */
const tickets: readonly string[] = Object.entries({
  weather: 6,
  'one-way-cut': 3,
  partition: 3,
  flapping: 1,
  'slow-link': 2,
  crash: 3,
  'crash-all': 1,
  stop: 1,
  pause: 2,
  'clock-jump': 2,
  'clock-drift': 1,
  'slow-disk': 2,
  'failing-sync': 1,
  'full-disk': 1,
}).flatMap(([kind, count]) => Array.from({ length: count }, () => kind));

/** Fills the storm. All from the run's seed. */
export function scheduleFaults(world: World, stormMs: number, split: boolean): void {
  const { timeline } = world;
  if (split) return splitWorld(world);
  // In some runs votes of one type get lost all the time: heights of many rounds, with locks that only some hold.
  const theme = world.prng.pick([null, 'prevote', 'prevote', 'precommit'] as const);
  if (world.allows('weather')) timeline.after(0, () => changeWeather(world, theme));
  const next = (): void => {
    timeline.after(world.prng.between(50, 1_200), () => {
      if (!world.stormy || timeline.nowMs >= stormMs) return;
      const kind = world.prng.pick(tickets);
      if (world.allows(kind) && world.director?.isActive !== true) {
        world.count(kind);
        kinds[kind]?.(world, theme);
      }
      next();
    });
  };
  next();
  // A disk shows its damage at a start only.
  for (const node of world.nodes.filter((each) => each.mayBeDamaged || each.mayBeRecovered))
    for (const atMs of [0.4 * stormMs, 0.7 * stormMs]) timeline.after(atMs, () => world.crashAndRestart(node));
  isolateTwins(world);
}

function changeWeather(world: World, theme: Theme): void {
  const { prng } = world;
  world.network.weather = {
    delayMsMax: prng.pick([5, 20, 100, 600, 2_000]),
    dropChance: prng.pick([0, 0, 0.02, 0.1, 0.4]),
    duplicateChance: prng.pick([0, 0.05, 0.3]),
    lostTopic: theme ?? prng.pick([null, null, 'proposal', 'prevote', 'precommit', 'precommit'] as const),
    favoured: prng.chance(0.6) ? prng.below(world.network.endpoints.length) : null,
    inOrder: prng.chance(0.3),
  };
}

function cutOneWay(world: World): void {
  const { prng, network } = world;
  const count = network.endpoints.length;
  const link = `${prng.below(count)}>${prng.below(count)}`;
  network.cuts.add(link);
  world.timeline.after(prng.between(100, 4_000), () => network.cuts.delete(link));
}

/** Two groups that do not hear each other; in half of the cases their connections break, otherwise nobody is told. */
function partition(world: World): void {
  const { prng, network, timeline } = world;
  const side = network.endpoints.map(() => prng.chance(0.5));
  const isTold = prng.chance(0.5);
  const links: string[] = [];
  side.forEach((a, from) =>
    side.forEach((b, to) => {
      if (a !== b) links.push(isTold ? pairOf(from, to) : `${from}>${to}`);
    }),
  );
  const cuts = isTold ? network.severed : network.cuts;
  for (const link of links) cuts.add(link);
  network.refreshAll();
  timeline.after(prng.between(200, 6_000), () => {
    for (const link of links) cuts.delete(link);
    network.refreshAll();
  });
}

/** A peer that loses its connections and comes back, again and again. */
function flapping(world: World): void {
  const { prng, network, timeline } = world;
  const one = prng.below(network.endpoints.length);
  const pairs = network.endpoints.flatMap((_, other) => (other === one ? [] : [pairOf(one, other)]));
  let left = prng.between(4, 20);
  const flap = (down: boolean): void => {
    for (const pair of pairs) {
      if (down) network.severed.add(pair);
      else network.severed.delete(pair);
    }
    network.refresh(one);
    left -= 1;
    if (left > 0 || down) timeline.after(prng.between(10, 300), () => flap(!down && world.stormy));
  };
  flap(true);
}

function slowLink(world: World): void {
  const { prng, network } = world;
  const count = network.endpoints.length;
  const link = `${prng.below(count)}>${prng.below(count)}`;
  network.slow.set(link, prng.pick([100, 700, 3_000]));
  world.timeline.after(prng.between(1_000, 8_000), () => network.slow.delete(link));
}

function crashOne(world: World): void {
  const node = someNode(world);
  if (node !== undefined) world.crashAndRestart(node);
}

function crashAll(world: World): void {
  for (const node of world.nodes) if (node.fault !== 'twin') world.crashAndRestart(node);
}

function stopOne(world: World): void {
  const node = someNode(world);
  if (node === undefined) return;
  node.stop();
  // It may hang in the draining: a supervisor kills it then.
  world.timeline.after(3_000, () => {
    node.crash('kill');
    node.start();
  });
}

function pauseOne(world: World): void {
  const node = someNode(world);
  if (node === undefined) return;
  node.pause();
  world.timeline.after(world.prng.pick([100, 1_000, 6_000]), () => node.resume());
}

function jumpClock(world: World): void {
  const { prng } = world;
  const node = prng.pick(world.nodes);
  node.setClock(prng.pick([0, 300, -300, 3_000, -3_000, 60_000, -60_000]), node.clockRate);
}

function driftClock(world: World): void {
  const { prng } = world;
  const node = prng.pick(world.nodes);
  node.setClock(node.clockSkewMs, prng.pick([0.9, 0.99, 1.01, 1.1]));
}

function slowDisk(world: World): void {
  const node = world.prng.pick(world.nodes);
  node.health.slowMs = world.prng.pick([20, 200, 2_000]);
  world.timeline.after(world.prng.between(500, 6_000), () => (node.health.slowMs = 0));
}

function failSync(world: World): void {
  const node = world.prng.pick(world.nodes);
  node.health.failingSyncs = 1;
  node.hadDiskFault = true;
}

function fillDisk(world: World): void {
  const node = world.prng.pick(world.nodes);
  node.health.isFull = true;
  node.hadDiskFault = true;
  world.timeline.after(world.prng.between(300, 5_000), () => (node.health.isFull = false));
}

function someNode(world: World): SimNode | undefined {
  const nodes = world.nodes.filter(({ fault, isRunning }) => fault !== 'twin' && isRunning);
  return nodes.length === 0 ? undefined : world.prng.pick(nodes);
}

/** Twins: each node hears only one of the two at a time, and which one changes. */
function isolateTwins(world: World): void {
  const { prng, network, nodes, timeline } = world;
  const twins = nodes.filter((node) => node.fault === 'twin');
  if (twins.length === 0) return;
  const links = new Set<string>();
  const reshuffle = (): void => {
    for (const link of links) network.cuts.delete(link);
    links.clear();
    if (!world.stormy) return;
    for (const node of nodes.filter((each) => each.fault !== 'twin')) {
      const heard = prng.below(3);
      twins.forEach((twin, copy) => {
        if (heard === 2 || copy % 2 === heard) return;
        for (const link of [`${twin.endpoint}>${node.endpoint}`, `${node.endpoint}>${twin.endpoint}`]) links.add(link);
      });
    }
    for (const link of links) network.cuts.add(link);
    timeline.after(prng.between(500, 3_000), reshuffle);
  };
  reshuffle();
}

/** More than f faulty: the correct nodes in two halves, a twin of every faulty one in each. Each half can be a quorum. */
function splitWorld(world: World): void {
  const { network, nodes } = world;
  const copies = new Map<number, number>();
  let correct = 0;
  const side = nodes.map((node) => {
    if (node.correct) return correct++ % 2;
    const copy = copies.get(node.validator) ?? 0;
    copies.set(node.validator, copy + 1);
    return copy;
  });
  world.count('split');
  nodes.forEach((a, i) =>
    nodes.forEach((b, j) => side[i] !== side[j] && network.cuts.add(`${a.endpoint}>${b.endpoint}`)),
  );
}
