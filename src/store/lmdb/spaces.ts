import { ChainError } from '../../errors/chain-error.ts';
import { nameKey, type StateSpace } from './key.ts';
import type { Table, Write } from './table.ts';

/**
 * Heights that a store lacks: those above `through` and below `from`. Both of these it holds (`through` is 0 if it has nothing before), of
 * `from` all but what is found by audit indexes: it too is still to be executed.
 */
export interface HistoryGap {
  readonly through: number;
  readonly from: number;
  /** First leaf of block `from`. */
  readonly fromLeaf: number;
}

/**
 * A store has room for three states, so that none is ever half replaced. `live` is the state after the last block. A snapshot is written to a place that is in
 * no use, chunk by chunk, and becomes the live one in the transaction that also says so. Where that left out heights, `history` is the state after the last of
 * those that are here without a gap, which the missing ones are executed on.
 */
export interface Spaces {
  readonly live: StateSpace;
  readonly history: { readonly space: StateSpace; readonly gap: HistoryGap } | null;
}

const all: readonly StateSpace[] = [0, 1, 2];
const key = nameKey('meta', 'spaces');
const whole: Spaces = { live: 0, history: null };

/** Throws STORE_DAMAGED. */
export function spacesOf(table: Table): Spaces {
  const bytes = table.get(key);
  if (bytes === undefined) return whole;
  try {
    const read = JSON.parse(Buffer.from(bytes).toString('utf8')) as Spaces;
    const { live, history } = read;
    const isSpace = (space: unknown): boolean => all.includes(space as StateSpace);
    const isGap = ({ through, from, fromLeaf }: HistoryGap): boolean =>
      [through, from, fromLeaf].every((value) => Number.isSafeInteger(value) && value >= 0) && from > through;
    if (isSpace(live) && (history === null || (isSpace(history.space) && isGap(history.gap)))) return read;
  } catch {
    // Said below.
  }
  throw new ChainError('STORE_DAMAGED', { where: 'meta spaces', detail: 'it does not say where the state is' });
}

export function spacesWrite(spaces: Spaces): Write {
  return [key, Buffer.from(JSON.stringify(spaces), 'utf8')];
}

/** For people: `from` itself is named only where nothing but its indexes is missing. */
export function lackedHeights({ through, from }: HistoryGap): { readonly from: number; readonly to: number } {
  return { from: through + 1, to: Math.max(through + 1, from - 1) };
}

/** A place that holds neither the live state nor that of the history. */
export function freeSpace({ live, history }: Spaces): StateSpace {
  return all.find((space) => space !== live && space !== history?.space) as StateSpace;
}
