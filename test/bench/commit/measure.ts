import { cpuMs } from '../process-usage.ts';
import type { Network, Transaction } from './network.ts';

export interface Sample {
  /** Of each acknowledged commit. */
  readonly latenciesMs: readonly number[];
  /** Acknowledged commits a second. */
  readonly perSecond: number;
  readonly failed: number;
  /** What the last one that failed was told. */
  readonly lastRefusal: string;
  /** Of all nodes together, for one commit. */
  readonly cpuMsPerCommit: number;
}

/** Prepared beyond what the last measurement took: running out would make the load generator the bottleneck. */
const SPARE = 1.5;

/** `clients` callers, each with one call under way, for `seconds`; what is answered later does not count. */
export async function measure(
  network: Network,
  clients: number,
  seconds: number,
  expectedPerSecond: number,
): Promise<Sample> {
  const batch = clients + Math.ceil(expectedPerSecond * seconds * SPARE);
  const ready: Transaction[] = [...network.prepare(batch)].reverse();
  const latenciesMs: number[] = [];
  let failed = 0;
  let lastRefusal = '';
  const cpuBefore = cpuMs(network.pids());
  const beganMs = performance.now();
  const untilMs = beganMs + seconds * 1_000;
  const client = async (): Promise<void> => {
    for (let fromMs = performance.now(); fromMs < untilMs; fromMs = performance.now()) {
      if (ready.length === 0) ready.push(...network.prepare(clients));
      const answer = await network.submit(ready.pop() as Transaction);
      const nowMs = performance.now();
      if (answer !== 'committed') {
        failed += 1;
        lastRefusal = answer.refusal;
      } else if (nowMs <= untilMs || latenciesMs.length === 0) latenciesMs.push(nowMs - fromMs);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const cpu = cpuMs(network.pids()) - cpuBefore;
  return {
    latenciesMs,
    perSecond: latenciesMs.length / seconds,
    failed,
    lastRefusal,
    cpuMsPerCommit: cpu / Math.max(1, latenciesMs.length),
  };
}
