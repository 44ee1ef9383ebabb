import type { Execution } from './execution.ts';
import { KEY } from './keys.ts';
import type { Documents } from './documents.ts';

/** A transition that happens by time alone. `id` names what is due: `<proposal>/<what>[/<change>]`. */
export interface Due {
  readonly dueMs: number;
  readonly id: string;
}

/** So many run in one block at most; the rest runs first in the next one. */
export const DUE_PER_BLOCK_MAX = 100;

/** All that is due some day, by (dueMs, id). Bounded by the caps on open proposals and by their changes. */
export function dueList(docs: Pick<Documents, 'get'>): readonly Due[] {
  return docs.get<{ readonly due: readonly Due[] }>(KEY.due)?.due ?? [];
}

export function addDue(x: Execution, ...added: readonly Due[]): void {
  const list = [...dueList(x.docs), ...added].sort(byTimeAndId);
  x.docs.put(KEY.due, { due: list });
}

/** Takes away what is no longer to happen. */
export function removeDue(x: Execution, ids: ReadonlySet<string>): void {
  const list = dueList(x.docs);
  const left = list.filter((due) => !ids.has(due.id));
  if (left.length !== list.length) x.docs.put(KEY.due, { due: left });
}

/** What is due at the block's time, oldest first, taken off the list. */
export function takeDue(x: Execution): readonly Due[] {
  const list = dueList(x.docs);
  const ripe = list.filter((due) => due.dueMs <= x.timeMs).slice(0, DUE_PER_BLOCK_MAX);
  if (ripe.length > 0) x.docs.put(KEY.due, { due: list.slice(ripe.length) });
  return ripe;
}

/** Code units, not a locale: every node must sort alike. */
function byTimeAndId(a: Due, b: Due): number {
  if (a.dueMs !== b.dueMs) return a.dueMs - b.dueMs;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
