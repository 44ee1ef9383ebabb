import { parseArgs } from 'node:util';
import { ensureBinaries } from '../../control-plane/build.ts';
import { print, quantile } from '../figure.ts';
import { ChainNetwork } from './chain-network.ts';
import { CometbftNetwork } from './cometbft-network.ts';
import { writePlot, type Curve } from './load-plot.ts';
import { measure, type Sample } from './measure.ts';
import type { Network } from './network.ts';

/** Medians of tuned CometBFT on the machine that the targets were made on; far below them the peer was handicapped. */
const ANCHORS = { idleP50Ms: 44, perSecondOf40: 402, perSecondOf200: 733 };
const ANCHOR_SHARE = 0.7;
const CLIENTS = [1, 40, 200] as const;
const WARM_UP_SECONDS = 2;

interface Scenario {
  readonly delayMs: number;
  /** One of four is killed first. */
  readonly oneDead: boolean;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  loopback: { delayMs: 0, oneDead: false },
  'one dead': { delayMs: 0, oneDead: true },
  '20 ms': { delayMs: 20, oneDead: false },
  '100 ms': { delayMs: 100, oneDead: false },
};

/**
 * Acknowledged commits of four processes with fsync: ours beside CometBFT with its kvstore, default and tuned, one load generator in turns. With a latency, each
 * message between two nodes takes that long one way, through the same proxy for all.
 */
export async function benchCommit(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      scenario: { type: 'string', multiple: true, default: Object.keys(SCENARIOS) },
      clients: { type: 'string', multiple: true, default: CLIENTS.map(String) },
      plot: { type: 'string' },
      /** Without the peer, for work on the engine; and CPU profiles of the nodes into this folder. */
      alone: { type: 'boolean', default: false },
      'cpu-prof': { type: 'string' },
    },
  });
  await ensureBinaries(['cometbft']);
  const plan = { rounds: Number(values.rounds), seconds: Number(values.seconds), clients: values.clients.map(Number) };
  const curves: Curve[] = [];
  for (const delayMs of new Set(values.scenario.map((name) => scenarioOf(name).delayMs))) {
    const networks = await startAll(delayMs, values);
    try {
      for (const name of values.scenario) {
        const scenario = scenarioOf(name);
        if (scenario.delayMs !== delayMs) continue;
        if (scenario.oneDead) await Promise.all(networks.map((network) => network.killOne()));
        const samples = await inTurns(name, networks, plan);
        report(name, networks, plan.clients, samples);
        curves.push(...curvesOf(name, networks, plan.clients, samples));
      }
    } finally {
      await Promise.all(networks.map((network) => network.close()));
    }
  }
  if (values.plot !== undefined) writePlot(values.plot, curves);
}

function scenarioOf(name: string): Scenario {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error(`--scenario ${name}: known are ${Object.keys(SCENARIOS).join(', ')}`);
  return scenario;
}

async function startAll(
  delayMs: number,
  { alone, 'cpu-prof': profileDir }: { readonly alone: boolean; readonly 'cpu-prof'?: string | undefined },
): Promise<readonly Network[]> {
  const started: Network[] = [];
  try {
    started.push(await ChainNetwork.start(delayMs, profileDir));
    if (!alone) {
      started.push(await CometbftNetwork.start('tuned', delayMs));
      started.push(await CometbftNetwork.start('default', delayMs));
    }
    return started;
  } catch (error) {
    await Promise.all(started.map((network) => network.close()));
    throw error;
  }
}

type Samples = ReadonlyMap<string, readonly Sample[]>;
const keyOf = (network: Network, clients: number): string => `${network.name}/${clients}`;

async function inTurns(
  scenario: string,
  networks: readonly Network[],
  { rounds, seconds, clients }: { rounds: number; seconds: number; clients: readonly number[] },
): Promise<Samples> {
  const samples = new Map<string, Sample[]>();
  for (const network of networks) await measure(network, 40, WARM_UP_SECONDS, 500);
  for (let round = 1; round <= rounds; round += 1) {
    for (const count of clients) {
      for (const network of networks) {
        const key = keyOf(network, count);
        const before = samples.get(key) ?? [];
        const sample = await measure(network, count, seconds, before.at(-1)?.perSecond ?? 10 * count);
        samples.set(key, [...before, sample]);
        process.stderr.write(
          `${scenario}, round ${round}, ${key}: p50 ${quantileOf(sample, 0.5).toFixed(1)} ms, p99 ${quantileOf(sample, 0.99).toFixed(1)} ms, ${sample.perSecond.toFixed(0)}/s, ${sample.cpuMsPerCommit.toFixed(2)} ms CPU a commit, ${sample.failed} failed ${sample.lastRefusal}\n`,
        );
      }
    }
  }
  return samples;
}

const quantileOf = ({ latenciesMs }: Sample, share: number): number =>
  latenciesMs.length === 0 ? Number.NaN : quantile(latenciesMs, share);

const METRICS = [
  ['p50', 'ms', (sample: Sample) => quantileOf(sample, 0.5)],
  ['p99', 'ms', (sample: Sample) => quantileOf(sample, 0.99)],
  ['rate', 'tx/s', (sample: Sample) => sample.perSecond],
  ['CPU of all nodes a commit', 'ms', (sample: Sample) => sample.cpuMsPerCommit],
  ['failed', 'tx', (sample: Sample) => sample.failed],
] as const;

function medianOf(samples: Samples, key: string, of: (sample: Sample) => number): number {
  const values = (samples.get(key) ?? []).map(of).filter((value) => !Number.isNaN(value));
  return values.length === 0 ? Number.NaN : quantile(values, 0.5);
}

function report(scenario: string, networks: readonly Network[], clients: readonly number[], samples: Samples): void {
  const peer = networks.find(({ name }) => name === 'CometBFT tuned');
  for (const count of clients) {
    for (const network of networks) {
      for (const [metric, unit, of] of METRICS) {
        const value = medianOf(samples, keyOf(network, count), of);
        const ratio = peer === undefined ? Number.NaN : value / medianOf(samples, keyOf(peer, count), of);
        print({
          bench: 'commit',
          subject: network.name,
          metric: `${metric}, ${count} clients, ${scenario}`,
          value,
          unit,
          ...(peer === undefined || Number.isNaN(ratio) || !Number.isFinite(ratio)
            ? {}
            : { ratioTo: { subject: peer.name, ratio } }),
        });
      }
    }
  }
  if (peer !== undefined && scenario === 'loopback') judgePeer(peer, samples);
}

/** Said as a figure of its own, because the ratios of such a run must not be used. */
function judgePeer(peer: Network, samples: Samples): void {
  const shares = [
    ANCHORS.idleP50Ms / medianOf(samples, keyOf(peer, 1), (sample) => quantileOf(sample, 0.5)),
    medianOf(samples, keyOf(peer, 40), ({ perSecond }) => perSecond) / ANCHORS.perSecondOf40,
    medianOf(samples, keyOf(peer, 200), ({ perSecond }) => perSecond) / ANCHORS.perSecondOf200,
  ].filter((share) => !Number.isNaN(share));
  const lowest = Math.min(...shares);
  print({ bench: 'commit', subject: peer.name, metric: 'lowest share of its anchors', value: lowest, unit: '1' });
  if (lowest < ANCHOR_SHARE) {
    print({
      bench: 'commit',
      subject: peer.name,
      metric: 'run is INVALID: the peer was handicapped',
      value: 1,
      unit: '1',
    });
    process.stderr.write(`invalid run: tuned CometBFT reached ${(lowest * 100).toFixed(0)} % of its own anchors\n`);
  }
}

function curvesOf(
  scenario: string,
  networks: readonly Network[],
  clients: readonly number[],
  samples: Samples,
): Curve[] {
  return networks.map((network) => ({
    scenario,
    subject: network.name,
    points: clients.map((count) => ({
      perSecond: medianOf(samples, keyOf(network, count), (sample) => sample.perSecond),
      p50Ms: medianOf(samples, keyOf(network, count), (sample) => quantileOf(sample, 0.5)),
      p99Ms: medianOf(samples, keyOf(network, count), (sample) => quantileOf(sample, 0.99)),
      clients: count,
    })),
  }));
}
