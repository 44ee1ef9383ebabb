/** Whether somebody may still get an answer on a connection, as far as bytes show: what was asked and not answered, for as long as an answer may take. */
export class Waiting {
  readonly #answerTimeoutMs: number;
  #sinceMs: number | null = null;
  #askedMs = 0;

  constructor(answerTimeoutMs: number) {
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  /** Bytes of the client. What it sends without a pause to a node that answers nothing is no new question: it would keep the connection for ever. */
  asked(nowMs: number): void {
    if (this.#sinceMs === null || nowMs - this.#askedMs >= this.#answerTimeoutMs) this.#sinceMs = nowMs;
    this.#askedMs = nowMs;
  }

  /** Bytes of the node. */
  answered(): void {
    this.#sinceMs = null;
  }

  isOpen(nowMs: number): boolean {
    return this.#sinceMs !== null && nowMs - this.#sinceMs < this.#answerTimeoutMs;
  }
}
