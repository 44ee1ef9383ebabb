/** How long a loop may keep the event loop to itself: consensus answers votes in between. */
const sliceMs = 5;

/** To be awaited after each item of a long answer: lets everything else go on whenever a slice of time is used up. */
export function pauses(): () => Promise<void> {
  let sinceMs = performance.now();
  return async () => {
    if (performance.now() - sinceMs < sliceMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    sinceMs = performance.now();
  };
}
