/** What a closed loop of clients saw. */
export interface LoopResult {
  /** Milliseconds of each acknowledged call. */
  readonly latenciesMs: readonly number[];
  /** Acknowledged calls a second. */
  readonly perSecond: number;
  readonly failed: number;
}

/** `clients` callers, each with one call under way, until `calls` were made. `call` says whether it was acknowledged. */
export async function closedLoop(
  clients: number,
  calls: number,
  call: (index: number) => Promise<boolean>,
): Promise<LoopResult> {
  const latenciesMs: number[] = [];
  let next = 0;
  let failed = 0;
  const beganMs = performance.now();
  const client = async (): Promise<void> => {
    while (next < calls) {
      const index = next;
      next += 1;
      const fromMs = performance.now();
      if (await call(index)) latenciesMs.push(performance.now() - fromMs);
      else failed += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { latenciesMs, perSecond: (latenciesMs.length * 1_000) / (performance.now() - beganMs), failed };
}
