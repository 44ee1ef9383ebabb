import type { Topic } from './network.ts';
import type { World } from './world.ts';

/** Fills the storm: weather that changes, one-way cuts, crashes, clocks that jump. All from the run's seed. */
export function scheduleFaults(world: World, stormMs: number, split: boolean): void {
  const { timeline } = world;
  if (split) return splitWorld(world);
  // In some runs votes of one type get lost all the time: heights of many rounds, with locks that only some hold.
  const theme = world.prng.pick([null, 'prevote', 'prevote', 'precommit'] as const);
  timeline.after(0, () => changeWeather(world, theme));
  const next = (): void => {
    timeline.after(world.prng.between(50, 1_500), () => {
      if (!world.stormy || timeline.nowMs >= stormMs) return;
      oneFault(world, theme);
      next();
    });
  };
  next();
  isolateTwins(world);
}

function oneFault(world: World, theme: Topic | null): void {
  const { prng } = world;
  switch (prng.below(6)) {
    case 0:
    case 1:
      return changeWeather(world, theme);
    case 2:
      return cutOneWay(world);
    case 3:
      return partition(world);
    case 4: {
      const node = prng.pick(world.nodes);
      if (node.fault === 'twin') return;
      return world.crashAndRestart(node);
    }
    default: {
      world.count('clock-jump');
      const node = prng.pick(world.nodes);
      node.clockSkewMs = prng.pick([0, 300, -300, 3_000, -3_000, 60_000, -60_000]);
    }
  }
}

function changeWeather(world: World, theme: Topic | null): void {
  const { prng } = world;
  world.count('weather');
  world.network.weather = {
    delayMsMax: prng.pick([5, 20, 100, 600, 2_000]),
    dropChance: prng.pick([0, 0, 0.02, 0.1, 0.4]),
    duplicateChance: prng.pick([0, 0.05, 0.3]),
    lostTopic: theme ?? prng.pick([null, null, 'proposal', 'prevote', 'precommit', 'precommit'] as const),
  };
}

function cutOneWay(world: World): void {
  const { prng, network } = world;
  world.count('one-way-cut');
  const count = network.endpoints.length;
  const link = `${prng.below(count)}>${prng.below(count)}`;
  network.cuts.add(link);
  world.timeline.after(prng.between(100, 4_000), () => network.cuts.delete(link));
}

/** Two groups that do not hear each other; sometimes the nodes are told that the connections are down. */
function partition(world: World): void {
  const { prng, network, nodes, timeline } = world;
  world.count('partition');
  const side = network.endpoints.map(() => prng.chance(0.5));
  const links: string[] = [];
  side.forEach((a, from) => side.forEach((b, to) => a !== b && links.push(`${from}>${to}`)));
  for (const link of links) network.cuts.add(link);
  const told = prng.chance(0.5);
  const tell = (up: boolean): void => {
    if (!told) return;
    for (const node of nodes)
      network.endpoints.forEach((other, to) => {
        if (side[node.endpoint] !== side[to] && other.validator !== node.validator) node.peerIs(other.validator, up);
      });
  };
  timeline.after(20, () => tell(false));
  timeline.after(prng.between(200, 6_000), () => {
    for (const link of links) network.cuts.delete(link);
    tell(true);
  });
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
      const heard = prng.below(2);
      twins.forEach((twin, copy) => {
        if (copy % 2 === heard) return;
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
