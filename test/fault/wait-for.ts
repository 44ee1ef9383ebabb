import { setTimeout as sleep } from 'node:timers/promises';

/** What `look` finds, looked for until it does. @throws Error naming `what` after the timeout. */
export async function waitFor<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 20_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(50);
  }
}
