import type { RefusalsPayload } from '../types/transaction.ts';

/** One summary an hour. */
export const summaryIntervalMs = 3_600_000;
/** Proposals that one summary names; the rest of the count is in `others`. */
const proposalsMax = 500;
/** Between two looks whether a summary is due. */
export const summaryCheckMs = 60_000;

/** New refusals of one user: at once, and then each second. Twice the proposals that may be open for one. */
const refusalsAtOnce = 300;
const refusalsPerSecond = 1;
/** Users that are remembered; the longest unheard goes, and may begin anew. */
const usersMax = 10_000;

export type RefusalSummary = Pick<RefusalsPayload, 'sinceMs' | 'untilMs' | 'proposals' | 'others'>;

/**
 * Refusals that were answered from committed state. A controller that repeats a refused write for ever makes one proposal, a number here, and one
 * record an hour. What was counted since the last summary is lost with the process.
 */
export class RefusalCount {
  readonly #counts = new Map<number, number>();
  #others = 0;
  #sinceMs = 0;

  add(proposal: number, nowMs: number): void {
    if (this.isEmpty) this.#sinceMs = nowMs;
    const before = this.#counts.get(proposal);
    if (before === undefined && this.#counts.size >= proposalsMax) this.#others += 1;
    else this.#counts.set(proposal, (before ?? 0) + 1);
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0 && this.#others === 0;
  }

  /** What is to be written down, once it is an hour old; undefined before, and while there is nothing. */
  due(nowMs: number): RefusalSummary | undefined {
    if (this.isEmpty || nowMs < this.#sinceMs + summaryIntervalMs) return undefined;
    const proposals = [...this.#counts].map(([proposal, count]) => ({ proposal, count }));
    proposals.sort((a, b) => a.proposal - b.proposal);
    return { sinceMs: this.#sinceMs, untilMs: nowMs, proposals, others: this.#others };
  }

  /** It is on the log: what was counted meanwhile remains. */
  written({ proposals, others, untilMs }: RefusalSummary): void {
    for (const { proposal, count } of proposals) {
      const left = (this.#counts.get(proposal) ?? 0) - count;
      if (left > 0) this.#counts.set(proposal, left);
      else this.#counts.delete(proposal);
    }
    this.#others -= others;
    this.#sinceMs = untilMs;
  }
}

/**
 * How many new refusals each user may cause: every one is a record of several kilobytes on every node for ever. Only what would be refused and has no open proposal costs; what
 * is allowed, approved or refused again does not.
 */
export class RefusalBudget {
  readonly #left = new Map<string, { tokens: number; atMs: number }>();

  /** False: this user waits. */
  take(user: string, nowMs: number): boolean {
    const before = this.#left.get(user) ?? { tokens: refusalsAtOnce, atMs: nowMs };
    const gained = (Math.max(0, nowMs - before.atMs) / 1_000) * refusalsPerSecond;
    const tokens = Math.min(refusalsAtOnce, before.tokens + gained);
    // Last heard, last in the map.
    this.#left.delete(user);
    this.#left.set(user, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    const oldest = this.#left.keys().next().value;
    if (this.#left.size > usersMax && oldest !== undefined) this.#left.delete(oldest);
    return tokens >= 1;
  }
}
