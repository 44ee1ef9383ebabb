import { ChainError } from '../src/errors/chain-error.ts';

/** Reviews in progress, in all and of each user: one that writes without end leaves room for the others. */
export class Load {
  readonly #max: number;
  readonly #perUserMax: number;
  readonly #perUser = new Map<string, number>();
  reviews = 0;

  constructor(max: number, perUserMax: number) {
    this.#max = max;
    this.#perUserMax = perUserMax;
  }

  get isFull(): boolean {
    return this.reviews >= this.#max;
  }

  /** Runs `work` as one of this user's. Throws WEBHOOK_USER_BUSY. */
  async ofUser<T>(user: string, work: () => Promise<T>): Promise<T> {
    const before = this.#perUser.get(user) ?? 0;
    if (before >= this.#perUserMax) throw new ChainError('WEBHOOK_USER_BUSY', { max: this.#perUserMax });
    this.#perUser.set(user, before + 1);
    try {
      return await work();
    } finally {
      const left = (this.#perUser.get(user) ?? 1) - 1;
      if (left === 0) this.#perUser.delete(user);
      else this.#perUser.set(user, left);
    }
  }
}
