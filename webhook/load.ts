import { ChainError } from '../src/errors/chain-error.ts';

/**
 * Reviews in progress, in all and of each user. Nobody has more than are left free for the others: one alone may have half of all, of three each a quarter; and whoever
 * comes next finds room.
 */
export class Load {
  readonly #max: number;
  readonly #perUser = new Map<string, number>();
  reviews = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get isFull(): boolean {
    return this.reviews >= this.#max;
  }

  /** Runs `work` of a review, which counts already, as one of this user's. Throws WEBHOOK_USER_BUSY, before any work. */
  async ofUser<T>(user: string, work: () => Promise<T>): Promise<T> {
    const before = this.#perUser.get(user) ?? 0;
    if (before > 0 && before > this.#max - this.reviews) throw new ChainError('WEBHOOK_USER_BUSY', { max: before });
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
