/** How a change of the validator set looks in numbers; powers are equal, so validators are counted. */
export interface SetChange {
  readonly before: number;
  readonly after: number;
  /** Validators that come, go, or get another key to vote with. */
  readonly changed: number;
  /** Of those after the change, how many took part lately. */
  readonly live: number;
  readonly max: number;
}

/** Below it no fault is tolerated anyhow, and no change would be small enough. */
const CAPPED_FROM = 4;

/** Why the change must not be made; undefined if it may. Less than a third at once, and what is left must be able to decide. */
export function setChangeProblem({ before, after, changed, live, max }: SetChange): string | undefined {
  if (after < 1) return 'no validator would be left';
  if (after > max) return `there would be more than ${max} validators`;
  if (before >= CAPPED_FROM && !(3 * changed < before))
    return `it changes ${changed} of ${before} validators; less than a third may change at once`;
  if (!(3 * live > 2 * after))
    return `of the ${after} validators after it only ${live} took part lately; more than two thirds must`;
  return undefined;
}
