/** More validators than this are refused: the design ends at 23, and the vote bitmap has 32 bits. */
export const validatorsMax = 32;

/** True for more than two thirds, computed without division. `>=` two thirds would let two quorums meet in no correct node. */
export function isQuorum(votes: number, validators: number): boolean {
  return 3 * votes > 2 * validators;
}

/** The smallest number of votes that is a quorum: floor(2n/3) + 1. */
export function quorumOf(validators: number): number {
  return Math.floor((2 * validators) / 3) + 1;
}

/** f = n - q: how many may be faulty. f + 1 senders contain at least one correct one. */
export function faultyMax(validators: number): number {
  return validators - quorumOf(validators);
}
