import { request, Agent } from 'node:https';

export interface Probe {
  /** https URL of the node's `GET /readyz`. */
  readonly url: string;
  /** Authority of the node's server certificate. */
  readonly caPem: string;
}

export type ProbeResult =
  | { readonly ready: true }
  | { readonly ready: false; readonly late: false; readonly detail: string }
  /** Nothing was heard in time, so it may be a node that is only busy. `ownDelayMs`: how much longer than asked this process took to find that out. */
  | { readonly ready: false; readonly late: true; readonly detail: string; readonly ownDelayMs: number };

/**
 * The time of a probe passes in so many steps, between which this process looks for the answer: where it did not get to run for a second, that second is one
 * step, and the answer that came meanwhile is seen before the time is up.
 */
const STEPS = 8;

/**
 * Asks once whether a node is ready: HTTP 200 over verified TLS within `timeoutMs`, all included. Always resolves. A connection of
 * its own each time: a kept one would say that the old process was ready.
 */
export function probeReadiness({ url, caPem }: Probe, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 });
    const settle = (result: ProbeResult) => {
      clearTimeout(timer);
      clearImmediate(looks);
      resolve(result);
      call.destroy();
      agent.destroy();
    };
    const startedMs = performance.now();
    const late = (): void => {
      const ownDelayMs = Math.max(0, performance.now() - startedMs - timeoutMs);
      settle({ ready: false, late: true, detail: `no answer within ${timeoutMs} ms`, ownDelayMs });
    };
    let timer: NodeJS.Timeout;
    let looks: NodeJS.Immediate | undefined;
    const pass = (steps: number): void => {
      // What has arrived is read between the timers and this.
      if (steps === 0) looks = setImmediate(late);
      else timer = setTimeout(() => pass(steps - 1), timeoutMs / STEPS);
    };
    pass(STEPS);
    const call = request(url, { ca: caPem, agent, method: 'GET' }, (response) => {
      response.on('error', () => undefined).resume();
      if (response.statusCode === 200) settle({ ready: true });
      else settle({ ready: false, late: false, detail: `status ${response.statusCode}` });
    });
    call.on('error', (error: NodeJS.ErrnoException) =>
      settle({ ready: false, late: false, detail: error.code ?? error.message }),
    );
    call.end();
  });
}
