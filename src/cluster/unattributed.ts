import type { Finding, FindingCoverage, FoundObject } from '../types/finding.ts';
import type { Attribution } from './attribution.ts';
import type { Coverage } from './observer.ts';
import type { Detector, Problem } from './problem.ts';

/** An object that others name may be named by a liar; the watch of an honest API server shows it sooner. */
const namedWaitMs = 30_000;

interface Deps {
  readonly attribution: Pick<
    Attribution,
    'counts' | 'hasJudged' | 'hasReached' | 'reported' | 'problems' | 'throughVersion' | 'isWhole'
  >;
  /** Resources that are followed without a gap, and since when. */
  readonly coverage: () => Coverage;
  /** Observers that must agree. */
  readonly needed: () => number;
  readonly now: () => number;
}

/** What attribution found, as one finding for all objects: an outage is one, with one ratification. */
export class UnattributedDetector implements Detector {
  readonly kinds = ['unattributed'] as const;
  readonly #d: Deps;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  isReady = (): boolean => true;

  isSettled = (finding: Finding, sinceMs: number): boolean => {
    const { attribution, coverage, needed, now } = this.#d;
    if (!coverage().isComplete || !attribution.hasJudged(sinceMs)) return false;
    const agreed = finding.objects.filter(({ by }) => by.length >= needed());
    // Who did not see the deletion knows nothing of it, and what is gone is not put back: only a vote closes that.
    if (agreed.some(({ reason }) => reason === 'deleted')) return false;
    const isPatient = now() - sinceMs < namedWaitMs;
    return (isPatient ? finding.objects : agreed).every((object) => attribution.hasReached(object));
  };

  coverage = (): FindingCoverage => ({
    sinceMs: Math.floor(this.#d.coverage().sinceMs),
    compared: this.#d.attribution.counts.compared,
  });

  reported = (_kind: string, _subject: string, objects: readonly FoundObject[]): void =>
    this.#d.attribution.reported(objects);

  problems = (): readonly Problem[] => {
    const { attribution, coverage } = this.#d;
    const objects = attribution.problems();
    if (objects.length === 0) return [];
    return [
      {
        kind: 'unattributed',
        subject: 'objects',
        value: '',
        detail: detailOf(objects),
        objects,
        objectCount: objects.length,
        throughVersion: attribution.throughVersion,
        coverage: this.coverage(),
        isWhole: coverage().isComplete && attribution.isWhole,
      },
    ];
  };
}

function detailOf(objects: readonly FoundObject[]): string {
  const unjustified = objects.filter(({ reason }) => reason === 'unjustified').length;
  const what = `${objects.length} objects are not as any admitted record says`;
  return unjustified === 0 ? what : `${what}, ${unjustified} of them are a controller's and unjustified`;
}
