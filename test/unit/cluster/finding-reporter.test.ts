import { beforeEach, describe, expect, test } from 'vitest';
import { FindingReporter, type FindingReportDraft } from '../../../src/cluster/finding-reporter.ts';
import { nothingElse, type Problem } from '../../../src/cluster/problem.ts';
import type { ClusterId, LeafIndex, OrgId } from '../../../src/types/brand.ts';
import type { Finding, FoundObject } from '../../../src/types/finding.ts';

const alpha = 'alpha' as OrgId;
const gone: Problem = { ...nothingElse, kind: 'webhook', subject: 'east', detail: 'gone' };
const object = (name: string): FoundObject => ({
  group: '',
  resource: 'configmaps',
  namespace: 'prod',
  name,
  uid: name,
  resourceVersion: '7',
  reason: 'no-record',
});
const report = (org: string, holds = true, sequence = 1) => ({
  org: org as OrgId,
  leaf: 1 as LeafIndex,
  sequence,
  holds,
  value: '',
  objectCount: 0,
  throughVersion: '',
  coverage: null,
});
const finding = (more: Partial<Finding> = {}): Finding => ({
  v: 1, id: 1, cluster: 'main' as ClusterId, kind: 'webhook', subject: 'east', episode: 3, state: 'CONFIRMED', openedMs: 0, openedLeaf: 1 as LeafIndex,
  confirmedMs: null, closedMs: null, detail: '', reports: [report('beta')], objects: [], proposal: null, ...more,
}); // prettier-ignore

let problems: Problem[] = [];
let known: Finding[] = [];
let said: FindingReportDraft[] = [];
let isReady = true;
let isOnLog = true;
let isSettled = true;
let settledSince: number[] = [];
let needed = 1;
let isLost = false;
let nowMs = 0;
let reporter: FindingReporter;

beforeEach(() => {
  [problems, known, said, isReady, isSettled, isOnLog, nowMs] = [[], [], [], true, true, true, 0];
  [settledSince, needed, isLost] = [[], 1, false];
  const detector = { kinds: ['webhook', 'unattributed', 'failed-open'] as const, isReady: () => isReady, isSettled: (_: Finding, sinceMs: number) => (settledSince.push(sinceMs), isSettled), coverage: () => ({ sinceMs: 1, compared: 2 }), problems: () => problems, reported: () => undefined };
  reporter = new FindingReporter({
    org: alpha,
    detectors: [detector],
    latest: (kind, subject) => known.find((one) => one.kind === kind && one.subject === subject),
    closed: (kind, subject) =>
      known.filter((one) => one.closedMs !== null && one.kind === kind && one.subject === subject),
    needed: () => needed,
    open: () => known.filter(({ state }) => state === 'SEEN' || state === 'CONFIRMED'),
    publish: async (draft) => {
      said.push(draft);
      // Left out of the log: nothing is ever heard of it.
      if (isLost) await new Promise(() => undefined);
      return isOnLog;
    },
    now: () => nowMs,
  });
}); // prettier-ignore

describe('an observer keeps the log in agreement with what it sees (P4)', () => {
  test('opens the first episode, or the next one after one that is closed', async () => {
    problems = [gone];
    await reporter.report();
    known = [finding({ state: 'REPAIRED' })];
    await reporter.report();
    expect(said.map(({ episode, sequence, holds }) => [episode, sequence, holds])).toEqual([
      [1, 1, true],
      [4, 1, true],
    ]);
  });

  test('signs what another one opened, once', async () => {
    problems = [gone];
    known = [finding()];
    await reporter.report();
    known = [finding({ reports: [report('alpha'), report('beta')] })];
    await reporter.report();
    expect(said).toMatchObject([{ episode: 3, sequence: 1, holds: true }]);
  });

  test('says that it is repaired when it sees it no longer, and nothing while it cannot look', async () => {
    known = [finding({ reports: [report('alpha'), report('beta')] })];
    isReady = false;
    await reporter.report();
    expect(said).toEqual([]);
    isReady = true;
    isSettled = false;
    await reporter.report();
    expect(said).toEqual([]);
    isSettled = true;
    await reporter.report();
    expect(said).toMatchObject([{ episode: 3, sequence: 2, holds: false }]);
  });

  test('never declares an event repaired', async () => {
    known = [finding({ kind: 'failed-open', reports: [report('alpha')] })];
    await reporter.report();
    expect(said).toEqual([]);
  });

  test('an event that others reported and people have closed is not opened again', async () => {
    const [over, later] = [object('over'), object('later')];
    problems = [{ ...gone, kind: 'failed-open', objects: [over], objectCount: 1 }];
    known = [
      finding({ kind: 'failed-open', state: 'RATIFIED', closedMs: 1, objects: [{ ...over, by: ['beta' as OrgId] }] }),
    ];
    await reporter.report();
    expect(said).toEqual([]);
    problems = [{ ...gone, kind: 'failed-open', objects: [over, later], objectCount: 2 }];
    await reporter.report();
    expect(said.map((draft) => draft.objects)).toEqual([[later]]);
  });

  test('a slower observer does not open again what others saw repaired, whatever it now says of it', async () => {
    const seen = object('forged');
    problems = [
      {
        ...gone,
        kind: 'unattributed',
        subject: 'objects',
        objects: [{ ...seen, reason: 'other-content' }],
        objectCount: 1,
      },
    ];
    known = [
      finding({
        kind: 'unattributed',
        subject: 'objects',
        state: 'REPAIRED',
        closedMs: 1,
        objects: [{ ...seen, by: ['beta' as OrgId] }],
      }),
    ];
    await reporter.report();
    expect(said).toEqual([]);
  });

  test('nor adds it to what others found since', async () => {
    needed = 2;
    const [before, now] = [object('before'), object('now')];
    const both: readonly OrgId[] = ['beta' as OrgId, 'gamma' as OrgId];
    const of = { kind: 'unattributed', subject: 'objects' } as const;
    problems = [{ ...gone, ...of, objects: [before, now], objectCount: 2 }];
    known = [
      finding({ ...of, id: 2, episode: 4, objects: [{ ...now, by: both }] }),
      finding({ ...of, state: 'REPAIRED', closedMs: 1, objects: [{ ...before, by: both }] }),
    ];
    await reporter.report();
    expect(said.map((draft) => [draft.episode, draft.objects])).toEqual([[4, [now]]]);
  });

  test('what fewer named than must agree is not over: neither a vote nor a repair was about it', async () => {
    needed = 2;
    const [alone, agreed] = [object('alone'), object('agreed')];
    const of = { kind: 'unattributed', subject: 'objects' } as const;
    problems = [{ ...gone, ...of, objects: [alone, agreed], objectCount: 2 }];
    const named = (by: string) => [
      { ...alone, by: [by as OrgId] },
      { ...agreed, by: [by as OrgId, 'gamma' as OrgId] },
    ];
    known = [finding({ ...of, state: 'RATIFIED', closedMs: 1, objects: named('beta') })];
    await reporter.report();
    known = [finding({ ...of, episode: 4, state: 'RATIFIED', closedMs: 1, objects: named('alpha') })];
    nowMs += 10_000;
    await reporter.report();
    expect(said.map((draft) => draft.objects)).toEqual([[alone], [alone]]);
    // What it named itself and others looked at and did not see it does not open again and again; it signs what another one opens.
    known = [finding({ ...of, episode: 5, state: 'REPAIRED', closedMs: 1, objects: named('alpha') })];
    nowMs += 10_000;
    await reporter.report();
    expect(said).toHaveLength(2);
    known = [finding({ ...of, id: 2, episode: 6, objects: [{ ...alone, by: ['beta' as OrgId] }] }), ...known];
    await reporter.report();
    expect(said.at(-1)).toMatchObject({ episode: 6, objects: [alone] });
  });

  test('a report that is left out of the log keeps no other from being made', async () => {
    isLost = true;
    const of = { kind: 'unattributed', subject: 'objects' } as const;
    known = [finding({ ...of, reports: [report('alpha'), report('beta')] })];
    void reporter.report();
    problems = [gone];
    void reporter.report();
    // Closed by others; the next episode of the same is another finding.
    known = [finding({ ...of, state: 'REPAIRED', closedMs: 1 })];
    problems = [gone, { ...gone, ...of, objects: [object('next')], objectCount: 1 }];
    void reporter.report();
    expect(said.map(({ subject, episode, holds }) => [subject, episode, holds])).toEqual([
      ['objects', 3, false],
      ['east', 1, true],
      ['objects', 4, true],
    ]);
    void reporter.report();
    expect(said).toHaveLength(3);
  });

  test('since when it does not see a finding counts from the look at which it saw it no longer', async () => {
    isSettled = false;
    known = [finding()];
    nowMs = 1_000;
    await reporter.report();
    nowMs = 2_000;
    await reporter.report();
    problems = [gone];
    await reporter.report();
    problems = [];
    nowMs = 3_000;
    await reporter.report();
    expect(settledSince).toEqual([1_000, 1_000, 3_000]);
  });

  test('a repair says what was looked at', async () => {
    known = [finding()];
    await reporter.report();
    expect(said).toMatchObject([{ holds: false, coverage: { sinceMs: 1, compared: 2 } }]);
  });

  test('what was said while more was looked at is said once more when that is over, with all that was looked at', async () => {
    const of = { kind: 'unattributed', subject: 'objects' } as const;
    const first: Problem = { ...gone, ...of, objects: [object('first')], objectCount: 1, coverage: { sinceMs: 5, compared: 1 }, isWhole: false };
    problems = [first];
    await reporter.report();
    known = [finding({ ...of, episode: 1, reports: [report('alpha')], objects: [{ ...object('first'), by: [alpha] }] })];
    await reporter.report();
    expect(said).toHaveLength(1);
    problems = [{ ...first, coverage: { sinceMs: 5, compared: 2_113 }, isWhole: true }];
    await reporter.report();
    await reporter.report();
    expect(said.map(({ sequence, objects, coverage }) => [sequence, objects.length, coverage?.compared])).toEqual([[1, 1, 1], [2, 0, 2_113]]);
  }); // prettier-ignore

  test('names each object once, at most 50 a report', async () => {
    const objects = Array.from({ length: 70 }, (_, i) => object(`o${i}`));
    problems = [{ ...gone, kind: 'unattributed', subject: 'objects', objects, objectCount: 70 }];
    await reporter.report();
    known = [finding({ kind: 'unattributed', subject: 'objects', episode: 1, reports: [report('alpha')] })];
    await reporter.report();
    known = [finding({ kind: 'unattributed', subject: 'objects', episode: 1, reports: [report('alpha', true, 2)] })];
    await reporter.report();
    expect(said.map((draft) => draft.objects.length)).toEqual([50, 20]);
    expect(new Set(said.flatMap((draft) => draft.objects.map(({ name }) => name))).size).toBe(70);
  });

  test('says it again when it did not reach the log, not in a loop', async () => {
    problems = [gone];
    isOnLog = false;
    await reporter.report();
    await reporter.report();
    nowMs = 6_000;
    await reporter.report();
    expect(said).toHaveLength(2);
  });
});
