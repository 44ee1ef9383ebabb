import type { OrgId } from '../types/brand.ts';
import type { Finding, FindingKind, FoundObject } from '../types/finding.ts';
import type { FindingPayload } from '../types/transaction.ts';
import { keyOfFound } from './attribution.ts';
import { nothingElse, type Detector, type Problem } from './problem.ts';

/** A report that is not on the log after this long is made again. */
const againMs = 5_000;
/** Objects of one report, and the characters of their names: a transaction holds 60,000 bytes. */
const objectsMax = 50;
const objectCharsMax = 25_000;

export type FindingReportDraft = Omit<
  FindingPayload,
  'v' | 'alg' | 'chain' | 'notAfterMs' | 'node' | 'kind' | 'cluster'
>;

interface Deps {
  readonly org: OrgId;
  readonly detectors: readonly Detector[];
  /** The latest finding of a kind and subject, open or closed. */
  readonly latest: (kind: FindingKind, subject: string) => Finding | undefined;
  readonly open: () => readonly Finding[];
  /** Findings of that kind and subject that are closed, as far back as a slow observer may still see their objects. */
  readonly closed: (kind: FindingKind, subject: string) => Iterable<Finding>;
  /** Of so many organisations at least one is honest. */
  readonly needed: () => number;
  /** Signs and submits; true if it is on the log. May take long: what loses a race with the end of its finding is left out of the log without a word. */
  readonly publish: (report: FindingReportDraft) => Promise<boolean>;
  /** A report is on the log, sent at that time, with these objects for the first time. */
  readonly reported?: (kind: FindingKind, objects: readonly FoundObject[], sentMs: number) => void;
  /** Milliseconds of the clock that detectors go by. */
  readonly now: () => number;
}

/**
 * Keeps what the chain says in agreement with what this observer sees: reports what is new, adds to what is open, signs what others opened if it sees it too,
 * and says of what is open and no longer there that it is repaired.
 */
export class FindingReporter {
  readonly #d: Deps;
  readonly #sentMs = new Map<string, number>();
  /** Episodes of which a report is on its way, and since when. */
  readonly #underwayMs = new Map<string, number>();
  /** Objects of each open episode that this process has named. */
  readonly #named = new Map<string, Set<string>>();
  /** Episodes whose last report was made while more was being looked at. */
  readonly #partial = new Set<string>();
  /** Open findings that this observer does not see, by id, and since when. */
  readonly #unseenMs = new Map<number, number>();

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** Looks once. Resolves when everything that this look sent has its outcome; the next look need not wait for that, one report keeps no other from being made. */
  async report(): Promise<void> {
    const open = this.#d.open();
    for (const id of this.#unseenMs.keys()) if (!open.some((finding) => finding.id === id)) this.#unseenMs.delete(id);
    const sent: Promise<void>[] = [];
    for (const detector of this.#d.detectors) {
      if (!detector.isReady()) continue;
      const problems = detector.problems();
      sent.push(...problems.map((problem) => this.#found(detector, problem)));
      for (const finding of open) {
        const { id, kind, subject } = finding;
        if (!detector.kinds.includes(kind) || !isRepairable(kind)) continue;
        if (problems.some((problem) => problem.kind === kind && problem.subject === subject)) {
          this.#unseenMs.delete(id);
          continue;
        }
        const sinceMs = this.#unseenMs.get(id) ?? this.#d.now();
        this.#unseenMs.set(id, sinceMs);
        if (detector.isSettled?.(finding, sinceMs) !== false) sent.push(this.#repaired(detector, finding));
      }
    }
    await Promise.all(sent);
  }

  async #found(detector: Detector, problem: Problem): Promise<void> {
    const { kind, subject, value, detail, throughVersion, coverage } = problem;
    const latest = this.#d.latest(kind, subject);
    const isGoingOn = latest !== undefined && isOpen(latest);
    const episode = isGoingOn ? latest.episode : (latest?.episode ?? 0) + 1;
    const mine = isGoingOn ? latest.reports.find(({ org }) => org === this.#d.org) : undefined;
    const key = `${kind} ${subject} ${episode}`;
    const over = this.#overOf(problem, isGoingOn ? latest : undefined);
    if (over.length > 0) detector.reported(kind, subject, over);
    const objects = problem.objects.filter((object) => !over.includes(object));
    if (over.length > 0 && objects.length === 0) return;
    const named = this.#named.get(key) ?? new Set(isGoingOn ? namedBy(latest, this.#d.org) : []);
    this.#named.set(key, named);
    const fresh = bounded(objects.filter((object) => !named.has(keyOfFound(object))));
    const isCovered = problem.isWhole === false || !this.#partial.has(key);
    const isSaid = mine !== undefined && mine.holds && mine.value === value && fresh.length === 0 && isCovered;
    if (isSaid) {
      detector.reported(kind, subject, problem.objects);
      return;
    }
    const sequence = (mine?.sequence ?? 0) + 1;
    // Of an event the log holds every one; what one process counts starts anew with it.
    const objectCount = isRepairable(kind)
      ? problem.objectCount
      : Math.max(problem.objectCount, named.size + fresh.length);
    const draft = { finding: kind, subject, episode, sequence, holds: true, value, detail: detail.slice(0, 1_000), objects: fresh, objectCount, throughVersion, coverage }; // prettier-ignore
    const sentMs = this.#d.now();
    if (!(await this.#send(key, draft))) return;
    this.#d.reported?.(kind, fresh, sentMs);
    for (const object of fresh) named.add(keyOfFound(object));
    if (problem.isWhole === false) this.#partial.add(key);
    else this.#partial.delete(key);
    detector.reported(kind, subject, fresh);
  }

  /**
   * What others put on the log and is closed is over: a slower observer neither opens it again nor adds it to what is found next. Closed by a vote is what the vote
   * was about, and that is what enough organisations named; closed by a repair is also what this one named and enough others did not see.
   */
  #overOf({ kind, subject, objects }: Problem, open: Finding | undefined): readonly FoundObject[] {
    if (objects.length === 0) return [];
    const needed = this.#d.needed();
    const over = new Set<string>();
    for (const { state, objects: named } of this.#d.closed(kind, subject))
      for (const object of named) {
        const isOwn = state === 'REPAIRED' && object.by.includes(this.#d.org);
        if (object.by.length >= needed || isOwn) over.add(versionOf(object));
      }
    for (const object of open?.objects ?? []) over.delete(versionOf(object));
    return objects.filter((object) => over.has(versionOf(object)));
  }

  async #repaired(detector: Detector, { kind, subject, episode, reports }: Finding): Promise<void> {
    const mine = reports.find(({ org }) => org === this.#d.org);
    if (mine?.holds === false) return;
    const key = `${kind} ${subject} ${episode}`;
    const said = { finding: kind, subject, episode, sequence: (mine?.sequence ?? 0) + 1, holds: false, detail: '' };
    const coverage = detector.coverage?.() ?? null;
    if (await this.#send(key, { ...nothingElse, ...said, coverage })) this.#named.delete(key);
  }

  async #send(key: string, draft: FindingReportDraft): Promise<boolean> {
    const sent = `${key} ${draft.sequence} ${draft.holds}`;
    const nowMs = this.#d.now();
    const isRecent = (atMs: number | undefined): boolean => atMs !== undefined && nowMs - atMs < againMs;
    if (isRecent(this.#underwayMs.get(key)) || isRecent(this.#sentMs.get(sent))) return false;
    this.#underwayMs.set(key, nowMs);
    this.#sentMs.set(sent, nowMs);
    try {
      const isOnLog = await this.#d.publish(draft);
      if (isOnLog) this.#sentMs.delete(sent);
      return isOnLog;
    } finally {
      if (this.#underwayMs.get(key) === nowMs) this.#underwayMs.delete(key);
    }
  }
}

function isOpen({ state }: Finding): boolean {
  return state === 'SEEN' || state === 'CONFIRMED';
}

function isRepairable(kind: FindingKind): boolean {
  return kind !== 'failed-open' && kind !== 'impersonation';
}

function namedBy({ objects }: Finding, org: OrgId): readonly string[] {
  return objects.flatMap(({ by, ...object }) => (by.includes(org) ? [keyOfFound(object)] : []));
}

/** Observers may not agree on the reason. */
function versionOf({ group, resource, uid, resourceVersion }: FoundObject): string {
  return `${group}/${resource}/${uid}/${resourceVersion}`;
}

function bounded(objects: readonly FoundObject[]): readonly FoundObject[] {
  let chars = 0;
  const taken: FoundObject[] = [];
  for (const object of objects.slice(0, objectsMax)) {
    chars +=
      object.group.length +
      object.resource.length +
      object.namespace.length +
      object.name.length +
      object.uid.length +
      150;
    if (chars > objectCharsMax && taken.length > 0) break;
    taken.push(object);
  }
  return taken;
}
