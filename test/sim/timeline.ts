interface Entry {
  readonly atUs: number;
  readonly order: number;
  readonly run: () => void;
}

/** The virtual clock: a heap of what will happen, by time and then by order of scheduling. Microseconds. */
export class Timeline {
  readonly #heap: Entry[] = [];
  #nowUs = 0;
  #order = 0;

  get nowMs(): number {
    return this.#nowUs / 1_000;
  }

  after(delayMs: number, run: () => void): void {
    const entry = { atUs: this.#nowUs + Math.round(Math.max(0, delayMs) * 1_000), order: this.#order++, run };
    const heap = this.#heap;
    heap.push(entry);
    let at = heap.length - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!before(entry, heap[up])) break;
      heap[at] = heap[up] as Entry;
      at = up;
    }
    heap[at] = entry;
  }

  /** Runs the next entry; false if there is none. */
  advance(): boolean {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return false;
    if (heap.length > 0) sift(heap, last);
    this.#nowUs = first.atUs;
    first.run();
    return true;
  }
}

function sift(heap: Entry[], entry: Entry): void {
  let at = 0;
  for (;;) {
    let down = 2 * at + 1;
    if (down >= heap.length) break;
    if (down + 1 < heap.length && before(heap[down + 1] as Entry, heap[down])) down += 1;
    if (!before(heap[down] as Entry, entry)) break;
    heap[at] = heap[down] as Entry;
    at = down;
  }
  heap[at] = entry;
}

function before(a: Entry, b: Entry | undefined): boolean {
  return b !== undefined && (a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order));
}
