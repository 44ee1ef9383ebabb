import { writeFileSync } from 'node:fs';

export interface Curve {
  readonly scenario: string;
  readonly subject: string;
  readonly points: readonly {
    readonly clients: number;
    readonly perSecond: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
  }[];
}

const PANEL = { width: 420, height: 300, left: 56, right: 12, top: 34, bottom: 44 };
const COLUMNS = 2;
const LEGEND_HEIGHT = 30;
const COLORS = ['#1f6feb', '#d29922', '#8b949e', '#cf222e'];

/** Latency against load as SVG, one panel a scenario: p50 as a line, p99 as a thin one; both axes logarithmic. */
export function writePlot(file: string, curves: readonly Curve[]): void {
  const scenarios = [...new Set(curves.map(({ scenario }) => scenario))];
  const subjects = [...new Set(curves.map(({ subject }) => subject))];
  const rows = Math.ceil(scenarios.length / COLUMNS);
  const width = PANEL.width * Math.min(COLUMNS, scenarios.length);
  const height = LEGEND_HEIGHT + PANEL.height * rows;
  const panels = scenarios.map((scenario, i) => {
    const at = `translate(${(i % COLUMNS) * PANEL.width} ${LEGEND_HEIGHT + Math.floor(i / COLUMNS) * PANEL.height})`;
    const own = curves.filter((curve) => curve.scenario === scenario);
    return `<g transform="${at}">${panel(scenario, own, subjects)}</g>`;
  });
  const legend = subjects.map(
    (subject, i) =>
      `<rect x="${PANEL.left + i * 150}" y="10" width="12" height="12" fill="${colorOf(i)}"/><text x="${PANEL.left + i * 150 + 17}" y="20">${subject}</text>`,
  );
  writeFileSync(
    file,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">
<rect width="${width}" height="${height}" fill="#fff"/>
${[...legend, ...panels].join('\n')}
</svg>
`,
  );
}

const colorOf = (i: number): string => COLORS[i % COLORS.length] as string;

function panel(scenario: string, curves: readonly Curve[], subjects: readonly string[]): string {
  const points = curves.flatMap((curve) => curve.points).filter(({ perSecond, p50Ms }) => perSecond > 0 && p50Ms > 0);
  const x = axis(
    points.map(({ perSecond }) => perSecond),
    PANEL.left,
    PANEL.width - PANEL.right,
  );
  const y = axis(
    points.flatMap(({ p50Ms, p99Ms }) => [p50Ms, p99Ms]),
    PANEL.height - PANEL.bottom,
    PANEL.top,
  );
  const parts = [
    `<text x="${PANEL.left}" y="${PANEL.top - 12}" font-weight="bold">${scenario}</text>`,
    ...x.ticks.map((tick) => vertical(x.at(tick), shown(tick))),
    ...y.ticks.map((tick) => horizontal(y.at(tick), shown(tick))),
    `<text x="${(PANEL.left + PANEL.width) / 2}" y="${PANEL.height - 8}" text-anchor="middle">commits a second</text>`,
    `<text transform="translate(12 ${PANEL.height / 2}) rotate(-90)" text-anchor="middle">latency in ms, p50 and p99 (thin)</text>`,
  ];
  for (const { subject, points: own } of curves) {
    const color = colorOf(subjects.indexOf(subject));
    for (const [of, strokeWidth] of [
      ['p50Ms', 2.2],
      ['p99Ms', 0.8],
    ] as const) {
      const line = own.map((point) => `${x.at(point.perSecond).toFixed(1)},${y.at(point[of]).toFixed(1)}`).join(' ');
      parts.push(`<polyline points="${line}" fill="none" stroke="${color}" stroke-width="${strokeWidth}"/>`);
    }
    for (const { perSecond, p50Ms, clients } of own) {
      const [cx, cy] = [x.at(perSecond).toFixed(1), y.at(p50Ms).toFixed(1)];
      parts.push(
        `<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"><title>${subject}, ${clients} clients</title></circle>`,
      );
    }
  }
  return parts.join('\n');
}

const shown = (tick: number): string => tick.toLocaleString('en');

function vertical(x: number, label: string): string {
  return `<line x1="${x}" x2="${x}" y1="${PANEL.top}" y2="${PANEL.height - PANEL.bottom}" stroke="#d0d7de"/><text x="${x}" y="${PANEL.height - PANEL.bottom + 14}" text-anchor="middle">${label}</text>`;
}

function horizontal(y: number, label: string): string {
  return `<line x1="${PANEL.left}" x2="${PANEL.width - PANEL.right}" y1="${y}" y2="${y}" stroke="#d0d7de"/><text x="${PANEL.left - 4}" y="${y + 4}" text-anchor="end">${label}</text>`;
}

interface Axis {
  readonly ticks: readonly number[];
  readonly at: (value: number) => number;
}

/** Logarithmic, from the power of ten or its double or fivefold below the smallest value to that above the largest. */
function axis(values: readonly number[], from: number, to: number): Axis {
  const steps = Array.from({ length: 21 }, (_, i) => ([1, 2, 5][i % 3] as number) * 10 ** (Math.floor(i / 3) - 1));
  const low = steps.findLast((step) => step <= Math.min(...values)) ?? (steps[0] as number);
  const high = steps.find((step) => step >= Math.max(...values)) ?? (steps.at(-1) as number);
  const scale = (value: number): number => Math.log(value / low) / Math.log(Math.max(high, low * 2) / low);
  return {
    ticks: steps.filter((step) => step >= low && step <= high),
    at: (value) => from + scale(value) * (to - from),
  };
}
