import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Each half of the young generation. */
const halfMegabytes = 16;
const youngBytesMax = 2 * halfMegabytes * 1024 * 1024;
/**
 * The next collection of the old generation comes when it has grown by this much beyond what was alive at the last one. At 50 an eighth of the throughput is lost,
 * without a bound a flood of refused writes takes a node beyond 400 MB (test/bench/README.md, test/soak/README.md).
 */
const growingPercent = 100;

/**
 * How much garbage may lie about. V8 goes by the memory of the machine: beside 24 GB it lets some 300 MB lie in a process of which 110 MB are alive, and every node
 * under load comes to that. Call once, early. The young generation is let grow to its size and no further; it shrinks by itself when there is little to do, and grows
 * again.
 */
export function boundGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
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
