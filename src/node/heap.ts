import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Each half of the young generation. */
const halfMegabytes = 16;
const youngBytesMax = 2 * halfMegabytes * 1024 * 1024;

/**
 * How much garbage may lie about in the young generation. V8 goes by the memory of the machine: beside 24 GB it lets more than 110 MB lie there, and every node
 * under load comes to that. Call once, early. It is let grow to its size and no further; it shrinks by itself when there is little to do, and grows again.
 * To bound the growth of the old generation too (--heap-growing-percent=50) would cost an eighth of the throughput.
 */
export function boundGarbage(): void {
  // What grows is of the whole process: the thread that reads large reviews has its young generation as large as it may be from its beginning.
  setFlagsFromString(`--min-semi-space-size=${halfMegabytes}`);
  setFlagsFromString(`--max-semi-space-size=${halfMegabytes}`);
  let grows = true;
  const look = (): void => {
    // It doubles: beyond the half it may not.
    const mayGrow = youngBytes() <= youngBytesMax / 2;
    if (mayGrow === grows) return;
    grows = mayGrow;
    setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
  };
  look();
  new PerformanceObserver(look).observe({ entryTypes: ['gc'] });
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}
