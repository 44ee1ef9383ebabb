import { printable } from './printable.ts';

const gap = '   ';

/** Columns as wide as their longest cell, three spaces apart, no spaces at the end of a line: kubectl's tables. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[], withHeaders: boolean): string {
  const cells = rows.map((row) => row.map((cell) => (cell === '' ? '<none>' : printable(cell))));
  const all = withHeaders ? [headers, ...cells] : cells;
  const widths = headers.map((_, i) => Math.max(0, ...all.map((row) => (row[i] ?? '').length)));
  return all
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join(gap)
          .trimEnd()}\n`,
    )
    .join('');
}
