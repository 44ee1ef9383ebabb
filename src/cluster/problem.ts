import type { Finding, FindingCoverage, FindingKind, FoundObject } from '../types/finding.ts';

/** What a detector sees now and an observer should have on the log. */
export interface Problem {
  readonly kind: FindingKind;
  readonly subject: string;
  /** Hash of what is there in place of what must be; empty if nothing is. */
  readonly value: string;
  readonly detail: string;
  readonly objects: readonly FoundObject[];
  readonly objectCount: number;
  readonly throughVersion: string;
  readonly coverage: FindingCoverage | null;
  /** False while this is what was found first, with more still to be looked at: the coverage is then said once more at the end. */
  readonly isWhole?: boolean;
}

/** One way of looking. Only what it can see now says anything: an empty list of a detector that is not ready is no repair. */
export interface Detector {
  readonly kinds: readonly FindingKind[];
  readonly isReady: () => boolean;
  /**
   * Whether this observer may say that an open finding which it does not see is repaired. `sinceMs`: since when it does not see it. False while something is still
   * being looked at: what was found counts, that nothing else is there cannot be said yet.
   */
  readonly isSettled?: (finding: Finding, sinceMs: number) => boolean;
  /** What was looked at, to be said with a repair too. */
  readonly coverage?: () => FindingCoverage;
  readonly problems: () => readonly Problem[];
  /** These objects of it are on the log. */
  readonly reported: (kind: FindingKind, subject: string, objects: readonly FoundObject[]) => void;
}

export const nothingElse = { value: '', objects: [], objectCount: 0, throughVersion: '', coverage: null } as const;
