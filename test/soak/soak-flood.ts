/** P6, P8: a user who is refused without end costs the others nothing: one proposal where it is one thing, bounded records and memory, and a clear refusal beyond. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closedLoop } from '../bench/closed-loop.ts';
import { quantile } from '../bench/figure.ts';
import { Committee } from '../cluster/committee.ts';
import { createConfigMap, createNamespace, proposalOf, type ApiResult } from '../cluster/objects.ts';
import { twoApprovals } from '../cluster/policies.ts';
import { OPEN_PER_REQUESTER_MAX } from '../../src/ledger/execute/proposals.ts';
import { startPlayground, type Playground } from '../playground/playground.ts';
import { MemoryWatch } from './memory-watch.ts';
import { nodeMetrics, sumOf } from './node-metrics.ts';
import { tally } from './tally.ts';

const DISTINCT = Number(process.env['SOAK_FLOOD_WRITES'] ?? 10_000);
const REPEATED = Number(process.env['SOAK_FLOOD_REPEATED'] ?? 2_000);
const CLIENTS = 32;
const WRITERS = 200;
const WRITES_EACH = 5;
/** New refusals of one user that become records: at once, and then each second. */
const RECORDED_AT_ONCE = 300;
const NODE_MEGABYTES_MAX = 400;
const NS = 'dev';
const GUARDED = 'prod-shop';
/** What a refused write may be answered. */
const REFUSALS = [
  'GOVERNANCE_VOTES_REQUIRED',
  'GOVERNANCE_NO_PROPOSAL_OPENED',
  'ADMISSION_REFUSED_OFTEN',
  'WEBHOOK_USER_BUSY',
];

const codeOf = ({ causes, status, message }: ApiResult): string => causes[0]?.reason ?? `${status} ${message}`;

export async function soak(): Promise<Readonly<Record<string, number | string>>> {
  const dir = mkdtempSync(join(tmpdir(), 'kubectl-chain-soak-'));
  const playground = await startPlayground({ dir });
  const committee = new Committee(playground);
  try {
    for (const name of [NS, GUARDED]) await createNamespace(playground, name);
    await committee.enforce('production', twoApprovals('prod-*'));
    const quiet = await others(playground, 'quiet', (done) => done < 100);
    const repeated = await repeatedWrite(playground, committee);
    const distinct = await distinctWrites(playground, committee);
    const parallel = await parallelWriters(playground);
    const full = await fullOfVotes(playground, committee);
    return {
      ...repeated,
      ...distinct,
      othersAloneP50Ms: Math.round(quantile(quiet.latenciesMs, 0.5)),
      ...parallel,
      ...full,
    };
  } finally {
    committee.close();
    await playground.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Others {
  readonly latenciesMs: readonly number[];
  /** What those were told that failed. */
  readonly failures: readonly string[];
}

/** Writes that no policy concerns, of another user, one after the other. @throws Error if one fails. */
async function others(playground: Playground, prefix: string, goesOn: (done: number) => boolean): Promise<Others> {
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  for (let i = 0; goesOn(i); i += 1) {
    const fromMs = performance.now();
    const answer = await createConfigMap(playground, 'bob', NS, `${prefix}-${i}`);
    if (answer.status === 201) latenciesMs.push(performance.now() - fromMs);
    else failures.push(codeOf(answer));
  }
  if (failures.length > 0) throw new Error(`writes of another user failed: ${tally(failures)}`);
  return { latenciesMs, failures };
}

/** A controller that repeats one refused write for ever. */
async function repeatedWrite(playground: Playground, committee: Committee): Promise<Record<string, number>> {
  const leavesBefore = (await committee.head()).state.logSize;
  const before = await nodeMetrics(playground);
  const proposals = new Set<number>();
  await closedLoop(8, REPEATED, async () => {
    const answer = await createConfigMap(playground, 'alice', GUARDED, 'again-and-again');
    if (answer.status !== 403) throw new Error(`refused write: ${codeOf(answer)}`);
    proposals.add(proposalOf(answer));
    return true;
  });
  if (proposals.size !== 1) throw new Error(`one refused write made ${proposals.size} proposals`);
  const again =
    sumOf(await nodeMetrics(playground), 'admission_refused_again_total') -
    sumOf(before, 'admission_refused_again_total');
  const leaves = (await committee.head()).state.logSize - leavesBefore;
  // Each hook counts each; those of the first moment, before the proposal was there, are records instead.
  if (again < 2 * (REPEATED - 16)) throw new Error(`only ${again} of ${2 * REPEATED} repetitions are counted`);
  if (leaves > 200) throw new Error(`${REPEATED} repetitions made ${leaves} leaves`);
  return { repeated: REPEATED, repeatedProposals: proposals.size, repeatedCounted: again, repeatedLeaves: leaves };
}

/** Ten thousand different ones, while others go on. */
async function distinctWrites(playground: Playground, committee: Committee): Promise<Record<string, number | string>> {
  const pids = playground.state.nodes.map(({ process }) => process?.pid ?? 0);
  const before = await nodeMetrics(playground);
  const leavesBefore = (await committee.head()).state.logSize;
  const memory = new MemoryWatch(pids);
  let isOver = false;
  const beside = others(playground, 'beside', () => !isOver).catch((error: unknown) => error as Error);
  const codes: string[] = [];
  const startedMs = performance.now();
  const loop = closedLoop(CLIENTS, DISTINCT, async (i) => {
    const answer = await createConfigMap(playground, 'alice', GUARDED, `distinct-${i}`);
    codes.push(codeOf(answer));
    return answer.status === 403 || answer.status === 429;
  });
  const { failed } = await loop.finally(() => (isOver = true));
  const seconds = (performance.now() - startedMs) / 1_000;
  const othersResult = await beside;
  const highest = memory.stop();
  if (othersResult instanceof Error) throw othersResult;
  const strange = codes.filter((code) => !REFUSALS.includes(code));
  if (failed > 0 || strange.length > 0) throw new Error(`refusals without a clear code: ${tally(strange)}`);
  if (highest.some((megabytes) => megabytes > NODE_MEGABYTES_MAX)) throw new Error(`memory: ${highest.join(', ')} MB`);
  memory.expectFlat();
  const live = await committee.liveProposals();
  if (live.length > OPEN_PER_REQUESTER_MAX + 1) throw new Error(`${live.length} proposals are open`);
  const after = await nodeMetrics(playground);
  const counted = ['refused', 'overloaded', 'unknown'].reduce(
    (sum, outcome) =>
      sum +
      sumOf(after, 'admission_reviews_total', { outcome }) -
      sumOf(before, 'admission_reviews_total', { outcome }),
    0,
  );
  // Both hooks were asked about each, and count what they answered; where one of them says no, the other may hear nothing in time.
  if (counted !== 2 * DISTINCT) throw new Error(`${counted} refusals are counted, ${2 * DISTINCT} were answered`);
  const leaves = (await committee.head()).state.logSize - leavesBefore;
  // Two witnesses each, what those of the others are, and what opens, holds and closes proposals.
  const recorded = RECORDED_AT_ONCE + seconds;
  const leavesMax = 2 * (2 + 6) * recorded + 8 * othersResult.latenciesMs.length + 200;
  if (leaves > leavesMax) throw new Error(`${DISTINCT} refused writes made ${leaves} leaves`);
  return {
    distinct: DISTINCT,
    distinctPerSecond: Math.round(DISTINCT / seconds),
    distinctCodes: tally(codes),
    distinctCounted: counted,
    distinctLeaves: leaves,
    openProposals: live.length,
    othersBeside: othersResult.latenciesMs.length,
    othersFailed: tally(othersResult.failures),
    othersBesideP50Ms: Math.round(quantile(othersResult.latenciesMs, 0.5)),
    othersBesideP99Ms: Math.round(quantile(othersResult.latenciesMs, 0.99)),
    nodeMegabytes: highest.join(' '),
    nodeMegabytesSecondAndLastQuarter: memory.quarters.map((each) => each.join('-')).join(' '),
    nodeMegabytesAMinute: memory.slopes.join(' '),
  };
}

/** Two hundred at once, of one user: all are served. */
async function parallelWriters(playground: Playground): Promise<Record<string, number | string>> {
  const codes: string[] = [];
  const result = await closedLoop(WRITERS, WRITERS * WRITES_EACH, async (i) => {
    const answer = await createConfigMap(playground, 'carol', NS, `parallel-${i}`);
    if (answer.status !== 201) codes.push(codeOf(answer));
    return answer.status === 201;
  });
  const turnedAway = (await nodeMetrics(playground))
    .flatMap((text) => [...text.matchAll(/^kubectl_chain_webhook_refused_total\{reason="([^"]+)"\} (\d+)/gm)])
    .map(([, reason, count]) => `${reason} ${count}`)
    .join(', ');
  if (result.failed > 0)
    throw new Error(
      `${result.failed} of ${WRITERS} parallel writers' writes failed: ${tally(codes)}; turned away: ${turnedAway}`,
    );
  return {
    turnedAway,
    parallelPerSecond: Math.round(result.perSecond),
    parallelP99Ms: Math.round(quantile(result.latenciesMs, 0.99)),
  };
}

/** Where every proposal that may be open for a user has a vote, none makes room: the next write is told so. */
async function fullOfVotes(playground: Playground, committee: Committee): Promise<Record<string, string>> {
  const write = (name: string) => createConfigMap(playground, 'dave', GUARDED, name);
  await closedLoop(8, OPEN_PER_REQUESTER_MAX, async (i) => {
    const id = proposalOf(await write(`voted-${i}`));
    const open = await committee.until(id, ({ deadlineVotingMs }) => deadlineVotingMs !== null, 120_000);
    const { decision, code } = await committee.vote('bob', open);
    if (decision !== 'DONE') throw new Error(`a vote: ${code}`);
    return true;
  });
  const answer = await write('one-more');
  if (codeOf(answer) !== 'GOVERNANCE_NO_PROPOSAL_OPENED') throw new Error(`beyond the cap: ${codeOf(answer)}`);
  return { beyondTheCap: `${answer.status} ${codeOf(answer)}` };
}
