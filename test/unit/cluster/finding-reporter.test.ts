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
let nowMs = 0;
let reporter: FindingReporter;

beforeEach(() => {
  [problems, known, said, isReady, isSettled, isOnLog, nowMs] = [[], [], [], true, true, true, 0];
  const detector = { kinds: ['webhook', 'unattributed', 'failed-open'] as const, isReady: () => isReady, isSettled: () => isSettled, problems: () => problems, reported: () => undefined };
  reporter = new FindingReporter({
    org: alpha,
    detectors: [detector],
    latest: (kind, subject) => known.find((one) => one.kind === kind && one.subject === subject),
    open: () => known.filter(({ state }) => state === 'SEEN' || state === 'CONFIRMED'),
    publish: async (draft) => {
      said.push(draft);
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
    known = [finding({ kind: 'failed-open', state: 'RATIFIED', objects: [{ ...over, by: ['beta' as OrgId] }] })];
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
        objects: [{ ...seen, by: ['beta' as OrgId] }],
      }),
    ];
    await reporter.report();
    expect(said).toEqual([]);
  });

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
