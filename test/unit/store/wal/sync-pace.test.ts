import { describe, expect, test } from 'vitest';
import { SyncPace } from '../../../../src/store/wal/sync-pace.ts';

/** A pace over a clock of its own, on which a sync takes as long as is said. */
function paced(): {
  readonly pace: SyncPace;
  readonly take: (ms: number) => void;
  readonly pass: (ms: number) => void;
} {
  let nowMs = 1_000;
  const pass = (ms: number): void => void (nowMs += ms);
  const pace = new SyncPace(() => nowMs);
  return { pace, pass, take: (ms) => pace.timed(() => pass(ms)) };
}

describe('pace of syncs', () => {
  test('a quick disk is waited for, also where most of its syncs end late', () => {
    const { pace, take } = paced();
    for (let i = 0; i < 200; i++) {
      take(i % 10 === 9 ? 0.2 : 8);
      expect(pace.isQuick).toBe(true);
    }
  });

  test('a slow disk is left to the thread pool after a few, and tried again only later', () => {
    const { pace, take, pass } = paced();
    let taken = 0;
    for (; pace.isQuick; taken++) take(4);
    expect(taken).toBe(16);
    pass(29_999);
    expect(pace.isQuick).toBe(false);
    pass(1);
    expect(pace.isQuick).toBe(true);
  });

  test('a slow disk stops the event loop for less than a hundredth of the time', () => {
    const { pace, take, pass } = paced();
    let waitedMs = 0;
    for (let ms = 0; ms < 600_000; ms += 10) {
      pass(10);
      if (!pace.isQuick) continue;
      take(10);
      waitedMs += 10;
    }
    expect(waitedMs).toBeLessThan(6_000);
  });

  test('one that hangs is enough, also if it fails', () => {
    const { pace, pass } = paced();
    const hanging = (): void => {
      pass(60);
      throw new Error('EIO');
    };
    expect(() => pace.timed(hanging)).toThrow('EIO');
    expect(pace.isQuick).toBe(false);
  });
});
