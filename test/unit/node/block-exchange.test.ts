import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../src/codec/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { BlockExchange } from '../../../src/node/block-exchange.ts';
import { Mempool } from '../../../src/node/mempool.ts';
import type { PeerNetwork } from '../../../src/ports/network.ts';
import type { Hash } from '../../../src/types/brand.ts';

const committed = 'c0'.repeat(32) as Hash;
const bytes = new Uint8Array([1, 2, 3]);

const silent: PeerNetwork = {
  connected: () => [],
  send: () => undefined,
  broadcast: () => undefined,
  request: () => Promise.reject(new Error('nobody is asked')),
  drop: () => undefined,
} as unknown as PeerNetwork;

function exchange(): BlockExchange {
  return new BlockExchange({
    network: silent,
    mempool: new Mempool(),
    sha256: nativeBackend.sha256,
    height: () => 1,
    lastBlock: (blockId) => (blockId === committed ? bytes : undefined),
    warn: () => undefined,
  });
}

describe('a block that a peer asks for by its id', () => {
  it('is served from the store once it is committed: on an idle chain nothing else would bring the peer on', () => {
    const blocks = exchange();
    blocks.forgetThrough(1);
    expect(blocks.serveBlock(fromHex(committed))).toEqual(bytes);
  });

  it('is answered with nothing if it is not known', () => {
    expect(exchange().serveBlock(fromHex('ab'.repeat(32)))).toHaveLength(0);
  });
});
