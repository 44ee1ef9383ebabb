/** How often each occurs, for people. */
export function tally(codes: readonly string[]): string {
  return [...new Set(codes)].map((code) => `${code} x${codes.filter((other) => other === code).length}`).join(', ');
}
