import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hookEntryName } from '../../../src/change/index.ts';
import { CanaryDetector } from '../../../src/cluster/canary.ts';

const refused = { status: 403, json: { message: `admission webhook "${hookEntryName('a')}" denied the request` } };
const silent = { status: 500, json: { message: `failed calling webhook "${hookEntryName('a')}": connection refused` } };
const passed = { status: 200, json: {} };

let answer: { readonly status: number; readonly json: object } = refused;
let canary: CanaryDetector;

beforeEach(() => {
  vi.useFakeTimers();
  answer = refused;
  canary = new CanaryDetector({
    http: { send: async () => answer as never },
    hooks: () => ['a'],
    onChange: () => undefined,
    now: () => performance.now(),
  });
});
afterEach(() => {
  canary.stop();
  vi.useRealTimers();
});

/** What it has to report, and whether it may say that somebody else's report is repaired. */
const says = (): readonly [number, boolean] => [canary.problems().length, canary.isSettled({ subject: 'a' })];

describe('a canary proves that a hook refuses (P4)', () => {
  test('before its first answer nothing is said', async () => {
    expect(canary.isReady()).toBe(false);
    canary.start();
    await vi.advanceTimersByTimeAsync(0);
    expect([canary.isReady(), ...says()]).toEqual([true, 0, true]);
  });

  test('a hook that does not answer is found after a minute; until then it is neither found nor repaired', async () => {
    answer = silent;
    canary.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(says()).toEqual([0, false]);
    await vi.advanceTimersByTimeAsync(55_000);
    expect(says()).toEqual([0, false]);
    await vi.advanceTimersByTimeAsync(7_000);
    expect(says()).toEqual([1, false]);
    answer = refused;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(says()).toEqual([0, true]);
  });

  test('one that lets its canary through is found at the third in a row', async () => {
    canary.start();
    await vi.advanceTimersByTimeAsync(0);
    answer = passed;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(says()).toEqual([0, false]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(says()).toEqual([1, false]);
  });

  test('after a change of a configuration it is sent at once', async () => {
    canary.start();
    await vi.advanceTimersByTimeAsync(0);
    answer = passed;
    canary.soon();
    await vi.advanceTimersByTimeAsync(4_600);
    expect(says()).toEqual([1, false]);
  });
});
