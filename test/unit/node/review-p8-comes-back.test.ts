import { describe, expect, it } from 'vitest';
import { signBytes } from '../../../src/consensus/sign-bytes.ts';
import { createApplication } from '../../../src/ledger/application.ts';
import { encodeBlock, encodeCertificate } from '../../../src/ledger/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { Mempool } from '../../../src/node/mempool.ts';
import { serveRange, Syncer } from '../../../src/node/sync.ts';
import { repushIntervalMs, TransactionGossip } from '../../../src/node/transaction-gossip.ts';
import type { ExecutedBlock } from '../../../src/ports/application.ts';
import type { Hash, Height, ValidatorId } from '../../../src/types/brand.ts';
import { alone } from '../ledger/test-chain.ts';
import { MemorySource } from '../ledger/memory-source.ts';

const peer = 'peer' as ValidatorId;

describe('P8: a transaction that a peer did not get', () => {
  it('is pushed again after a second, also when the clock was set back an hour meanwhile', () => {
    const hash = 'aa'.repeat(32) as Hash;
    const sent: string[] = [];
    let nowMs = 1_000_000_000;
    const gossip = new TransactionGossip({
      app: {
        checkTx: () => ({
          ok: true,
          hash,
          org: 'a',
          user: '',
          lane: 'normal',
          bytes: 1,
          notAfterMs: nowMs,
          pair: null,
        }),
      },
      mempool: new Mempool(),
      network: { broadcast: () => undefined, connected: () => [peer], send: (to: string) => sent.push(to) },
      peers: () => [peer],
      now: () => nowMs,
      onAvailable: () => undefined,
      onDefect: () => undefined,
      metrics: { received: () => undefined },
    } as unknown as ConstructorParameters<typeof TransactionGossip>[0]);
    gossip.submit(new Uint8Array([1]));
    nowMs -= 3_600_000;
    gossip.repush();
    expect(sent).toEqual([peer]);
    nowMs += repushIntervalMs;
    gossip.repush();
    expect(sent).toEqual([peer, peer]);
  });
});

describe('P8: a node that catches up', () => {
  it('gets what was decided while it did, though the chain idles and nobody speaks', async () => {
    const chain = alone().ready();
    for (let i = 0; i < 4; i++) chain.block();
    const decided = chain.blocks.slice(0, -1).map(({ block }, i) => ({
      block: encodeBlock(block),
      certificate: encodeCertificate(chain.blocks[i + 1]?.block.lastCertificate ?? never()),
    }));
    const source = new MemorySource();
    const app = createApplication({
      genesis: chain.genesis,
      backend: nativeBackend,
      source,
      precommitBytes: signBytes,
    });
    let visible = decided.length - 1;
    const stored = {
      block: (height: number) => (height <= visible ? decided[height - 1]?.block : undefined),
      certificate: (height: number) => decided[height - 1]?.certificate,
    };
    const syncer = new Syncer({
      app,
      chain: chain.app.genesisHash,
      network: {
        connected: () => [peer],
        request: async (_peer: ValidatorId, _method: string, bytes: Uint8Array) => serveRange(stored, bytes),
        drop: () => undefined,
      },
      sha256: nativeBackend.sha256,
      verify: nativeBackend.verifyEd25519,
      requireBody: () => undefined,
      apply: async (executed: ExecutedBlock) => {
        source.write(executed.writes);
        app.commit(executed);
        // The last one is decided while the range before it is applied.
        visible = decided.length;
      },
      onSynced: () => undefined,
      onDivergence: () => undefined,
      instead: () => false,
      info: () => undefined,
    } as unknown as ConstructorParameters<typeof Syncer>[0]);
    syncer.want(decided.length as Height, null);
    while (syncer.isRunning) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(app.info().height).toBe(decided.length);
  });
});

function never(): never {
  throw new Error('no certificate');
}
