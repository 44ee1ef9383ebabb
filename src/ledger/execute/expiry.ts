import type { Execution } from './execution.ts';
import { expiryEntryKey, expiryQueueKey } from './keys.ts';

/**
 * Keys that lose their meaning at a time: natural keys and waiting witnesses. They stand in queues by horizon, one entry a block, so
 * that a block writes two documents a queue however many keys it adds, and a key that lives for a day does not hold up those that live for seconds.
 */
const LONGEST_MS = 400 * 86_400_000;
const HORIZONS_MS: readonly number[] = [15_000, 120_000, 900_000, 7_200_000, 90_000_000, LONGEST_MS];
/** So many keys are dropped in one block at most; the rest goes with the next ones. */
const DROPPED_MAX = 20_000;

interface Queue {
  readonly head: number;
  readonly tail: number;
}

interface Entry {
  untilMs: number;
  readonly keys: string[];
}

/** A value under an expiring key says itself until when it counts, because the same key may be written again later. */
export interface Expiring {
  readonly untilMs: number;
}

/** Writes a document that is dropped in the first block after `untilMs` that has room for it. */
export function putExpiring(x: Execution, key: string, value: Expiring): void {
  x.docs.put(key, value);
  x.expiring.push({ untilMs: value.untilMs, key });
}

/** At the end of a block: what it added goes to the ends of the queues. */
export function storeExpiring(x: Execution): void {
  const byHorizon = new Map<number, Entry>();
  for (const { untilMs, key } of x.expiring) {
    const horizon = HORIZONS_MS.find((ms) => untilMs - x.timeMs <= ms) ?? LONGEST_MS;
    const entry = byHorizon.get(horizon);
    if (entry === undefined) byHorizon.set(horizon, { untilMs, keys: [key] });
    else {
      entry.keys.push(key);
      entry.untilMs = Math.max(entry.untilMs, untilMs);
    }
  }
  for (const [horizon, entry] of byHorizon) {
    const queue = x.docs.get<Queue>(expiryQueueKey(horizon)) ?? { head: 0, tail: 0 };
    x.docs.put(expiryEntryKey(horizon, queue.tail), entry);
    x.docs.put(expiryQueueKey(horizon), { head: queue.head, tail: queue.tail + 1 } satisfies Queue);
  }
}

/** At the start of a block: whole entries whose time is over are dropped, oldest first. */
export function dropExpired(x: Execution): void {
  let room = DROPPED_MAX;
  for (const horizon of HORIZONS_MS) {
    const queue = x.docs.get<Queue>(expiryQueueKey(horizon));
    if (queue === undefined) continue;
    let head = queue.head;
    while (head < queue.tail && room > 0) {
      const entry = x.docs.get<Entry>(expiryEntryKey(horizon, head));
      if (entry !== undefined && entry.untilMs >= x.timeMs) break;
      for (const key of entry?.keys ?? []) {
        const document = x.docs.get<Expiring>(key);
        if (document !== undefined && document.untilMs < x.timeMs) x.docs.delete(key);
      }
      room -= entry?.keys.length ?? 0;
      x.docs.delete(expiryEntryKey(horizon, head));
      head += 1;
    }
    if (head === queue.tail) x.docs.delete(expiryQueueKey(horizon));
    else if (head !== queue.head) x.docs.put(expiryQueueKey(horizon), { head, tail: queue.tail } satisfies Queue);
  }
}
