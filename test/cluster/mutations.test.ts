import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exclusionsFor } from '../../src/change/index.ts';
import type { Hash } from '../../src/types/brand.ts';
import { nodeAgents } from '../playground/full-control-plane.ts';
import { auditedWrites, isNamedByExclusions, type AuditedWrite } from './mutations/audited.ts';
import { actualLines, expectedLines } from './mutations/compare.ts';
import { attestContext, digestsOfStored, textOf } from './mutations/digest.ts';
import { followedLines, foundLines, unrecorded, type FollowedWorld } from './mutations/followed.ts';
import { History, WATCHED } from './mutations/history.ts';
import { MutationLog, type MutationLeaf } from './mutations/mutation-log.ts';
import {
  belongsTo,
  decisionsOf,
  namespaceOf,
  play,
  PREPARER,
  voteAndRepeat,
  type Played,
  type Voted,
} from './mutations/play.ts';
import { recordedWrites } from './mutations/recorded-log.ts';
import { refusedRecords, type Row } from './mutations/row.ts';
import { CONCURRENCY } from './mutations/rows/concurrency.ts';
import { SUITE_POLICY } from './mutations/suite-policy.ts';
import { CHAPTERS, ROWS } from './mutations/table.ts';
import { call } from './objects.ts';
import { withPlayground } from './with-playground.ts';

/** Rows that are played at one time: waiting for controllers, not computing, is what most of them do. */
const PLAYED_AT_ONCE = 4;
const PLAY_TIMEOUT_MS = 900_000;
/** What the control plane wrote goes to the log a moment later, and what a row leads to may go on for a while. */
const RECORDED_TIMEOUT_MS = 120_000;
const POLL_INTERVAL_MS = 1_000;
/** Stored versions that no decision is about. */
const FOLLOWED_MIN = 150;
/** Records whose object nobody else wrote to. */
const COMPARED_MIN = 35;

type Outcome = Played | Error;
interface Both {
  readonly free: Outcome;
  readonly governed: Outcome;
}

const outcomes = new Map<string, Both>();
const votedFor = new Map<string, Voted | Error>();
/** Records of the governed halves, before anything was voted for. */
const refusals = new Map<string, readonly MutationLeaf[]>();
let leaves: readonly MutationLeaf[] = [];
let writes: readonly AuditedWrite[] = [];
let log: MutationLog;
let history: History | undefined;
let followed: FollowedWorld;

const world = withPlayground({ controlPlane: 'full' }, async ({ committee }) => {
  await committee.enforce('rows', SUITE_POLICY);
});

beforeAll(async () => {
  const { playground, committee } = world;
  log = new MutationLog(committee);
  await log.catchUp();
  history = await History.start(playground);
  await eachAtOnce(
    ROWS.flatMap((row) => [namespaceOf(row, false), namespaceOf(row, true)]),
    async (name) => {
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      const { status, message } = await call(playground, PREPARER, '/api/v1/namespaces', { method: 'POST', body });
      if (status !== 201) throw new Error(`namespace ${name}: ${status} ${message}`);
    },
  );
  const halves = ROWS.flatMap((row) => [
    { row, isGoverned: false },
    { row, isGoverned: true },
  ]);
  const played = new Map<string, Outcome>();
  await eachAtOnce(halves, async ({ row, isGoverned }) => {
    const outcome = await play({ playground, committee, log }, row, isGoverned).catch(
      (error: unknown) => error as Error,
    );
    played.set(namespaceOf(row, isGoverned), outcome);
    if (!isGoverned || outcome instanceof Error) return;
    refusals.set(row.id, decisionsOf(log, outcome.ns));
    if (row.voted !== true) return;
    const again = voteAndRepeat({ playground, committee, log }, row, outcome);
    votedFor.set(row.id, await again.catch((error: unknown) => error as Error));
  });
  for (const row of ROWS) {
    const half = (isGoverned: boolean) => played.get(namespaceOf(row, isGoverned)) ?? new Error('not played');
    outcomes.set(row.id, { free: half(false), governed: half(true) });
  }
  followed = await everythingRecorded(history);
  leaves = log.leaves;
  writes = auditedWrites(playground.cluster.auditLog);
}, PLAY_TIMEOUT_MS);

afterAll(() => history?.stop());

/** Once all that the tests look for is there; what still misses after a time is theirs to say. */
async function everythingRecorded(seen: History): Promise<FollowedWorld> {
  const context = attestContext(world.playground);
  const deadline = performance.now() + RECORDED_TIMEOUT_MS;
  for (;;) {
    await seen.catchUp();
    const versions = ofRows(seen);
    await log.catchUp();
    const now = { versions, decisions: log.leaves, writes: await recordedWrites(world.committee) };
    const isThere = FOLLOWING.every(({ row, follows }) => {
      const ns = namespaceOf(row, false);
      return foundLines(follows, ns, now).join('\n') === followedLines(follows, ns).join('\n');
    });
    if ((isThere && unrecorded(now, context).length === 0) || performance.now() > deadline) return now;
    await sleep(POLL_INTERVAL_MS);
  }
}

/** Some namespaces are like a row's, with an end. */
function ofRows({ versions }: History): FollowedWorld['versions'] {
  const scopes = ROWS.flatMap((row) => [namespaceOf(row, false), namespaceOf(row, true)]);
  return versions.filter(({ namespace }) => scopes.some((ns) => namespace === ns || namespace.startsWith(`${ns}-`)));
}

async function eachAtOnce<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: PLAYED_AT_ONCE }, worker));
}

const FOLLOWING = ROWS.flatMap((row) => (row.follows === undefined ? [] : [{ row, follows: row.follows }]));

function playedOf(row: Row, half: keyof Both): Played {
  const outcome = outcomes.get(row.id)?.[half];
  if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error(`${row.id} was not played`);
  return outcome;
}

describe.each(CHAPTERS)('P2 every mutation is on the log: $title', ({ rows }) => {
  test.each(rows)('$id: $what', (row) => {
    const played = playedOf(row, 'free');
    for (const { ok, said } of played.attempts) {
      if (row.ends === undefined) expect(ok, said).toBe(true);
      else expect(said).toMatch(row.ends);
    }
    expect(actualLines(row.records, 'ADMITTED', played, decisionsOf(log, played.ns))).toEqual(
      expectedLines(row.records, 'ADMITTED', played.ns),
    );
  });
});

describe.each(CHAPTERS)('P1 no mutation that a policy matches goes on before the votes: $title', ({ rows }) => {
  test.each(rows)('$id: $what', (row) => {
    const played = playedOf(row, 'governed');
    const records = refusedRecords(row);
    const said = played.attempts.map((attempt) => attempt.said).join('\n');
    expect(actualLines(records, 'REFUSED', played, refusals.get(row.id) ?? []), said).toEqual(
      expectedLines(records, 'REFUSED', played.ns),
    );
    if (records.length === 0) {
      for (const { ok, said } of played.attempts) expect(`${ok} ${said}`).toMatch(row.ends ?? /^true /);
      return;
    }
    expect(played.attempts.map(({ ok }) => ok)).toEqual(played.attempts.map(() => false));
    // The warning is there also where kubectl shows another error than ours (autoscale), and the error where it shows no warning (exec).
    expect(played.attempts[0]?.said).toMatch(/proposal\/\d+ is OPEN/);
    // Nothing was made, changed or removed.
    for (const [path, was] of played.before) {
      const is = played.after.get(path);
      expect([path, is?.uid, is?.content]).toEqual([path, was.uid, was.content]);
    }
  });
});

describe('P1 what was voted for is what is stored', () => {
  test.each(ROWS.filter(({ voted }) => voted))('$id: $what', ({ id }) => {
    const outcome = votedFor.get(id);
    if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error(`${id} was not voted for`);
    const { attempts, proposals, decisions } = outcome;
    for (const { ok, said } of attempts) expect(ok, said).toBe(true);
    expect(proposals).toHaveLength(1);
    const [proposal] = proposals;
    // The digest of the stored object is the one that was voted for: observers of f + 1 organisations compared them.
    expect(proposal?.changes.map(({ state }) => state)).toEqual(['EXECUTED']);
    expect(proposal?.changes[0]?.persistedBy?.length).toBeGreaterThanOrEqual(2);
    expect(decisions.length).toBeGreaterThan(0);
    for (const { result } of decisions) expect(result).toMatchObject({ decision: 'ADMITTED', proposal: proposal?.id });
  });
});

test('the digest that was recorded is the one of the object that was stored', () => {
  const context = attestContext(world.playground);
  const recorded: string[] = [];
  const stored: string[] = [];
  for (const row of ROWS) {
    const played = playedOf(row, 'free');
    const decisions = decisionsOf(log, played.ns);
    for (const leaf of decisions) {
      const { uid } = leaf.attributes;
      // Of several changes of one object only the last one's result can be read.
      if (decisions.filter(({ attributes }) => attributes.uid === uid).length > 1) continue;
      const digests = digestsOfStored(leaf, played, context);
      if (digests === undefined) continue;
      const { operation, resource, name } = leaf.attributes;
      recorded.push(`${row.id} ${operation} ${resource} ${name}: ${textOf(leaf.digest)}`);
      stored.push(`${row.id} ${operation} ${resource} ${name}: ${digests}`);
    }
  }
  expect(recorded).toEqual(stored);
  expect(stored.length).toBeGreaterThan(COMPARED_MIN);
});

describe('P2 what the control plane makes of a change is on the log, with the owners that lead back to it', () => {
  test.each(FOLLOWING)('$row.id: $row.what', ({ row, follows }) => {
    const ns = namespaceOf(row, false);
    expect(foundLines(follows, ns, followed)).toEqual(followedLines(follows, ns));
  });

  test('each version that was stored has a decision or a record, with the digest of exactly that version', () => {
    expect(unrecorded(followed, attestContext(world.playground))).toEqual([]);
    const decided = new Set(followed.decisions.map(({ attributes }) => attributes.uid));
    const left = followed.versions.filter(({ uid }) => !decided.has(uid));
    expect(left.length).toBeGreaterThan(FOLLOWED_MIN);
    expect(new Set(left.map(({ resource }) => resource))).toEqual(new Set(WATCHED));
  });

  test.each(WATCHED)(
    'of %s a record that is missing, or is of another content, would have been noticed',
    (resource) => {
      const context = attestContext(world.playground);
      const isRecorded = (uid: string): boolean =>
        followed.writes.some(({ attributes: a }) => a.uid === uid && a.operation === 'CREATE');
      const made = followed.versions.find(
        (version) => version.resource === resource && version.how === 'ADDED' && isRecorded(version.uid),
      );
      const isOf = ({ attributes }: FollowedWorld['writes'][number]): boolean =>
        attributes.uid === made?.uid && attributes.operation === 'CREATE';
      const missing = [`ADDED ${resource} ${made?.namespace}/${made?.name} at ${made?.resourceVersion}`];
      const writes = followed.writes.filter((write) => !isOf(write));
      expect(unrecorded({ ...followed, writes }, context)).toEqual(missing);
      const digest = { diff: '0'.repeat(64) as Hash, strict: '0'.repeat(64) as Hash };
      const altered = followed.writes.map((write) => (isOf(write) ? { ...write, digest } : write));
      expect(unrecorded({ ...followed, writes: altered }, context)).toEqual(missing);
    },
  );
});

describe('the log tells the whole truth', () => {
  test('every decision belongs to a row, or to whoever prepared it: nothing of a controller is on the log', () => {
    const scopes = ROWS.flatMap((row) => [namespaceOf(row, false), namespaceOf(row, true)]);
    const others = leaves.filter(
      ({ attributes }) => attributes.user !== PREPARER && !scopes.some((ns) => belongsTo(attributes, ns)),
    );
    expect(others.map(({ attributes }) => attributes)).toEqual([]);
    expect(leaves.length).toBeGreaterThan(2 * ROWS.length);
  });

  test('each decision has a witness of every hook, and no witness is left without a partner', () => {
    const decided = leaves.filter(({ result }) => result.decision !== 'WAITING');
    const waiting = leaves.filter(({ result }) => result.decision === 'WAITING');
    expect(decided.map(({ result }) => result.witnesses.length)).toEqual(decided.map(() => 1));
    const paired = new Set<number>(decided.flatMap(({ result }) => result.witnesses));
    // Of identical requests at once one node may answer from the proposal that is open already, while another still submits.
    const raced = CONCURRENCY.map((row) => namespaceOf(row, true));
    const alone = waiting.filter(
      ({ index, attributes }) => !paired.has(index) && !raced.some((ns) => belongsTo(attributes, ns)),
    );
    expect(alone).toEqual([]);
  });

  test('every write that the API server carried out is on the log, or is of an (actor, operation, resource) that the exclusions name', () => {
    const exclusions = exclusionsFor({ nodeAgents: nodeAgents('full') });
    // Rows without a record are judged by themselves: an empty difference, a dry run that hides in its object.
    const judged = ROWS.filter(({ records }) => records.length === 0).flatMap((row) => [
      namespaceOf(row, false),
      namespaceOf(row, true),
    ]);
    const unknown = writes.filter(
      (write) =>
        write.leaf === undefined && !judged.includes(write.namespace) && !isNamedByExclusions(write, exclusions),
    );
    expect(unknown).toEqual([]);
    // Controllers really worked: most kinds of their writes were seen.
    const left = writes.filter(({ leaf }) => leaf === undefined);
    expect(new Set(left.map(({ user, resource }) => `${user} ${resource}`)).size).toBeGreaterThan(25);
  });

  test('the record that the audit log of the API server names is the one of that change', () => {
    const decisions = new Map(leaves.map((leaf) => [leaf.index, leaf]));
    const joined = writes.filter(({ leaf }) => leaf !== undefined && decisions.has(leaf));
    expect(joined.length).toBeGreaterThan(ROWS.length);
    for (const { leaf = -1, user, resource, namespace } of joined) {
      const attributes = decisions.get(leaf)?.attributes;
      const { group = '', resource: name = '', subresource = '' } = attributes ?? {};
      expect(`${attributes?.user} ${[group, name, subresource].join('/')}`).toBe(`${user} ${resource}`);
      // A Namespace is in itself only for a review.
      if (name !== 'namespaces') expect(attributes?.namespace).toBe(namespace);
    }
  });
});
