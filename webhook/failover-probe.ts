import { request, Agent } from 'node:https';

export interface Probe {
  /** https URL of the node's `GET /readyz`. */
  readonly url: string;
  /** Authority of the node's server certificate. */
  readonly caPem: string;
}

export type ProbeResult =
  | { readonly ready: true }
  /** `late`: nothing was heard in time, so it may be a node that is only busy. */
  | { readonly ready: false; readonly detail: string; readonly late: boolean };

/**
 * Asks once whether a node is ready: HTTP 200 over verified TLS within `timeoutMs`, all included. Always resolves. A connection of
 * its own each time: a kept one would say that the old process was ready.
 */
export function probeReadiness({ url, caPem }: Probe, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 });
    const settle = (result: ProbeResult) => {
      clearTimeout(timer);
      resolve(result);
      call.destroy();
      agent.destroy();
    };
    const timer = setTimeout(
      () => settle({ ready: false, detail: `no answer within ${timeoutMs} ms`, late: true }),
      timeoutMs,
    );
    const call = request(url, { ca: caPem, agent, method: 'GET' }, (response) => {
      response.on('error', () => undefined).resume();
      if (response.statusCode === 200) settle({ ready: true });
      else settle({ ready: false, detail: `status ${response.statusCode}`, late: false });
    });
    call.on('error', (error: NodeJS.ErrnoException) =>
      settle({ ready: false, detail: error.code ?? error.message, late: false }),
    );
    call.end();
  });
}
