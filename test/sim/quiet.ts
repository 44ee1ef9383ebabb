import type { HostOptions } from '../../src/node/host.ts';

/** Takes every call and says nothing. */
function quiet(): unknown {
  const silent: unknown = new Proxy(() => undefined, {
    get: (_target, name) => (name === Symbol.toPrimitive || name === 'then' ? undefined : silent),
    apply: () => silent,
  });
  return silent;
}

export const quietLogger = quiet() as HostOptions['log'];
export const quietMetrics = quiet() as HostOptions['metrics'];
