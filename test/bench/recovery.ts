import { cpSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Committee, type FaultNode } from '../fault/committee.ts';
import { Load } from '../fault/load.ts';
import { print, quantile } from './figure.ts';
import { cpuMs } from './process-usage.ts';
import { RecordMaker } from './record-maker.ts';

const ROUNDS = 5;
const IDLE_SECONDS = 15;
const BLOCKS_BEHIND = 3_000;
const RECORDS_PER_BLOCK = 10;
const POLL_MS = 5;
/** A node that catches up answers meanwhile, which takes its time: over some ten seconds this is exact enough. */
const CATCH_UP_POLL_MS = 100;
const TIMEOUT_MS = 60_000;

/** How long four real nodes take to go on after something died, and what they cost while nothing happens. */
export async function benchRecovery(): Promise<void> {
  const committee = await Committee.found();
  try {
    await committee.start();
    await idle(committee);
    await deadProposer(committee);
    await votesAgain(committee);
  } finally {
    await committee.close();
  }
  await catchingUp();
}

/** Processor time and bytes written of a chain without transactions. Pings of the mesh are all that may be sent. */
async function idle(committee: Committee): Promise<void> {
  await committee.mustChange('before-idle');
  await sleep(2_000);
  const pids = committee.nodes.map(({ run }) => run.pid);
  const { height } = await committee.agreed();
  const cpuBefore = cpuMs(pids);
  const writtenBefore = pids.map(bytesWritten);
  await sleep(IDLE_SECONDS * 1_000);
  const share = (cpuMs(pids) - cpuBefore) / (IDLE_SECONDS * 1_000) / pids.length;
  const written = pids.reduce((sum, pid, i) => sum + bytesWritten(pid) - (writtenBefore[i] ?? 0), 0);
  print(figure('idle chain', 'share of a core a node', share * 100, '%'));
  print(figure('idle chain', 'bytes sent or written a node', written / IDLE_SECONDS / pids.length, 'B/s'));
  print(figure('idle chain', 'blocks', (await committee.agreed()).height - height, '1'));
}

/** From kill -9 of the node whose turn it is to the first acknowledged change that was asked for afterwards. */
async function deadProposer(committee: Committee): Promise<void> {
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await committee.mustChange(`proposer-${round}`);
    const { proposer } = await (committee.nodes[0] as FaultNode).reader.status();
    const dead = committee.node(proposer ?? '');
    const killed = performance.now();
    await dead.kill();
    await committee.mustChange(`without-proposer-${round}`);
    samples.push(performance.now() - killed);
    await dead.start();
    await dead.ready();
  }
  report('dead proposer', 'kill to the next acknowledged commit', samples);
}

/** From the start of a killed node to the first certificate that holds its vote, under load. */
async function votesAgain(committee: Committee): Promise<void> {
  const samples: number[] = [];
  let restarted = '';
  const load = new Load(committee, 'votes', 2, (org) => org !== restarted);
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const index = round % committee.nodes.length;
      const node = committee.nodes[index] as FaultNode;
      const witness = committee.nodes[(index + 1) % committee.nodes.length] as FaultNode;
      restarted = node.org;
      await node.kill();
      await load.progress(5);
      const { height } = await witness.reader.status();
      const started = performance.now();
      await node.start();
      await until(async () => (await witness.reader.signers(height + 1)).some((signers) => signers.includes(index)));
      samples.push(performance.now() - started);
      await node.ready();
    }
  } finally {
    await load.stop();
  }
  report('kill -9', "start to the node's vote in a certificate", samples);
}

/** An empty node beside three that have everything: blocks a second, from its first block to its last. */
async function catchingUp(): Promise<void> {
  const created = new Date(Date.now() - (BLOCKS_BEHIND + 3_600) * 1_000);
  const committee = await Committee.found(4, { profile: 'single', plan: { created } });
  try {
    await committee.freePorts();
    const maker = await RecordMaker.open(committee);
    await maker.make(BLOCKS_BEHIND * RECORDS_PER_BLOCK, RECORDS_PER_BLOCK);
    const { height } = maker;
    await maker.close();
    const [full, ...others] = committee.nodes as [FaultNode, ...FaultNode[]];
    const late = others.pop() as FaultNode;
    for (const other of others) cpSync(full.files.dataDir, other.files.dataDir, { recursive: true });
    for (const node of [full, ...others, late]) await node.start();
    await late.answering();
    let from: { readonly height: number; readonly atMs: number } | undefined;
    await until(async () => {
      const now = (await late.reader.status()).height;
      if (from === undefined && now > 0) from = { height: now, atMs: performance.now() };
      return now >= height;
    }, CATCH_UP_POLL_MS);
    if (from === undefined || from.height >= height) throw new Error('it had all blocks before it could be asked');
    const seconds = (performance.now() - from.atMs) / 1_000;
    print(figure('catching up', `blocks of ${RECORDS_PER_BLOCK} records`, (height - from.height) / seconds, '1/s'));
  } finally {
    await committee.close();
  }
}

async function until(isSo: () => Promise<boolean>, pollMs = POLL_MS): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`not within ${TIMEOUT_MS} ms`);
    await sleep(pollMs);
  }
}

function bytesWritten(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? Number.NaN);
}

function report(subject: string, metric: string, samplesMs: readonly number[]): void {
  print(figure(subject, `${metric}, median of ${samplesMs.length}`, quantile(samplesMs, 0.5), 'ms'));
  print(figure(subject, `${metric}, slowest`, Math.max(...samplesMs), 'ms'));
}

function figure(subject: string, metric: string, value: number, unit: string) {
  return { bench: 'recovery', subject, metric, value, unit };
}
