/**
 * Work of many that is done a little in each turn of the event loop, of each place in turn: whoever sends more than can be done waits behind itself, and neither the others
 * nor whatever else this process has to do waits for it. What can be done at once is.
 */
export class Turns<From, T> {
  readonly #perTurn: number;
  readonly #waitingMax: number;
  readonly #work: (from: From, item: T) => void;
  readonly #onDefect: (error: unknown) => void;
  /** Who was served last is last. */
  readonly #waiting = new Map<From, T[]>();
  #left: number;
  #isDue = false;
  #isStopped = false;

  /** `waitingMax`: of one place. `work` may throw where it is done at once; later `onDefect` hears of it. */
  constructor(
    perTurn: number,
    waitingMax: number,
    work: (from: From, item: T) => void,
    onDefect: (error: unknown) => void,
  ) {
    this.#perTurn = this.#left = perTurn;
    this.#waitingMax = waitingMax;
    this.#work = work;
    this.#onDefect = onDefect;
  }

  get size(): number {
    return [...this.#waiting.values()].reduce((sum, items) => sum + items.length, 0);
  }

  /** Does it now, or soon; false if too much of this place waits already. */
  offer(from: From, item: T): boolean {
    if (this.#isStopped) return false;
    this.#schedule();
    if (this.#left > 0 && this.#waiting.size === 0) {
      this.#left -= 1;
      this.#work(from, item);
      return true;
    }
    const waiting = this.#waiting.get(from) ?? [];
    if (waiting.length >= this.#waitingMax) return false;
    waiting.push(item);
    this.#waiting.set(from, waiting);
    return true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#waiting.clear();
  }

  #schedule(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isDue = false;
    this.#left = this.#perTurn;
    try {
      while (this.#left > 0 && this.#workNext()) this.#left -= 1;
    } catch (error) {
      this.#onDefect(error);
    }
    if (this.#waiting.size > 0) this.#schedule();
  }

  /** False if nothing waits. */
  #workNext(): boolean {
    const [next] = this.#waiting;
    if (next === undefined) return false;
    const [from, items] = next;
    const item = items.shift();
    this.#waiting.delete(from);
    if (items.length > 0) this.#waiting.set(from, items);
    if (item !== undefined) this.#work(from, item);
    return true;
  }
}
