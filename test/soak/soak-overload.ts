/**
 * P8: minutes of more than the nodes can do: an organisation that floods the others with well signed transactions, and hundreds of clients at their hooks. Memory stays
 * flat, whatever is refused is refused with a clear code, the other organisations' changes go on, and nothing that was allowed is lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../bench/figure.ts';
import { Committee, type Change } from '../fault/committee.ts';
import type { HookAnswer } from '../fault/hook-client.ts';
import { FloodingPeer } from '../fault/flooding-peer.ts';
import { MemoryWatch } from './memory-watch.ts';
import { tally } from './tally.ts';

const MINUTES = Number(process.env['SOAK_OVERLOAD_MINUTES'] ?? 10);
const PER_SECOND = Number(process.env['SOAK_OVERLOAD_PUSHES'] ?? 2_000);
/** One user with more than it may have in progress (256), and another one with a hundred. */
const CROWD = [
  ['greedy', 270],
  ['busy', 100],
] as const;
const NODE_MEGABYTES_MAX = 600;
/** In a shorter run the buffers are still being filled. */
const FLAT_FROM_MINUTES = 3;
/** In each stretch of so many seconds some change of a modest user must have been allowed. */
const STRETCH_SECONDS = 20;
/** What a change may be told when it is not allowed: all of them say "later" or "unknown", none of them "recorded". */
const REFUSALS = [
  'WEBHOOK_USER_BUSY',
  'WEBHOOK_BUSY',
  'WEBHOOK_HTTP',
  'MEMPOOL_FULL',
  'OUTCOME_UNKNOWN',
  'OUTCOME_TOO_LATE',
  'WEBHOOK_DEADLINE',
];
const LEAVES_AT_ONCE = 100;

export async function soak(): Promise<Readonly<Record<string, number | string>>> {
  const committee = await Committee.found();
  try {
    await committee.start();
    await committee.mustChange('first');
    const alpha = committee.node('alpha');
    const like = await alpha.reader.newestAttestation();
    await alpha.stop();
    const others = committee.nodes.filter((node) => node !== alpha);
    const via = ['beta', 'gamma'];

    const alone = await modest(committee, via, AbortSignal.timeout(10_000));
    const flood = await FloodingPeer.start(committee, alpha, like);
    const memory = new MemoryWatch(others.map(({ run }) => run.pid));
    flood.begin(PER_SECOND);
    const ended = AbortSignal.timeout(MINUTES * 60_000);
    const greedy = CROWD.flatMap(([user, clients]) =>
      Array.from({ length: clients }, (_, i) => client(committee, `${user}-${i}`, user, via, ended)),
    );
    const beside = await modest(committee, via, ended);
    const crowd = (await Promise.all(greedy)).flat();
    await flood.stop();
    const highest = memory.stop();
    const changes = [...alone, ...beside, ...crowd];
    const allowed = changes.filter(({ change }) => change.isAllowed);

    const refusals = changes.flatMap(({ change }) => change.answers.filter(({ isAllowed }) => !isAllowed));
    // Where this process itself is too busy to hear an answer in time, it gives up as an API server does, and knows nothing.
    const isClear = ({ code, message }: HookAnswer): boolean =>
      REFUSALS.includes(code) || (code === 'NO_ANSWER' && message.startsWith('no answer within'));
    const strange = tally(
      refusals.filter((answer) => !isClear(answer)).map(({ code, message }) => `${code} ${message.slice(0, 60)}`),
    );
    const longest = longestGapMs(beside);
    const ms = (seen: readonly Seen[]): number[] =>
      seen.filter(({ change }) => change.isAllowed).map((each) => each.ms);
    const timesOf = (seen: readonly Seen[]): string => {
      const times = ms(seen);
      const at = (share: number): number => Math.round(times.length === 0 ? 0 : quantile(times, share));
      return `${times.length} of ${seen.length} allowed, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
    };
    const figures = {
      minutes: MINUTES,
      pushed: flood.pushed,
      nodeMegabytes: highest.join(' '),
      nodeMegabytesSecondAndLastQuarter: memory.quarters.map((each) => each.join('-')).join(' '),
      modestAlone: timesOf(alone),
      modestBeside: timesOf(beside),
      longestWithoutModestMs: longest,
      mostBlocksWithoutModest: mostBlocksBetween(beside),
      greedy: timesOf(crowd.filter(({ change }) => change.name.startsWith('greedy'))),
      busy: timesOf(crowd.filter(({ change }) => change.name.startsWith('busy'))),
      refusals: tally(refusals.map(({ code }) => code)),
      refusalsOfModest: tally(
        beside.flatMap(({ change }) => change.answers.filter(({ isAllowed }) => !isAllowed).map(({ code }) => code)),
      ),
    };
    const isHeld = (holds: boolean, otherwise: string): void => {
      if (!holds) throw new Error(`${otherwise}; ${JSON.stringify(figures)}`);
    };
    isHeld(strange === '', `refusals without a clear code: ${strange}`);
    isHeld(
      highest.every((megabytes) => megabytes <= NODE_MEGABYTES_MAX),
      'memory',
    );
    if (MINUTES >= FLAT_FROM_MINUTES) memory.expectFlat();
    isHeld(longest <= STRETCH_SECONDS * 1_000, `no change of a modest user for ${longest} ms`);
    await expectInLog(
      committee,
      allowed.map(({ change }) => change),
    );
    await alpha.start();
    await alpha.ready(600_000);
    const { height } = await committee.agreed(600_000);
    // What the flood left in the pools may make one more block while they stop.
    await Promise.all(committee.nodes.map((node) => node.stop()));
    const found = (await Promise.all(committee.nodes.map((node) => node.fsck()))).flatMap(({ problems }) => problems);
    if (found.length > 0) throw new Error(`fsck: ${JSON.stringify(found)}`);
    return { ...figures, height };
  } finally {
    await committee.close();
  }
}

interface Seen {
  readonly change: Change;
  readonly ms: number;
  /** Of `performance`. */
  readonly endMs: number;
}

/** Four writers of one user: what the others are to be fair to. */
async function modest(committee: Committee, via: readonly string[], ended: AbortSignal): Promise<readonly Seen[]> {
  const id = Math.random().toString(36).slice(2);
  const seen = await Promise.all(
    Array.from({ length: 4 }, (_, i) => client(committee, `modest-${id}-${i}`, 'alice', via, ended)),
  );
  return seen.flat();
}

/** One change after the other; a refusal is waited out for a second, as clients do. */
async function client(
  committee: Committee,
  name: string,
  user: string,
  via: readonly string[],
  ended: AbortSignal,
): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  for (let i = 0; !ended.aborted; i += 1) {
    const startedMs = performance.now();
    const change = await committee.change(`${name}-${i}`, via, undefined, user);
    const endMs = performance.now();
    seen.push({ change, ms: endMs - startedMs, endMs });
    if (!change.isAllowed) await sleep(1_000);
  }
  return seen;
}

function longestGapMs(seen: readonly Seen[]): number {
  const ends = seen.map(({ endMs }) => endMs).sort((a, b) => a - b);
  const allowed = seen
    .filter(({ change }) => change.isAllowed)
    .map(({ endMs }) => endMs)
    .sort((a, b) => a - b);
  const marks = [ends[0] ?? 0, ...allowed, ends.at(-1) ?? 0];
  return Math.round(Math.max(...marks.map((mark, i) => mark - (marks[i - 1] ?? mark))));
}

/** Heights between two changes that were allowed, one after the other: however slow the machine is, this says whose turn it was. */
function mostBlocksBetween(seen: readonly Seen[]): number {
  const heights = seen
    .flatMap(({ change }) => (change.isAllowed ? [Math.max(...change.answers.map(({ height }) => height ?? 0))] : []))
    .sort((a, b) => a - b);
  return Math.max(0, ...heights.slice(1).map((height, i) => height - (heights[i] ?? height)));
}

/** Every allowed answer's decision stands where the answer said, on every node, proven. */
async function expectInLog(committee: Committee, changes: readonly Change[]): Promise<void> {
  const named = new Map<number, string>();
  for (const { name, answers } of changes) for (const { leaf } of answers) if (leaf !== null) named.set(leaf, name);
  const indexes = [...named.keys()].sort((a, b) => a - b);
  for (const { org, reader } of committee.nodes.filter(({ isRunning }) => isRunning)) {
    for (let at = 0; at < indexes.length; at += LEAVES_AT_ONCE) {
      for (const { index, name, decision } of await reader.recordsAt(indexes.slice(at, at + LEAVES_AT_ONCE)))
        if (decision !== 'ADMITTED' || name !== named.get(index))
          throw new Error(`${org} has ${decision} ${name} at ${index}, where ${named.get(index)} was allowed`);
    }
  }
}
