import { describe, expect, it } from 'vitest';
import { ByteWriter, fromHex } from '../../../src/codec/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { BlockExchange } from '../../../src/node/block-exchange.ts';
import { Mempool } from '../../../src/node/mempool.ts';
import type { Hash } from '../../../src/types/brand.ts';

const mib = 1024 * 1024;

function exchangeWith(mempool: Mempool): BlockExchange {
  return new BlockExchange({
    network: {},
    mempool,
    sha256: nativeBackend.sha256,
    height: () => 1,
    lastBlock: () => undefined,
    warn: () => undefined,
  } as unknown as ConstructorParameters<typeof BlockExchange>[0]);
}

function requestOf(hashes: readonly Hash[]): Uint8Array {
  const writer = new ByteWriter().u16(hashes.length);
  for (const hash of hashes) writer.bytes(fromHex(hash));
  return writer.finish();
}

function filled(count: number): { mempool: Mempool; hashes: Hash[] } {
  const mempool = new Mempool();
  const hashes = Array.from({ length: count }, (_, i) => (i + 1).toString(16).padStart(64, '0') as Hash);
  for (const hash of hashes)
    mempool.add(
      { ok: true, hash, org: 'a', user: '', lane: 'normal', bytes: 60_000, notAfterMs: 1, pair: null },
      new Uint8Array(60_000),
    );
  return { mempool, hashes };
}

describe('P8: a peer that asks for transactions', () => {
  it('gets each once, however often it names it', () => {
    const { mempool, hashes } = filled(1);
    const answer = exchangeWith(mempool).serveTransactions(requestOf(Array.from({ length: 65_000 }, () => hashes[0]!)));
    expect(answer.length).toBeLessThan(60_100);
  });

  it('gets no more than a block can hold', () => {
    const { mempool, hashes } = filled(400);
    const answer = exchangeWith(mempool).serveTransactions(requestOf(hashes));
    expect(answer.length).toBeGreaterThan(4 * mib);
    expect(answer.length).toBeLessThanOrEqual(8 * mib);
  });
});
