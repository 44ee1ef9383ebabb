import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { encodeConsensusMessage } from '../../../src/codec/consensus-wire.ts';
import { ByteWriter } from '../../../src/codec/index.ts';
import { signBytes } from '../../../src/consensus/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { createApplication } from '../../../src/ledger/application.ts';
import { encodeBlock, encodeCertificate, type LoadedGenesis } from '../../../src/ledger/index.ts';
import { requireBody } from '../../../src/node/block-exchange.ts';
import { committedBlock } from '../../../src/node/commit-pipeline.ts';
import { messageKind } from '../../../src/node/engine.ts';
import { ConsensusHost, type HostOptions } from '../../../src/node/host.ts';
import { realWorld } from '../../../src/node/host-world.ts';
import { serveRange, Syncer } from '../../../src/node/sync.ts';
import type { Mesh, MeshOptions } from '../../../src/net/index.ts';
import type { ExecutedBlock } from '../../../src/ports/application.ts';
import type { PeerHandlers } from '../../../src/ports/network.ts';
import { openStore, Store, type CommittedBlock } from '../../../src/store/index.ts';
import { Table } from '../../../src/store/lmdb/table.ts';
import type { Height, Round, ValidatorId } from '../../../src/types/brand.ts';
import type { Block, Certificate } from '../../../src/types/chain.ts';
import type { ConsensusMessage } from '../../../src/types/consensus.ts';
import { quietLogger, quietMetrics } from '../../sim/quiet.ts';
import { alone, genesisOf, signerOf, START_MS, validatorOf } from '../ledger/test-chain.ts';
import { MemorySource } from '../ledger/memory-source.ts';

const { sha256, verifyEd25519 } = nativeBackend;
const peer = 'beta' as ValidatorId;

/** Two decided blocks of a chain of one validator, as a peer sends them. */
function decided() {
  const chain = alone(genesisOf({ orgs: ['alpha'], policies: [] }));
  const blocks: { executed: ExecutedBlock; certificate: Certificate }[] = [];
  for (const ms of [1, 2]) {
    const executed = chain.advance(ms).block();
    blocks.push({ executed, certificate: chain.certificate });
  }
  const rangeOf = (certificateOf: (at: number) => Certificate): Uint8Array => {
    const writer = new ByteWriter().u16(blocks.length);
    for (const [at, { executed }] of blocks.entries())
      writer
        .lengthPrefixed(encodeBlock(executed.block), 65_535)
        .lengthPrefixed(encodeCertificate(certificateOf(at)), 65_535);
    return writer.finish();
  };
  return { chain, blocks, rangeOf, range: rangeOf((at) => blocks[at]!.certificate) };
}

/** A node at genesis that catches up by that answer, over a store that may lose what it is given. */
function catchingUp(answer: Uint8Array, { chain }: ReturnType<typeof decided>, keeps: boolean) {
  const source = new MemorySource();
  const app = createApplication({
    genesis: chain.genesis,
    backend: nativeBackend,
    source,
    precommitBytes: signBytes,
  });
  const dropped: string[] = [];
  const fatal = vi.fn<(error: unknown) => void>();
  const request = vi.fn<() => Promise<Uint8Array>>(async () => answer);
  const syncer = new Syncer({
    app,
    chain: app.genesisHash,
    network: { connected: () => [peer], request, drop: (_: ValidatorId, why: string) => dropped.push(why) },
    sha256,
    verify: verifyEd25519,
    requireBody: (block: Block) => requireBody(block, sha256),
    apply: async (executed: ExecutedBlock) => {
      source.write(keeps ? executed.writes : { ...executed.writes, nodes: [] });
      app.commit(executed);
    },
    onSynced: () => undefined,
    onDivergence: () => undefined,
    fatal,
    instead: () => false,
    info: () => undefined,
  } as unknown as ConstructorParameters<typeof Syncer>[0]);
  return { app, syncer, dropped, fatal, request };
}

describe('a node that catches up', () => {
  it('P8: cuts off nobody for what its own store does not give back, and ends', async () => {
    const chain = decided();
    const { syncer, dropped, fatal, request } = catchingUp(chain.range, chain, false);
    syncer.want(3 as Height, peer);
    await vi.waitFor(() => expect(syncer.isRunning).toBe(false), { timeout: 60_000 });
    expect(dropped).toEqual([]);
    expect(fatal).toHaveBeenCalledOnce();
    expect(fatal.mock.calls[0]![0]).toMatchObject({ code: 'LEDGER_TREE_NODE_MISSING' });
    // The same block of another peer would meet the same store.
    expect(request.mock.calls.length).toBeLessThanOrEqual(2);
  });

  it('cuts off who sends a certificate that proves nothing, and goes on', async () => {
    const chain = decided();
    const [, second] = chain.blocks;
    const forged = { ...second!.certificate, signatures: second!.certificate.signatures.slice(1) };
    const range = chain.rangeOf((at) => (at === 0 ? chain.blocks[0]!.certificate : forged));
    const { app, syncer, dropped, fatal } = catchingUp(range, chain, true);
    syncer.want(3 as Height, peer);
    await vi.waitUntil(() => dropped.length > 0 || fatal.mock.calls.length > 0, { timeout: 60_000 });
    await syncer.stop();
    expect(dropped.length).toBeGreaterThan(0);
    expect(app.info().height).toBe(1);
    expect(fatal).not.toHaveBeenCalled();
  });
});

describe('a store whose disk failed', () => {
  it('still shows every block from the moment it was handed in, so that the next one can be executed on it', async () => {
    const { chain, blocks } = decided();
    const table = new Table('/nowhere', {
      get: () => undefined,
      doesExist: () => false,
      getKeys: () => [],
      getRange: () => [],
      batch: () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' })),
      put: () => Promise.resolve(),
      remove: () => Promise.resolve(),
      getStats: () => ({}),
      close: () => Promise.resolve(),
    });
    const store = new Store({
      dir: '/nowhere',
      chain: chain.app.genesisHash,
      created: false,
      table,
      onClose: () => undefined,
    });
    // Not a block: whoever writes something else may hear first, and may not tell.
    await expect(store.local.put('checkpoint/last', new Uint8Array(1))).rejects.toMatchObject({ code: 'STORE_FULL' });

    const app = createApplication({
      genesis: chain.genesis,
      backend: nativeBackend,
      source: store,
      precommitBytes: signBytes,
    });
    const refused: Promise<unknown>[] = [];
    for (const { executed, certificate } of blocks) {
      const result = app.processProposal(executed.block);
      if (!result.ok) throw new ChainError('SYNC_RANGE_INVALID', { height: 0, reason: result.message });
      const block: CommittedBlock = committedBlock(result.executed, certificate);
      refused.push(store.commitBlock(block).catch((error: unknown) => error));
      app.commit(result.executed);
      expect(store.blockId(block.height)).toBe(block.blockId);
    }
    expect(app.info().height).toBe(2);
    expect(app.info().timeMs).toBeGreaterThan(START_MS);
    for (const error of await Promise.all(refused)) expect(error).toMatchObject({ code: 'STORE_FULL' });
    // A peer is served from it as before.
    expect(serveRange(store, new ByteWriter().u64(1).u16(9).finish()).length).toBeGreaterThan(100);
  });
});

describe('what a peer sends while the own store is damaged', () => {
  /** A node of four on a disk of this machine, with peers that the test speaks for. */
  async function hosted() {
    const dir = await mkdtemp(join(tmpdir(), 'kubectl-chain-own-fault-'));
    const chain = alone();
    const genesis = { genesis: chain.genesis, hash: chain.app.genesisHash } as LoadedGenesis;
    const dropped: string[] = [];
    const fatal = vi.fn<(error: unknown) => void>();
    let handlers: PeerHandlers | undefined;
    const createMesh = (options: MeshOptions): Mesh => {
      ({ handlers } = options);
      return {
        address: '',
        send: () => undefined,
        broadcast: () => undefined,
        request: () => Promise.reject(new ChainError('NET_UNREACHABLE', { peer, detail: 'nobody is there' })),
        connected: () => [],
        setPeers: () => undefined,
        drop: (_peer, why) => dropped.push(why),
        start: () => Promise.resolve(),
        stop: () => Promise.resolve(),
        stats: () => ({}) as ReturnType<Mesh['stats']>,
      };
    };
    const host = await ConsensusHost.open({
      config: {
        dataDir: dir,
        peer: { listen: '127.0.0.1:0' },
        catchUp: { snapshotFromBlocks: 5_000 },
      } as HostOptions['config'],
      genesis,
      self: validatorOf('alpha'),
      identity: { vote: signerOf('alpha vote'), peer: { key: '', cert: '' } },
      metrics: quietMetrics,
      log: quietLogger,
      onCommitted: () => undefined,
      onEvidence: () => undefined,
      serve: async () => new Uint8Array(),
      fatal,
      // One with a past: an empty one takes part only once it knows where the others are.
      world: { ...realWorld, createMesh, openStore: (path, options) => openStore(path, { chain: options.chain }) },
    });
    onTestFinished(async () => {
      await host.stop();
      await rm(dir, { recursive: true, force: true });
    });
    await host.start();
    return { host, handlers: handlers!, dropped, fatal };
  }

  it.each(['consensus', 'transaction'] as const)(
    'P8: on the %s channel costs nobody the connection',
    async (channel) => {
      const { host, handlers, dropped, fatal } = await hosted();
      const damaged = new ChainError('STORE_DAMAGED', { where: 'block 1', detail: 'the test says so' });
      const fails = (): never => {
        throw damaged;
      };
      vi.spyOn(host.app, 'checkTx').mockImplementation(fails);
      vi.spyOn(host.app, 'info').mockImplementation(fails);
      const vote: ConsensusMessage = {
        kind: 'vote',
        type: 'prevote',
        height: 1 as Height,
        round: 0 as Round,
        blockId: null,
        validator: 1,
        signature: new Uint8Array(64),
      };
      const kind = channel === 'consensus' ? messageKind : 1;
      handlers.onMessage(peer, channel, Uint8Array.of(kind, ...encodeConsensusMessage(vote)));
      vi.restoreAllMocks();
      expect(dropped).toEqual([]);
      expect(fatal.mock.calls).toEqual([[damaged]]);
      // What is wrong for everybody still does.
      handlers.onMessage(peer, channel, Uint8Array.of(77));
      expect(dropped).toHaveLength(1);
      expect(fatal).toHaveBeenCalledOnce();
    },
  );
});
