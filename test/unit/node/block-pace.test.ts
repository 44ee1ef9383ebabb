import { describe, expect, it } from 'vitest';
import { BlockPace } from '../../../src/node/block-pace.ts';

const MAX = 2_000;
const PROPOSE_MS = 500;

describe('how large a block may be', () => {
  it('as large as the chain allows where the machine is quick, and no more than some hundreds as long as nothing is known', () => {
    const pace = new BlockPace();
    expect(pace.txsMax(MAX, PROPOSE_MS)).toBe(256);
    pace.note(1_000, 50);
    expect(pace.txsMax(MAX, PROPOSE_MS)).toBe(MAX);
    pace.note(1_000, 0);
    expect(pace.txsMax(1, PROPOSE_MS)).toBe(1);
  });

  it('P8: on a slow machine so large that it is executed before the others stop waiting for it', () => {
    const pace = new BlockPace();
    pace.note(MAX, 2_000);
    expect(pace.txsMax(MAX, PROPOSE_MS)).toBe(200);
    for (let i = 0; i < 30; i += 1) pace.note(200, 100);
    expect(pace.txsMax(MAX, PROPOSE_MS)).toBeGreaterThan(395);
    for (let i = 0; i < 30; i += 1) pace.note(400, 400_000);
    expect(pace.txsMax(MAX, PROPOSE_MS)).toBe(64);
  });

  it('a small block, and a clock that was set back, say nothing', () => {
    const pace = new BlockPace();
    pace.note(31, 60_000);
    pace.note(1_000, -5_000);
    expect(pace.txsMax(MAX, PROPOSE_MS)).toBe(256);
  });
});
