import { setTimeout as sleep } from 'node:timers/promises';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { createApplication, type LastBlock } from '../ledger/application.ts';
import { decodeBlock, decodeCertificate, type LoadedGenesis } from '../ledger/index.ts';
import { signBytes } from '../consensus/index.ts';
import type { Application, ExecutedBlock } from '../ports/application.ts';
import type { CryptoBackend } from '../ports/crypto.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { HistoryGap, Store } from '../store/index.ts';
import type { Height } from '../types/brand.ts';
import type { Block, Certificate } from '../types/chain.ts';
import { isPeersFault } from './blame.ts';
import { committedBlock } from './commit-pipeline.ts';
import { decodeRange, encodeRangeRequest, executeCertified } from './sync.ts';

const requestTimeoutMs = 10_000;
const retryMs = 1_000;
/** Written together at most, so that memory stays small. */
const unsyncedMax = 32;
/** Consensus and reviews go first: this part of the time is left to them while there is history to execute. */
const idlePerBusy = 1;
/** Between two lines of the log. */
const progressBlocks = 1_000;

interface Decided {
  readonly block: Block;
  readonly certificate: Certificate;
}

interface Deps {
  readonly genesis: LoadedGenesis;
  readonly backend: CryptoBackend;
  readonly network: Pick<PeerNetwork, 'connected' | 'request' | 'drop'>;
  readonly store: Store;
  readonly requireBody: (block: Block) => void;
  /** The history that peers hold, certified block by block, does not lead to the certified state that this node began with. */
  readonly onDivergence: (height: Height, detail: string) => void;
  /** All heights are here. */
  readonly onWhole: () => void;
  readonly fatal: (error: unknown) => void;
  readonly info: (message: string, details: object) => void;
}

/**
 * Fetches what a snapshot left out, from the oldest block on, beside the work of the node. Each block is judged by its certificate and executed, as if it were
 * caught up with, on a state of its own; so leaves, log, indexes and archive come out as on every other node, and the last step shows that the state which this
 * node began with is what its history leads to. It goes on where it was after a restart.
 */
export class HistoryFetch {
  readonly #d: Deps;
  #app: Application | null = null;
  #running: Promise<void> | null = null;
  #stopped = false;
  /** Rejects when this is to end: an answer that is still to come is not waited for. */
  readonly #over = Promise.withResolvers<never>();
  #isClearing = false;
  #turn = 0;

  constructor(deps: Deps) {
    this.#d = deps;
    this.#over.promise.catch(() => undefined);
  }

  /** True while the place of the state that is needed no more is emptied. */
  get isClearing(): boolean {
    return this.#isClearing;
  }

  start(): void {
    if (this.#d.store.gap === null || this.#stopped) return;
    this.#running = this.#run().catch(this.#d.fatal);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#over.reject(new ChainError('NODE_NOT_READY', { reason: 'it is stopping' }));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { store, info, onWhole } = this.#d;
    const { gap } = store;
    if (gap !== null) info('fetching the history', { from: gap.through + 1, to: gap.from });
    for (let now = store.gap; now !== null && !this.#stopped; now = store.gap) {
      const before = now.through;
      await this.#range(now);
      if ((store.gap?.through ?? Infinity) === before) await sleep(retryMs);
    }
    this.#app = null;
    if (this.#stopped || gap === null) return;
    info('the history is here', { height: gap.from });
    onWhole();
    this.#isClearing = true;
    await store.clearUnusedStates();
    this.#isClearing = false;
  }

  /** One range from one peer. */
  async #range(gap: HistoryGap): Promise<void> {
    const { network, info } = this.#d;
    const app = (this.#app ??= this.#open(gap.through));
    if (gap.through + 1 === gap.from) return this.#take(app, this.#own(gap.from), gap.from);
    const peers = network.connected();
    const peer = peers[this.#turn++ % Math.max(1, peers.length)];
    if (peer === undefined) return;
    try {
      const request = encodeRangeRequest(gap.through + 1);
      const asked = network.request(peer, 'blocks', request, requestTimeoutMs);
      const answer = await Promise.race([asked, this.#over.promise]);
      const range = decodeRange(answer).filter(({ block }) => block.header.height < gap.from);
      await this.#take(app, range, gap.from);
    } catch (error) {
      if (!isChainError(error)) throw error;
      if (this.#stopped) return;
      const isMissing = error.code.startsWith('NET_');
      if (!isMissing && !isPeersFault(error)) throw error;
      if (!isMissing) network.drop(peer, error.message);
      info('history not had from peer', { peer, reason: error.message });
    }
  }

  /** The last step: the block that the node began with, on the state that its history leads to. */
  #own(height: number): Decided[] {
    const { store } = this.#d;
    const block = store.block(height);
    const certificate = store.certificate(height);
    if (block === undefined || certificate === undefined) throw new Error(`block ${height} is not in the store`);
    return [{ block: decodeBlock(block), certificate: decodeCertificate(certificate) }];
  }

  async #take(app: Application, range: readonly Decided[], from: number): Promise<void> {
    const { store, info } = this.#d;
    let durable: Promise<void> = Promise.resolve();
    let unsynced = 0;
    try {
      for (const { block, certificate } of range) {
        if (this.#stopped) return;
        const startMs = performance.now();
        const executed = this.#execute(app, block, certificate, from);
        if (executed === null) return;
        durable = store.commitHistory(committedBlock(executed, certificate));
        app.commit(executed);
        unsynced += 1;
        if (unsynced % unsyncedMax === 0) await durable;
        const { height } = block.header;
        if (height % progressBlocks === 0) info('fetching the history', { height, to: from });
        await sleep((performance.now() - startMs) * idlePerBusy);
      }
    } finally {
      await durable;
    }
  }

  /** Null, and the node stops signing, where what is certified computes to something else. */
  #execute(app: Application, block: Block, certificate: Certificate, from: number): ExecutedBlock | null {
    const { genesis, backend, requireBody, onDivergence } = this.#d;
    const { sha256, verifyEd25519: verify } = backend;
    try {
      return executeCertified({ app, chain: genesis.hash, sha256, verify, requireBody }, block, certificate);
    } catch (error) {
      const { height } = block.header;
      // The own block proves itself: if it does not follow, what came before it is another history.
      if (!isChainError(error, 'STATE_DIVERGENCE') && height !== from) throw error;
      this.#stopped = true;
      onDivergence(height, (error as Error).message);
      return null;
    }
  }

  #open(through: number): Application {
    const { genesis, backend, store } = this.#d;
    const source = {
      readBucket: (bucket: number) => store.readHistoryBucket(bucket),
      readNode: (level: number, index: number) => store.readNode(level, index),
      readLeaf: (index: number) => store.readLeaf(index),
    };
    const bytes = through > 0 ? store.block(through) : undefined;
    const state = through > 0 ? store.state(through) : undefined;
    const last: LastBlock | undefined =
      bytes === undefined || state === undefined ? undefined : { header: decodeBlock(bytes).header, state };
    return createApplication({
      genesis: genesis.genesis,
      backend,
      source,
      precommitBytes: signBytes,
      ...(last === undefined ? {} : { last }),
    });
  }
}
