import { describe, expect, it } from 'vitest';
import { Syncer } from '../../../src/node/sync.ts';
import { ByteWriter } from '../../../src/codec/index.ts';
import type { Hash, Height, ValidatorId } from '../../../src/types/brand.ts';

const liar = 'liar' as ValidatorId;
const empty = new ByteWriter().u16(0).finish();

function syncerWith(answer: () => Promise<Uint8Array>): { syncer: Syncer; dropped: string[] } {
  const dropped: string[] = [];
  const syncer = new Syncer({
    app: { info: () => ({ height: 5, validators: [] }) },
    chain: 'c' as Hash,
    network: { connected: () => [liar], request: answer, drop: (_: ValidatorId, why: string) => dropped.push(why) },
    sha256: () => new Uint8Array(32),
    verify: () => false,
    requireBody: () => undefined,
    apply: async () => undefined,
    onSynced: () => undefined,
    onDivergence: () => undefined,
    instead: () => false,
    info: () => undefined,
  } as unknown as ConstructorParameters<typeof Syncer>[0]);
  return { syncer, dropped };
}

describe('P8: a height that one peer only named', () => {
  it('does not make a node say that it is behind, or one liar would close every hook', async () => {
    const { syncer } = syncerWith(async () => empty);
    syncer.want(Number.MAX_SAFE_INTEGER as Height, liar);
    expect(syncer.isBehind).toBe(false);
    expect(syncer.isRunning).toBe(true);
    await syncer.stop();
  });
});
