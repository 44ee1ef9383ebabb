/**
 * The two pattern languages of a policy. Neither is a regular expression: matching is linear in the text for each `*`, so no
 * pattern can stall block execution.
 */

/** `*` stands for any number of characters, the empty text included; every other character for itself. */
export function matchesGlob(pattern: string, text: string): boolean {
  const pieces = pattern.split('*');
  const first = pieces[0] ?? '';
  if (pieces.length === 1) return pattern === text;
  const last = pieces[pieces.length - 1] ?? '';
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (let i = 1; i < pieces.length - 1; i++) {
    const piece = pieces[i] ?? '';
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

export function matchesAnyGlob(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matchesGlob(pattern, text));
}

/**
 * A changed path (JSON pointer, RFC 6901) against a path pattern such as `/spec/template/**`: the whole path. A `*` is a part of
 * one segment, `**` any number of segments, none included.
 */
export function pathFits(pattern: string, path: string): boolean {
  return meets(segmentsOf(pattern), 0, segmentsOf(path), 0, false);
}

/**
 * The same for a path that stands for everything below it, as a truncated one does: `/spec` meets the pattern `/spec/replicas`, and the empty
 * pointer meets every pattern.
 */
export function pathMeets(pattern: string, path: string): boolean {
  return meets(segmentsOf(pattern), 0, segmentsOf(path), 0, true);
}

function segmentsOf(pointer: string): readonly string[] {
  return pointer === '' ? [] : pointer.slice(1).split('/');
}

function meets(pattern: readonly string[], p: number, path: readonly string[], s: number, below: boolean): boolean {
  const wanted = pattern[p];
  // The path ended: whatever the pattern still asks for lies below it.
  if (s === path.length) return below || pattern.slice(p).every((segment) => segment === '**');
  if (wanted === undefined) return false;
  if (wanted === '**') {
    for (let skip = s; skip <= path.length; skip++) if (meets(pattern, p + 1, path, skip, below)) return true;
    return false;
  }
  return matchesGlob(wanted, path[s] ?? '') && meets(pattern, p + 1, path, s + 1, below);
}
