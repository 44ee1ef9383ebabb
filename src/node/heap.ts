import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves of the young generation together, in bytes. */
export const youngBytesMax = 32 * 1024 * 1024;
/** The next collection comes when the old generation has grown by this much beyond what was alive at the last one. */
const growingPercent = 50;

/**
 * How much garbage may lie about. V8 goes by the memory of the machine: beside 24 GB it lets some 300 MB lie in a process of which 65 MB are alive, and every node under load
 * comes to that. Four nodes' worth of it is not theirs to take. Call once, as early as possible; the young generation is let grow to its size first, and then no more.
 */
export function boundGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  if (!growsNoMore()) {
    const observer = new PerformanceObserver(() => growsNoMore() && observer.disconnect());
    observer.observe({ entryTypes: ['gc'] });
  }
}

function growsNoMore(): boolean {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  // It grows by doubling: half way beyond the half of it is all of it.
  if ((young?.space_size ?? 0) < youngBytesMax * 0.75) return false;
  setFlagsFromString('--semi-space-growth-factor=1');
  return true;
}
