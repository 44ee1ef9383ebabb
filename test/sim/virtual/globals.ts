import { AsyncLocalStorage } from 'node:async_hooks';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { Place } from './place.ts';

const places = new AsyncLocalStorage<Place>();

/** Runs code of a node: its timers, clock and chance are the place's, also in everything that it awaits. */
export function inside<T>(place: Place, run: () => T): T {
  return places.run(place, run);
}

/** What `setTimeout` returns inside. */
class VirtualTimer {
  cancel: () => void = () => undefined;

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

let isInstalled = false;

/**
 * Replaces timers, clock and randomness of the process for code that runs `inside` a place; all other code keeps the true ones. So the
 * sources run as they are, without a port or a hook for each of these, and no new use of them escapes the simulation.
 */
export function installVirtualGlobals(): void {
  if (isInstalled) return;
  isInstalled = true;
  const real = {
    setTimeout: globalThis.setTimeout,
    setInterval: globalThis.setInterval,
    setImmediate: globalThis.setImmediate,
    clearTimeout: globalThis.clearTimeout,
    clearInterval: globalThis.clearInterval,
    clearImmediate: globalThis.clearImmediate,
    now: Date.now,
    performanceNow: performance.now.bind(performance),
    random: Math.random,
    randomBytes: crypto.randomBytes,
    randomUUID: crypto.randomUUID,
  };
  const once = (place: Place, delayMs: number, run: () => void): VirtualTimer => {
    const timer = new VirtualTimer();
    timer.cancel = place.after(delayMs, run);
    return timer;
  };
  const every = (place: Place, intervalMs: number, run: () => void): VirtualTimer => {
    const timer = new VirtualTimer();
    const again = (): void => {
      timer.cancel = place.after(intervalMs, () => {
        again();
        run();
      });
    };
    again();
    return timer;
  };
  type Run = (...args: unknown[]) => void;
  const replaced = {
    setTimeout: (run: Run, delayMs = 1, ...args: unknown[]) => {
      const place = places.getStore();
      if (!place) return real.setTimeout(run, delayMs, ...args);
      return once(place, Math.max(1, delayMs), () => run(...args));
    },
    setInterval: (run: Run, delayMs = 1, ...args: unknown[]) => {
      const place = places.getStore();
      if (!place) return real.setInterval(run, delayMs, ...args);
      return every(place, Math.max(1, delayMs), () => run(...args));
    },
    setImmediate: (run: Run, ...args: unknown[]) => {
      const place = places.getStore();
      if (!place) return real.setImmediate(run, ...args);
      return once(place, 0, () => run(...args));
    },
    clearTimeout: (timer: unknown) =>
      timer instanceof VirtualTimer ? timer.cancel() : real.clearTimeout(timer as NodeJS.Timeout),
    clearInterval: (timer: unknown) =>
      timer instanceof VirtualTimer ? timer.cancel() : real.clearInterval(timer as NodeJS.Timeout),
    clearImmediate: (timer: unknown) =>
      timer instanceof VirtualTimer ? timer.cancel() : real.clearImmediate(timer as NodeJS.Immediate),
  };
  Object.assign(globalThis, replaced);
  Date.now = () => places.getStore()?.nowMs() ?? real.now();
  performance.now = () => places.getStore()?.nowMs() ?? real.performanceNow();
  Math.random = () => places.getStore()?.random() ?? real.random();
  const bytesOf = (place: Place, count: number): Buffer =>
    Buffer.from(Array.from({ length: count }, () => Math.floor(place.random() * 256)));
  Object.assign(crypto, {
    randomBytes: (count: number) => {
      const place = places.getStore();
      return place ? bytesOf(place, count) : real.randomBytes(count);
    },
    randomUUID: () => {
      const place = places.getStore();
      return place ? bytesOf(place, 16).toString('hex') : real.randomUUID();
    },
  });
  syncBuiltinESMExports();
}

const realImmediate = globalThis.setImmediate;

/** Resolves when every promise that can go on without the outside has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => realImmediate(resolve));
}
