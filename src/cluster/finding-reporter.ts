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
  /** Signs and submits; true if it is on the log. */
  readonly publish: (report: FindingReportDraft) => Promise<boolean>;
  readonly now: () => number;
}

/**
 * Keeps what the chain says in agreement with what this observer sees: reports what is new, adds to what is open, signs what others opened if it sees it too,
 * and says of what is open and no longer there that it is repaired.
 */
export class FindingReporter {
  readonly #d: Deps;
  readonly #sentMs = new Map<string, number>();
  /** Objects of each open episode that this process has named. */
  readonly #named = new Map<string, Set<string>>();

  constructor(deps: Deps) {
    this.#d = deps;
  }

  async report(): Promise<void> {
    for (const detector of this.#d.detectors) {
      if (!detector.isReady()) continue;
      const problems = detector.problems();
      for (const problem of problems) await this.#found(detector, problem);
      if (detector.isSettled?.() === false) continue;
      for (const finding of this.#d.open()) {
        const { kind, subject } = finding;
        const isSeen = problems.some((problem) => problem.kind === kind && problem.subject === subject);
        if (detector.kinds.includes(kind) && !isSeen && isRepairable(kind)) await this.#repaired(finding);
      }
    }
  }

  async #found(detector: Detector, problem: Problem): Promise<void> {
    const { kind, subject, value, detail, throughVersion, coverage } = problem;
    const latest = this.#d.latest(kind, subject);
    const isGoingOn = latest !== undefined && isOpen(latest);
    const episode = isGoingOn ? latest.episode : (latest?.episode ?? 0) + 1;
    const mine = isGoingOn ? latest.reports.find(({ org }) => org === this.#d.org) : undefined;
    const key = `${kind} ${subject} ${episode}`;
    // What others put on the log and is closed, by people or by a repair, is over; a slower observer does not open it again.
    const over = isGoingOn ? [] : problem.objects.filter((object) => isListed(latest, object));
    if (over.length > 0) detector.reported(kind, subject, over);
    const objects = problem.objects.filter((object) => !over.includes(object));
    if (over.length > 0 && objects.length === 0) return;
    const named = this.#named.get(key) ?? new Set(isGoingOn ? namedBy(latest, this.#d.org) : []);
    this.#named.set(key, named);
    const fresh = bounded(objects.filter((object) => !named.has(keyOfFound(object))));
    const isSaid = mine !== undefined && mine.holds && mine.value === value && fresh.length === 0;
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
    if (!(await this.#send(key, draft))) return;
    for (const object of fresh) named.add(keyOfFound(object));
    detector.reported(kind, subject, fresh);
  }

  async #repaired({ kind, subject, episode, reports }: Finding): Promise<void> {
    const mine = reports.find(({ org }) => org === this.#d.org);
    if (mine?.holds === false) return;
    const key = `${kind} ${subject} ${episode}`;
    const said = { finding: kind, subject, episode, sequence: (mine?.sequence ?? 0) + 1, holds: false, detail: '' };
    if (await this.#send(key, { ...nothingElse, ...said })) this.#named.delete(key);
  }

  async #send(key: string, draft: FindingReportDraft): Promise<boolean> {
    const sent = `${key} ${draft.sequence} ${draft.holds}`;
    const before = this.#sentMs.get(sent);
    if (before !== undefined && this.#d.now() - before < againMs) return false;
    this.#sentMs.set(sent, this.#d.now());
    const isOnLog = await this.#d.publish(draft);
    if (isOnLog) this.#sentMs.delete(sent);
    return isOnLog;
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

function isListed(finding: Finding | undefined, object: FoundObject): boolean {
  const isSame = (other: FoundObject): boolean =>
    other.uid === object.uid &&
    other.resourceVersion === object.resourceVersion &&
    other.resource === object.resource &&
    other.group === object.group;
  return finding?.objects.some(isSame) ?? false;
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
