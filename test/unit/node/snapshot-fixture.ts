import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { signBytes } from '../../../src/consensus/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { createApplication } from '../../../src/ledger/application.ts';
import { decodeBlock, genesisHashOf, type LoadedGenesis } from '../../../src/ledger/index.ts';
import { committedBlock } from '../../../src/node/commit-pipeline.ts';
import { HistoryFetch } from '../../../src/node/history-fetch.ts';
import { SnapshotFetch } from '../../../src/node/snapshot-fetch.ts';
import { SnapshotServer } from '../../../src/node/snapshot-server.ts';
import { serveRange } from '../../../src/node/sync.ts';
import { decodeSetsRequest, encodeSets } from '../../../src/node/validator-sets.ts';
import { openStore, type Store } from '../../../src/store/index.ts';
import type { Application } from '../../../src/ports/application.ts';
import type { LedgerReader } from '../../../src/ports/ledger-reader.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import type { Block, Certificate } from '../../../src/types/chain.ts';
import { FakeNode } from '../client/fake-node.ts';
import { changeOf, TestChain } from '../ledger/test-chain.ts';

export interface DecidedBlock {
  readonly block: Block;
  readonly certificate: Certificate;
}

/** A chain with decided blocks that others can follow. */
export class DecidedChain {
  readonly chain: TestChain;
  readonly decided: DecidedBlock[] = [];

  constructor(chain: TestChain) {
    this.chain = chain;
  }

  get genesis(): LoadedGenesis {
    const { genesis } = this.chain;
    return { genesis, hash: genesisHashOf(genesis, nativeBackend.sha256), bytes: new Uint8Array() };
  }

  /** Blocks of one change each, of objects that come back. */
  grow(count: number): this {
    for (let i = 0; i < count; i += 1) {
      const n = this.decided.length;
      this.chain.review(changeOf(`content ${n}`, { namespace: 'dev', name: `web-${n % 7}` }));
      this.note();
    }
    return this;
  }

  /** Takes over what the chain has decided last. */
  note(): void {
    const { blocks, certificate } = this.chain;
    for (const { block } of blocks.slice(this.decided.length)) {
      const own = blocks[block.header.height]?.block.lastCertificate ?? certificate;
      this.decided.push({ block, certificate: own });
    }
  }
}

export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'chain-snapshot-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** What a node has of ledger and store, and how it answers peers. */
export class Node {
  readonly dir: string;
  readonly genesis: LoadedGenesis;
  /** Tells how the validator sets came about. */
  readonly chain: FakeNode;
  store!: Store;
  app!: Application & LedgerReader;
  server!: SnapshotServer;
  nowMs = 0;

  constructor(chain: DecidedChain, dir = temporaryFolder()) {
    this.dir = dir;
    this.genesis = chain.genesis;
    this.chain = new FakeNode(chain.chain);
  }

  static async of(chain: DecidedChain, through = chain.decided.length): Promise<Node> {
    const node = new Node(chain);
    await node.open();
    onTestFinished(() => node.store.close());
    await node.follow(chain.decided.slice(0, through));
    return node;
  }

  /** As a node starts; also again, after `store.close()`. */
  async open(): Promise<void> {
    const { genesis } = this;
    this.store = await openStore(this.dir, { chain: genesis.hash });
    const height = this.store.lastHeight();
    const bytes = height > 0 ? this.store.block(height) : undefined;
    const state = height > 0 ? this.store.state(height) : undefined;
    this.app = createApplication({
      genesis: genesis.genesis,
      backend: nativeBackend,
      source: this.store,
      precommitBytes: signBytes,
      ...(bytes === undefined || state === undefined ? {} : { last: { header: decodeBlock(bytes).header, state } }),
    });
    this.server = new SnapshotServer({ app: this.app, store: this.store, nowMs: () => this.nowMs });
  }

  async follow(blocks: readonly DecidedBlock[]): Promise<void> {
    let durable: Promise<void> = Promise.resolve();
    for (const { block, certificate } of blocks) {
      const result = this.app.processProposal(block);
      if (!result.ok) throw new Error(`block ${block.header.height}: ${result.code} ${result.message}`);
      this.server.beforeCommit(result.executed.writes.buckets);
      durable = this.store.commitBlock(committedBlock(result.executed, certificate));
      this.app.commit(result.executed);
    }
    await durable;
  }

  answer(method: string, request: Uint8Array): Uint8Array {
    switch (method) {
      case 'snapshot':
        return this.server.serveHead(request);
      case 'buckets':
        return this.server.serveBuckets(request);
      case 'blocks':
        return serveRange(this.store, request);
      case 'validator-sets':
        return encodeSets(this.chain.handovers(decodeSetsRequest(request), 100));
      default:
        throw new Error(`nobody answers ${method}`);
    }
  }
}

type Answer = (method: string, request: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** Peers by name; a dropped one is gone. */
export class FakePeers {
  readonly #peers = new Map<string, Answer>();
  readonly dropped: string[] = [];
  readonly asked: string[] = [];

  add(name: string, answer: Answer): this {
    this.#peers.set(name, answer);
    return this;
  }

  readonly connected = (): readonly ValidatorId[] => [...this.#peers.keys()] as ValidatorId[];

  readonly request = async (to: ValidatorId, method: string, request: Uint8Array): Promise<Uint8Array> => {
    const answer = this.#peers.get(to);
    if (answer === undefined) throw new ChainError('NET_UNREACHABLE', { peer: to, detail: 'it is not there' });
    this.asked.push(`${to} ${method}`);
    return answer(method, request);
  };

  readonly drop = (peer: ValidatorId): void => {
    this.#peers.delete(peer);
    this.dropped.push(peer);
  };
}

/** Resolves with `ready` when the state is there, with null when the attempt is over without it. */
export async function fetchState(
  node: Node,
  network: FakePeers,
  more: { fromBlocks?: number; target?: number; onWrite?: (fetch: SnapshotFetch, buckets: number) => void } = {},
): Promise<SnapshotFetch> {
  const { store } = node;
  let isOver = (): void => undefined;
  const over = new Promise<void>((resolve) => (isOver = resolve));
  const fetch: SnapshotFetch = new SnapshotFetch({
    genesis: node.genesis,
    backend: nativeBackend,
    network,
    store: {
      snapshotBuckets: () => store.snapshotBuckets(),
      readSnapshotBucket: (bucket) => store.readSnapshotBucket(bucket),
      writeSnapshotBuckets: async (buckets) => {
        await store.writeSnapshotBuckets(buckets);
        more.onWrite?.(fetch, buckets.length);
      },
    },
    height: () => node.app.info().height,
    fromBlocks: more.fromBlocks ?? 10,
    onReady: isOver,
    fatal: (error) => {
      throw error;
    },
    info: (message) => message.startsWith('the state could not') && isOver(),
    nowMs: () => 1_000_000_000,
  });
  fetch.consider(more.target ?? 1_000_000);
  await Promise.race([over, fetch.settled()]);
  return fetch;
}

/** Runs until there is no gap any more. */
export async function fetchHistory(node: Node, network: FakePeers): Promise<{ diverged: string[] }> {
  const diverged: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const history = new HistoryFetch({
      genesis: node.genesis,
      backend: nativeBackend,
      network,
      store: node.store,
      requireBody: () => undefined,
      onDivergence: (height, detail) => {
        diverged.push(`${height}: ${detail}`);
        resolve();
      },
      onWhole: resolve,
      fatal: reject,
      info: () => undefined,
    });
    history.start();
    onTestFinished(() => history.stop());
  });
  return { diverged };
}
