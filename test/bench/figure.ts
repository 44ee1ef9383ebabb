/** One line a figure on stdout: what was measured, of whom, and as a ratio to a peer of the same run. */
export interface Figure {
  readonly bench: string;
  readonly subject: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly ratioTo?: { readonly subject: string; readonly ratio: number };
}

export function print(figure: Figure): void {
  const round = (value: number): number => Number(value.toPrecision(4));
  const { ratioTo } = figure;
  const shown = {
    ...figure,
    value: round(figure.value),
    ...(ratioTo === undefined ? {} : { ratioTo: { ...ratioTo, ratio: round(ratioTo.ratio) } }),
  };
  console.log(JSON.stringify(shown));
}

/** The value below which `share` of the samples lie. Throws RangeError without samples. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  if (value === undefined) throw new RangeError('no samples');
  return value;
}
