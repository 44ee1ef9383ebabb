import type { FindingCoverage, FindingKind, FoundObject } from '../types/finding.ts';

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
}

/** One way of looking. Only what it can see now says anything: an empty list of a detector that is not ready is no repair. */
export interface Detector {
  readonly kinds: readonly FindingKind[];
  readonly isReady: () => boolean;
  /** False while something is still being looked at: what was found counts, that nothing else is there cannot be said yet. */
  readonly isSettled?: () => boolean;
  readonly problems: () => readonly Problem[];
  /** These objects of it are on the log. */
  readonly reported: (kind: FindingKind, subject: string, objects: readonly FoundObject[]) => void;
}

export const nothingElse = { value: '', objects: [], objectCount: 0, throughVersion: '', coverage: null } as const;
