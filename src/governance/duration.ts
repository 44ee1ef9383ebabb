const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;
/** Thirty days: a vote that is open for longer is forgotten, not considered. */
export const DURATION_MAX_MS = 720 * UNIT_MS.h;

/** `90s`, `30m`, `24h` in milliseconds, from 1 s to 720 h; undefined if the text is anything else. */
export function durationMs(text: string): number | undefined {
  const parts = /^([1-9][0-9]{0,6})([smh])$/.exec(text);
  if (parts === null) return undefined;
  const ms = Number(parts[1]) * UNIT_MS[parts[2] as keyof typeof UNIT_MS];
  return ms <= DURATION_MAX_MS ? ms : undefined;
}
