/** Index of the validator that proposes: (h + r) mod n. */
export function proposerOf(height: number, round: number, validators: number): number {
  return (height + round) % validators;
}
