import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeWalRecord } from '../../../src/codec/consensus-wal.ts';
import { initialState } from '../../../src/consensus/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { certificateHashOf } from '../../../src/ledger/certificate.ts';
import { BLOCK_BYTES_CAP } from '../../../src/ledger/limits.ts';
import { BlockExchange } from '../../../src/node/block-exchange.ts';
import { CommitPipeline } from '../../../src/node/commit-pipeline.ts';
import { openConsensusLog } from '../../../src/node/consensus-log.ts';
import { Engine } from '../../../src/node/engine.ts';
import { Mempool } from '../../../src/node/mempool.ts';
import type { ExecutedBlock } from '../../../src/ports/application.ts';
import type { PeerNetwork } from '../../../src/ports/network.ts';
import { frameHeaderBytes } from '../../../src/store/wal/frame.ts';
import { segmentName } from '../../../src/store/wal/segments.ts';
import { openStore, openWal, type CommittedBlock } from '../../../src/store/index.ts';
import type { Hash, Height, Round, ValidatorId } from '../../../src/types/brand.ts';
import type { Certificate } from '../../../src/types/chain.ts';
import { alone, genesisOf, signerOf, TestChain } from '../ledger/test-chain.ts';

const { sha256, verifyEd25519 } = nativeBackend;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The engine of a chain with one validator, on a disk whose syncs end when the test says so, and so, if asked, do those of the store. */
function engineOnSlowDisk({ slowStore = false, starts = true } = {}) {
  const chain: TestChain = alone(genesisOf({ orgs: ['alpha'], policies: [] }));
  const { app, source } = chain;
  const syncs: (() => void)[] = [];
  const stored: (() => void)[] = [];
  const sent: Uint8Array[] = [];
  const told: number[] = [];
  const mempool = new Mempool();
  const network: PeerNetwork = {
    send: (_to, _channel, bytes) => void sent.push(bytes),
    broadcast: (_channel, bytes) => void sent.push(bytes),
    request: () => Promise.reject(new Error('nobody is there')),
    connected: () => [],
    setPeers: () => undefined,
    drop: () => undefined,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
  const commitBlock = ({ writes }: CommittedBlock): Promise<void> => {
    source.write(writes);
    return slowStore ? new Promise((resolve) => stored.push(resolve)) : Promise.resolve();
  };
  const ignore = (): void => undefined;
  const engine = new Engine({
    chain: app.genesisHash,
    self: 'alpha' as ValidatorId,
    voteKey: signerOf('alpha vote').publicKey,
    onApplied: ignore,
    app,
    state: initialState({ chain: app.genesisHash, sign: (message) => signerOf('alpha vote').sign(message) }),
    wal: {
      append: () => new Promise((resolve) => syncs.push(resolve)),
      truncateBefore: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    pipeline: new CommitPipeline({ commitBlock }, ignore, ignore),
    network,
    mempool,
    exchange: new BlockExchange({
      network,
      mempool,
      sha256,
      height: () => app.info().height,
      lastBlock: () => undefined,
      warn: ignore,
    }),
    sha256,
    verify: verifyEd25519,
    now: () => chain.nowMs,
    lastCertificate: null,
    observes: () => false,
    onCommitted: (executed) => told.push(executed.block.header.height),
    onEvidence: ignore,
    onSyncWanted: ignore,
    onHalt: ignore,
    fatal: ignore,
    warn: ignore,
    metrics: { decided: ignore, refusedMessage: ignore },
  });
  onTestFinished(() => engine.stop());
  const tx = chain.sign({
    kind: 'cluster-key',
    node: 'alpha' as ValidatorId,
    cluster: chain.genesis.clusters[0]!.name,
    keyId: 'ab'.repeat(32) as Hash,
  });
  const check = app.checkTx(tx, chain.nowMs);
  if (!check.ok) throw new Error(check.message);
  mempool.add(check, tx);
  const start = (): void => {
    engine.start();
    engine.transactionsAvailable();
  };
  if (starts) start();
  return { syncs, stored, sent, told, engine, chain, start };
}

describe('before the log is durable', () => {
  it('P8: no commit is told, and nothing that was signed leaves the node', async () => {
    const { syncs, sent, told } = engineOnSlowDisk();
    await turn();
    expect(syncs.length).toBeGreaterThan(0);
    expect(told).toEqual([]);
    expect(sent).toEqual([]);
    while (syncs.length > 0) {
      for (const sync of syncs.splice(0)) sync();
      await turn();
    }
    expect(told).toEqual([1]);
    expect(sent.length).toBeGreaterThan(0);
  });
});

describe('blocks that a peer sends while the own log is slow', () => {
  /** The next block, as a peer sends it: made of nothing, and proven by whatever the caller did not check. */
  const nextOf = ({ engine, chain }: ReturnType<typeof engineOnSlowDisk>): [ExecutedBlock, Certificate] => {
    const { height, blockId, timeMs } = chain.app.info();
    const { lastCertificate } = engine;
    const executed = chain.app.prepareProposal({
      height: (height + 1) as Height,
      proposer: 'alpha' as ValidatorId,
      timeMs: timeMs + 1,
      previous: blockId,
      lastCertificate,
      lastCertificateHash: certificateHashOf(lastCertificate, sha256),
      txs: [],
    });
    const certificate: Certificate = {
      ...(lastCertificate ?? { round: 0 as Round, signatures: [] }),
      height: (height + 1) as Height,
      blockId: executed.blockId,
    };
    return [executed, certificate];
  };

  it('are told after the one that was decided here before them, which is durable by then', async () => {
    const node = engineOnSlowDisk();
    await turn();
    expect(node.engine.lastCertificate?.height).toBe(1);
    const [executed, certificate] = nextOf(node);
    await node.engine.applySynced(executed, certificate, false);
    expect(node.told).toEqual([]);
    node.engine.syncedBlock(certificate);
    expect(node.told).toEqual([1, 2]);
    while (node.syncs.length > 0) {
      for (const sync of node.syncs.splice(0)) sync();
      await turn();
    }
    expect(node.told).toEqual([1, 2]);
  });

  it('P3: are durable before anything is signed above them', async () => {
    const node = engineOnSlowDisk({ slowStore: true, starts: false });
    const certificates: Certificate[] = [];
    for (let more = 0; more < 2; more += 1) {
      const [executed, certificate] = nextOf(node);
      void node.engine.applySynced(executed, certificate, false);
      certificates.push(certificate);
    }
    // Who knew nothing when it started learns where the others are, and takes part, while they are being written.
    node.start();
    await turn();
    expect(node.syncs).toEqual([]);
    for (const done of node.stored.splice(0)) done();
    await turn();
    for (const certificate of certificates) node.engine.syncedBlock(certificate);
    await turn();
    expect(node.told).toEqual([1, 2]);
    // It proposes at height 3, above the newest of them.
    expect(node.syncs.length).toBeGreaterThan(0);
    expect(node.engine.lastCertificate?.height).toBe(3);
  });
});

describe('before the store is durable', () => {
  it('P3: the log forgets nothing', async () => {
    let synced = (): void => undefined;
    const forgotten: number[] = [];
    const commitBlock = (): Promise<void> => new Promise((resolve) => (synced = resolve));
    const pipeline = new CommitPipeline(
      { commitBlock },
      (height) => forgotten.push(height),
      () => undefined,
    );
    const done = pipeline.push({ height: 1 } as CommittedBlock);
    await turn();
    expect(forgotten).toEqual([]);
    synced();
    await done;
    expect(forgotten).toEqual([1]);
  });
});

describe('a log that is damaged', () => {
  it('P7: is not signed with: the node observes and says why', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'kubectl-chain-log-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    const store = await openStore(dir, { chain: 'ab'.repeat(32) as Hash });
    onTestFinished(() => store.close());
    const wal = join(dir, 'wal');
    const first = await openConsensusLog(store, wal, openWal);
    expect(first.observeReason).toBe('');
    const entry = { kind: 'round-entry' as const, height: 1 as Height, round: 1 as Round };
    const bytes = encodeWalRecord({ record: entry, body: null }, BLOCK_BYTES_CAP);
    await first.wal.append([bytes], { height: 1, round: 1, step: 2 }, 1);
    await first.wal.close();
    const segment = join(wal, segmentName(1));
    const content = await readFile(segment);
    content[frameHeaderBytes] = content[frameHeaderBytes]! ^ 1;
    await writeFile(segment, content);

    const second = await openConsensusLog(store, wal, openWal);
    expect(second.observeReason).toMatch(/damaged.*frame 1/);
    expect(second.records).toEqual([]);
    await second.wal.close();
  });
});
