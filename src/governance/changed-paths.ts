import type { ChangeAttributes } from '../types/change.ts';
import { pathFits, pathMeets } from './pattern.ts';

/**
 * `some path`: one changed path that meets a pattern is enough to be governed. `all paths`: a change is let out of a policy by its paths
 * only if every changed path is, otherwise one harmless field would carry the others out.
 */
export type PathRule = 'some path' | 'all paths';

export function pathsFit(patterns: readonly string[], change: ChangeAttributes, rule: PathRule): boolean {
  // Everything appears, vanishes or is used: it counts as if every path had changed.
  if (change.operation !== 'UPDATE') return rule === 'some path';
  if (rule === 'all paths') {
    // A truncated parent also stands for paths that no pattern of the exclusion names.
    return (
      !change.pathsTruncated &&
      change.paths.length > 0 &&
      change.paths.every((path) => patterns.some((pattern) => pathFits(pattern, path)))
    );
  }
  // Attested paths are single fields; only where they were truncated does a parent stand for everything below it.
  if (!change.pathsTruncated) return change.paths.some((path) => patterns.some((pattern) => pathFits(pattern, path)));
  return change.paths.length === 0 || change.paths.some((path) => patterns.some((pattern) => pathMeets(pattern, path)));
}
