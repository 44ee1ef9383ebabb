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
/**
 * Far more than can be done, by what four writers of one user alone do in a second: of each crowd so many clients, and so many transactions that an organisation pushes a
 * second, but no more than this. The most that a user may have in progress is 256.
 */
const OVERLOAD = {
  greedy: { perRate: 9, most: 270 },
  busy: { perRate: 3, most: 100 },
  pushes: { perRate: 50, most: 2_000 },
} as const;
const NODE_MEGABYTES_MAX = 600;
/** In a shorter run the buffers are still being filled. */
const FLAT_FROM_MINUTES = 3;
/** In each stretch of so many blocks some change of a modest user must have been decided, however long the machine takes for them. */
const STRETCH_BLOCKS = 20;
const MODEST_CLIENTS = 4;
const ALONE_MS = 15_000;
/** What a change may be told when it is not allowed: all of them say "later" or "unknown", none of them "recorded". */
const REFUSALS = [
  'WEBHOOK_USER_BUSY',
  'WEBHOOK_BUSY',
  'WEBHOOK_HTTP',
  'MEMPOOL_FULL',
  'ADMISSION_QUEUE_LONG',
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

    const alone = await modest(committee, via, AbortSignal.timeout(ALONE_MS));
    const rate = alone.filter(({ change }) => change.isAllowed).length / (ALONE_MS / 1_000);
    const scaled = ({ perRate, most }: { readonly perRate: number; readonly most: number }): number =>
      Math.min(most, Math.max(8, Math.round(perRate * rate)));
    const crowds = (['greedy', 'busy'] as const).map((user) => [user, scaled(OVERLOAD[user])] as const);
    const flood = await FloodingPeer.start(committee, alpha, like);
    const memory = new MemoryWatch(others.map(({ run }) => run.pid));
    flood.begin(scaled(OVERLOAD.pushes));
    const ended = AbortSignal.timeout(MINUTES * 60_000);
    const asking = crowds.flatMap(([user, clients]) =>
      Array.from({ length: clients }, (_, i) => client(committee, `${user}-${i}`, user, via, ended)),
    );
    const beside = await modest(committee, via, ended);
    const crowd = (await Promise.all(asking)).flat();
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
    const ofUser = (user: string): readonly Seen[] => crowd.filter(({ change }) => change.name.startsWith(user));
    const mostBlocks = mostBlocksBetween(beside);
    const figures = {
      minutes: MINUTES,
      pushed: flood.pushed,
      nodeMegabytes: highest.join(' '),
      nodeMegabytesSecondAndLastQuarter: memory.quarters.map((each) => each.join('-')).join(' '),
      nodeMegabytesAMinute: memory.slopes.join(' '),
      modestAlone: timesOf(alone),
      modestBeside: timesOf(beside),
      longestWithoutModestMs: longest,
      mostBlocksWithoutModest: mostBlocks,
      ...Object.fromEntries(
        crowds.map(([user, clients]) => [user, `${clients} clients, ${timesOf(ofUser(user))}`] as const),
      ),
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
    isHeld(mostBlocks <= STRETCH_BLOCKS, `no change of a modest user in ${mostBlocks} blocks`);
    const share = ms(beside).length / MODEST_CLIENTS;
    for (const [user, clients] of crowds)
      isHeld(ms(ofUser(user)).length / clients <= share, `a client of ${user} got more than one of a modest user`);
    isHeld(ms(beside).length > 0, 'no change of a modest user was allowed');
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

/** Some writers of one user: what the others are to be fair to. */
async function modest(committee: Committee, via: readonly string[], ended: AbortSignal): Promise<readonly Seen[]> {
  const id = Math.random().toString(36).slice(2);
  const seen = await Promise.all(
    Array.from({ length: MODEST_CLIENTS }, (_, i) => client(committee, `modest-${id}-${i}`, 'alice', via, ended)),
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
