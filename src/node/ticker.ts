import type { LedgerReader } from '../ports/ledger-reader.ts';

const lookIntervalMs = 250;

/**
 * On an idle chain nothing would bring a due transition about: when this node's clock passes the next one, it asks for a
 * block. One tick for a due time; the block that it makes, or any other, carries the transition.
 */
export class Ticker {
  readonly #reader: Pick<LedgerReader, 'nextDue'>;
  readonly #submit: (due: { dueMs: number; id: string }) => void;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #last = '';
  #lastMs = 0;

  constructor(
    reader: Pick<LedgerReader, 'nextDue'>,
    submit: (due: { dueMs: number; id: string }) => void,
    now: () => number,
  ) {
    this.#reader = reader;
    this.#submit = submit;
    this.#now = now;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), lookIntervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const due = this.#reader.nextDue();
    const nowMs = this.#now();
    if (due === null || due.dueMs >= nowMs) return;
    const key = `${due.dueMs}/${due.id}`;
    // A tick that got lost is sent again after a while.
    if (key === this.#last && nowMs - this.#lastMs < 2_000) return;
    this.#last = key;
    this.#lastMs = nowMs;
    this.#submit(due);
  }
}
