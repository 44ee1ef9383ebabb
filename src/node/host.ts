import { join } from 'node:path';
import type { Logger } from 'pino';
import { toHex } from '../codec/index.ts';
import { quorumOf, restore, signBytes, verifyCertificate, type Effect, type HaltReason } from '../consensus/index.ts';
import { VerifiedAhead } from '../crypto/ahead.ts';
import { RememberedSignatures } from '../crypto/remembered.ts';
import { ChainError } from '../errors/chain-error.ts';
import { createApplication } from '../ledger/application.ts';
import { decodeBlock, decodeCertificate, type LoadedGenesis } from '../ledger/index.ts';
import type { Mesh } from '../net/index.ts';
import type { Application, ExecutedBlock } from '../ports/application.ts';
import type { BatchVerifier } from '../ports/crypto.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { Store } from '../store/index.ts';
import type { Hash, Height, ValidatorId } from '../types/brand.ts';
import type { Block, Certificate, Validator } from '../types/chain.ts';
import { ClockCheck } from './clock-check.ts';
import { isOwnFault, isPeersFault } from './blame.ts';
import { BlockExchange, requireBody } from './block-exchange.ts';
import { CommitPipeline } from './commit-pipeline.ts';
import { hostAndPort, type NodeConfig } from './config.ts';
import { openConsensusLog, type ConsensusLog } from './consensus-log.ts';
import { Engine } from './engine.ts';
import { realWorld, type HostWorld } from './host-world.ts';
import type { NodeIdentity } from './identity.ts';
import { Mempool } from './mempool.ts';
import type { NodeMetrics } from './metrics.ts';
import { encodeProgress, observeKey, ObservingUntil, pastOf, unknownPast } from './observing-until.ts';
import { QueueTime } from './queue-time.ts';
import { Submitter } from './submitter.ts';
import { HistoryFetch } from './history-fetch.ts';
import { SnapshotFetch, type SnapshotProgress } from './snapshot-fetch.ts';
import { SnapshotServer } from './snapshot-server.ts';
import { serveRange, Syncer } from './sync.ts';
import { TransactionGossip } from './transaction-gossip.ts';

/** Votes of some heights of the largest set. */
const votesRemembered = 256;
const housekeepingMs = 1_000;
const obstacleCheckMs = 20;
/** A transaction that expired stays this long, so that a block of about then can still record it as expired. */
const expiryGraceMs = 10_000;

export interface HostOptions {
  readonly config: NodeConfig;
  readonly genesis: LoadedGenesis;
  readonly self: Validator;
  readonly identity: Pick<NodeIdentity, 'vote' | 'peer'>;
  readonly metrics: NodeMetrics;
  readonly log: Logger;
  /** A block became the state that reads see. */
  readonly onApplied?: () => void;
  /** A block is decided and durable here. */
  readonly onCommitted: (executed: ExecutedBlock) => void;
  /** A second process signs with this node's vote key: see `stopSigning`. */
  readonly onKeyElsewhere?: (height: number) => void;
  readonly onEvidence: (equivocation: Extract<Effect, { type: 'evidence' }>['equivocation']) => void;
  /** Answers requests of peers that are not about blocks. */
  readonly serve: (from: ValidatorId, method: string, request: Uint8Array) => Promise<Uint8Array>;
  readonly fatal: (error: unknown) => void;
  /** A whole state is on disk: this host takes it over when it stops, and is to be opened again. Absent: blocks are all that is fetched. */
  readonly onSnapshot?: () => void;
  /** The heights that a snapshot left out are here now. */
  readonly onWhole?: () => void;
  /** The real one unless given. */
  readonly world?: HostWorld;
}

/** Consensus, ledger, store and mesh of a node: everything that orders and keeps transactions. */
export class ConsensusHost {
  readonly app: Application & LedgerReader;
  readonly store: Store;
  readonly mesh: Mesh;
  readonly submitter: Submitter;
  readonly mempool = new Mempool();
  readonly #o: HostOptions;
  readonly #engine: Engine;
  readonly #gossip: TransactionGossip;
  readonly #exchange: BlockExchange;
  readonly #syncer: Syncer;
  readonly #pipeline: CommitPipeline;
  readonly #consensusLog: ConsensusLog;
  readonly #until: ObservingUntil | null;
  readonly #snapshots: SnapshotServer;
  readonly #snapshot: SnapshotFetch;
  readonly #history: HistoryFetch;
  readonly #settling = new Set<() => void>();
  readonly #others: BatchVerifier | undefined;
  #housekeeping: NodeJS.Timeout | undefined;
  #divergence: string | null = null;
  #elsewhere = '';
  readonly #clock = new ClockCheck();
  readonly #queueTime = new QueueTime();
  #peers = '';
  #stopped = false;
  #onUnderway: () => void = () => undefined;

  /** Opens the store and the log, brings the state machine to the last decided block, connects nothing yet. */
  static async open(options: HostOptions): Promise<ConsensusHost> {
    const { config, genesis, world = realWorld } = options;
    const store = await world.openStore(config.dataDir, {
      chain: genesis.hash,
      local: [[observeKey, unknownPast('empty')]],
    });
    try {
      const consensusLog = await openConsensusLog(store, join(config.dataDir, 'wal'), world.openWal);
      const host = await new ConsensusHost(options, store, consensusLog).#recover();
      store.opened();
      return host;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  private constructor(options: HostOptions, store: Store, consensusLog: ConsensusLog) {
    const { config, genesis, self, identity, metrics, log, world = realWorld } = options;
    const { trace } = world;
    this.#others = world.verifyAhead?.();
    const ahead = this.#others === undefined ? undefined : new VerifiedAhead(world.backend.verifyEd25519, this.#others);
    const backend = ahead === undefined ? world.backend : { ...world.backend, verifyEd25519: ahead.verify };
    const { sha256 } = backend;
    const votes = new RememberedSignatures(backend.verifyEd25519, votesRemembered);
    const verifyEd25519 = votes.verify;
    const now = (): number => Date.now();
    this.#o = options;
    this.store = store;
    this.#consensusLog = consensusLog;
    const height = store.lastHeight();
    const lastBytes = height > 0 ? store.block(height) : undefined;
    const lastState = height > 0 ? store.state(height) : undefined;
    this.app = createApplication({
      genesis: genesis.genesis,
      backend,
      source: store,
      precommitBytes: signBytes,
      verifyVote: verifyEd25519,
      ...(lastBytes === undefined || lastState === undefined
        ? {}
        : { last: { header: decodeBlock(lastBytes).header, state: lastState } }),
    });
    const { app, mempool } = this;
    this.#snapshots = new SnapshotServer({ app, store, nowMs: now });
    this.#pipeline = new CommitPipeline(
      {
        commitBlock: (block, lingerMs) => {
          this.#snapshots.beforeCommit(block.writes.buckets);
          return store.commitBlock(block, lingerMs);
        },
      },
      (durable) => void consensusLog.wal.truncateBefore(durable + 1).catch(options.fatal),
      options.fatal,
    );
    this.mesh = world.createMesh({
      self: self.id,
      privateKeyPem: identity.peer.key,
      certificatePem: identity.peer.cert,
      ...listenOf(config.peer.listen),
      chain: genesis.hash,
      handlers: {
        onMessage: (from, channel, bytes) => this.#onMessage(from, channel, bytes),
        onRequest: (from, method, bytes) => this.#onRequest(from, method, bytes),
        onPeerUp: (peer) => this.#engine.onPeerUp(peer),
        onPeerDown: (peer) => this.#engine.onPeerDown(peer),
      },
      logger: log.child({ part: 'net' }),
      metrics: (event) => metrics.network.inc({ event: event.kind }),
    });
    const warn = (message: string, details: object): void => log.warn(details, message);
    this.#exchange = new BlockExchange({
      network: this.mesh,
      mempool,
      sha256,
      height: () => app.info().height,
      lastBlock: (blockId) => (app.info().blockId === blockId ? store.block(app.info().height) : undefined),
      warn,
    });
    this.#gossip = new TransactionGossip({
      app,
      mempool,
      network: this.mesh,
      peers: () => app.info().validators.flatMap(({ id }) => (id === self.id ? [] : [id])),
      now,
      onAvailable: () => {
        this.#exchange.onTransaction();
        this.#engine.transactionsAvailable();
      },
      onDefect: options.fatal,
      metrics: { received: (outcome) => metrics.gossip.inc({ outcome }) },
    });
    this.submitter = new Submitter(this.#gossip, now);
    const lastCertificate = height > 0 ? store.certificate(height) : undefined;
    const state = restore(
      {
        chain: genesis.hash,
        sign: consensusLog.observeReason === '' ? (message) => votes.sign(identity.vote, message) : null,
        ...(trace === undefined ? {} : { trace }),
      },
      consensusLog.records.map(({ record }) => record),
      consensusLog.position === null
        ? null
        : { ...consensusLog.position, step: consensusLog.position.step as 0 | 1 | 2 | 3 },
    );
    this.#engine = new Engine({
      chain: genesis.hash,
      self: self.id,
      voteKey: identity.vote.publicKey,
      app,
      state,
      wal: consensusLog.wal,
      pipeline: this.#pipeline,
      network: this.mesh,
      mempool,
      exchange: this.#exchange,
      sha256,
      verify: verifyEd25519,
      now,
      lastCertificate: lastCertificate === undefined ? null : decodeCertificate(lastCertificate),
      observes: (at) => this.#signsNothing !== '' || (this.#until?.observes(at) ?? false),
      onKeyElsewhere: options.onKeyElsewhere,
      onApplied: () => options.onApplied?.(),
      onCommitted: (executed, certificate, isSynced) => {
        if (!isSynced) this.#queueTime.decided(executed.txs.length, mempool.size, now());
        if (certificate.round === 0 && !isSynced) this.#clock.note(executed.block.header, self.id, now());
        this.#committed(executed);
      },
      onEvidence: options.onEvidence,
      onSyncWanted: (target, from) => this.#syncer.want(target, from),
      onHalt: (reason) => this.#halted(reason),
      fatal: options.fatal,
      warn,
      metrics: {
        decided: (_height, round, txs) => {
          metrics.rounds.observe(round);
          metrics.transactions.inc(txs);
        },
        refusedMessage: () => metrics.consensusRefused.inc(),
      },
    });
    this.#syncer = new Syncer({
      app,
      chain: genesis.hash,
      network: this.mesh,
      sha256,
      verify: verifyEd25519,
      ...(ahead === undefined ? {} : { ahead: ahead.ahead }),
      requireBody: (block) => requireBody(block, sha256),
      apply: (executed, certificate, moreFollow) => this.#engine.applySynced(executed, certificate, moreFollow),
      onSynced: (certificate) => this.#engine.syncedBlock(certificate),
      onDivergence: (height_, detail) => this.#diverged(height_, detail),
      fatal: options.fatal,
      instead: (target) => this.#fetchesState(target),
      info: (message, details) => log.info(details, message),
    });
    const fetches = { genesis, backend, network: this.mesh, store, fatal: options.fatal };
    const info = (message: string, details: object): void => log.info(details, message);
    this.#snapshot = new SnapshotFetch({
      ...fetches,
      height: () => app.info().height,
      fromBlocks: config.catchUp.snapshotFromBlocks,
      onReady: () => options.onSnapshot?.(),
      info,
      nowMs: now,
    });
    this.#history = new HistoryFetch({
      ...fetches,
      requireBody: (block) => requireBody(block, sha256),
      onDivergence: (height_, detail) => this.#diverged(height_, detail),
      onWhole: () => options.onWhole?.(),
      info,
    });
    const past = pastOf(store.local.get(observeKey));
    this.#until =
      past === null
        ? null
        : new ObservingUntil({
            past,
            network: this.mesh,
            validators: () => app.info().validators.length,
            height: () => app.info().height,
            isBehind: () => this.#syncer.isBehind || this.#snapshot.isUnderWay,
            verify: (certificate) =>
              verifyCertificate(
                {
                  chain: genesis.hash,
                  voteKeys: app.info().validators.map(({ voteKey }) => voteKey),
                  verify: verifyEd25519,
                },
                certificate,
              ),
            onShown: (shown, peer) => this.#syncer.want((shown + 1) as Height, peer),
            onUnderway: () => this.#onUnderway(),
            save: (bytes) => store.local.put(observeKey, bytes),
            nowMs: now,
          });
  }

  /** What keeps this node from signing, for people; empty if nothing does. */
  get observeReason(): string {
    return this.#signsNothing || this.forgotten;
  }

  get #signsNothing(): string {
    return this.#consensusLog.observeReason || this.#elsewhere;
  }

  /** Why this node may have signed more than it knows of; empty if it knows. */
  get forgotten(): string {
    return this.#elsewhere || (this.#until?.reason ?? '');
  }

  /** What the others' blocks say of this node's clock; empty if it is right, as far as they show. */
  get clockReason(): string {
    return this.#clock.reason(this.app.info().params, this.app.info().validators.length);
  }

  /**
   * Another process signs with this node's key. Which of them is the right one no process can know, so each that hears of the other signs nothing any more; the next start
   * observes first, as after a restore.
   */
  stopSigning(height: number): void {
    if (this.#elsewhere !== '') return;
    this.#elsewhere = `it signs nothing any more: another process signed with its vote key at height ${height}; stop that one, then restart this node`;
    this.#engine.stopSigning();
    this.#o.metrics.halted.set(1);
    this.#o.log.fatal({ height }, this.#elsewhere);
    void this.store.local.put(observeKey, unknownPast('elsewhere')).catch(this.#o.fatal);
  }

  async start(): Promise<void> {
    const { mesh } = this;
    this.#followPeers();
    await mesh.start();
    this.#begin();
    this.#history.start();
    this.#housekeeping = setInterval(() => {
      this.#gossip.repush();
      for (const { hash } of this.mempool.expire(Date.now(), expiryGraceMs)) this.#gossip.forget(hash);
      this.#o.metrics.mempool.set(this.mempool.size);
      for (const [buffer, entries] of Object.entries(this.buffers())) this.#o.metrics.buffers.set({ buffer }, entries);
      this.#o.metrics.peersConnected.set(mesh.connected().length);
      const { snapshot, store } = this;
      this.#o.metrics.stateMissing.set(snapshot === null ? 0 : snapshot.of - snapshot.buckets);
      this.#o.metrics.historyMissing.set(store.gap === null ? 0 : store.gap.from - store.gap.through - 1);
    }, housekeepingMs);
  }

  /** Who may connect: the validators, those who join, and, until the handover, those who are to go. */
  #followPeers(): void {
    const { app } = this;
    const set = app.validatorSet();
    const leaving = set.n > 0 && set.handover === null ? (app.validatorSetNumber(set.n - 1)?.validators ?? []) : [];
    const joining = app.joiners().map(({ validator }) => validator);
    const peers = new Map<ValidatorId, { id: ValidatorId; tlsKey: string; address: string }>();
    for (const { id, tlsKey, peerAddress } of [...leaving, ...joining, ...set.validators])
      if (id !== this.#o.self.id) peers.set(id, { id, tlsKey, address: peerAddress });
    const text = JSON.stringify([...peers.values()]);
    if (text === this.#peers) return;
    this.#peers = text;
    this.mesh.setPeers([...peers.values()]);
  }

  /** At the founding nobody takes part before it knows that it is one: a height that began as observed stays so. */
  #begin(): void {
    const until = this.#until;
    if (until === null) return this.#engine.start();
    let isStarted = false;
    const start = (): void => {
      if (!isStarted && !this.#stopped) this.#engine.start();
      isStarted = true;
    };
    if (this.app.info().height > 0) start();
    this.#onUnderway = start;
    until.resolve().then((through) => {
      if (through === null) return;
      if (until.reason !== '') this.#o.log.warn({ through }, until.reason);
      start();
    }, this.#o.fatal);
  }

  /** Stops taking part; everything decided is durable when it resolves. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#housekeeping);
    this.#until?.stop();
    this.#gossip.stop();
    this.#engine.stop();
    await this.#snapshot.stop();
    await this.#history.stop();
    await this.#syncer.stop();
    await this.#others?.close();
    this.#exchange.stop();
    this.submitter.stop();
    await this.mesh.stop();
    await this.#pipeline.drained();
    await this.#adopt();
    await this.#consensusLog.wal.close();
    await this.store.close();
  }

  /** The state that was fetched becomes that of the store now that nothing else happens; whoever opens it next begins with it. */
  async #adopt(): Promise<void> {
    const { ready } = this.#snapshot;
    if (ready === null || this.halted !== null || ready.height <= this.store.lastHeight() + 1) return;
    await this.store.adoptSnapshot(ready);
    this.#o.log.info({ height: ready.height }, 'the state of a certified block is taken over');
  }

  /** Whether the blocks up to that height are left for later, because a state above them is on its way. */
  #fetchesState(target: number): boolean {
    if (this.#o.onSnapshot === undefined || this.#history.isClearing || this.halted !== null) return false;
    this.#snapshot.consider(target);
    return this.#snapshot.isUnderWay;
  }

  get certificate(): Certificate | null {
    return this.#engine.lastCertificate;
  }

  get round(): number {
    return this.#engine.round;
  }

  /** Resolves when the height in progress is decided here, at once on an idle chain, and after `limitMs` at the latest. */
  settled(limitMs: number): Promise<void> {
    if (this.#engine.isIdle) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#settling.delete(done);
        resolve();
      };
      const timer = setTimeout(done, limitMs);
      this.#settling.add(done);
    });
  }

  /** Resolves when a transaction could be submitted, and after `limitMs` at the latest. */
  async unobstructed(limitMs: number): Promise<void> {
    const untilMs = performance.now() + limitMs;
    while (this.obstacle() !== null && this.halted === null && performance.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, obstacleCheckMs));
  }

  /** How long a change of this user would wait for its decision, behind those of the same user here; null if few of them wait. Milliseconds. */
  queuedMs(user: string): number | null {
    const ahead = this.mempool.ahead(this.#o.self.org, user, Date.now());
    return ahead === null ? null : this.#queueTime.waitMs(ahead);
  }

  /** Entries of each buffer in memory. None may grow with what peers send, nor with time. */
  buffers(): Readonly<Record<string, number>> {
    const { mempool, submitter } = this;
    return {
      ...this.#engine.footprint,
      mempool: mempool.size,
      exchange: this.#exchange.size,
      gossip: this.#gossip.size,
      pushes: this.#gossip.waiting,
      waiters: submitter.waiting,
    };
  }

  get proposer(): ValidatorId | null {
    return this.#engine.proposer;
  }

  /** Height that peers are at while this node catches up; null otherwise. */
  get catchingUpTo(): number | null {
    const state = this.#snapshot.progress;
    if (state !== null) return state.height;
    return this.#syncer.isBehind ? this.#syncer.target : null;
  }

  /** How much of a state that is being fetched is here. */
  get snapshot(): SnapshotProgress | null {
    return this.#snapshot.progress;
  }

  get halted(): string | null {
    const { halted } = this.#engine;
    return this.#divergence ?? (halted === null ? null : `${halted.code} at height ${halted.height}`);
  }

  get quorum(): { readonly needed: number; readonly connected: number } {
    return { needed: quorumOf(this.app.info().validators.length), connected: this.mesh.connected().length + 1 };
  }

  /** Why a transaction that is submitted now surely gets no decision; null if it may. */
  obstacle(): ChainError | null {
    if (this.halted !== null) return new ChainError('NODE_NOT_READY', { reason: this.halted });
    const { needed, connected } = this.quorum;
    if (connected < needed) return new ChainError('NO_QUORUM', { connected, needed });
    if (this.catchingUpTo !== null)
      return new ChainError('NODE_NOT_READY', { reason: `it is catching up to height ${this.catchingUpTo}` });
    return null;
  }

  /** Blocks that the log shows as decided and that the store does not have yet are applied again. */
  async #recover(): Promise<this> {
    const bodies = new Map<Hash, Block>();
    for (const { record, body } of this.#consensusLog.records) {
      if (record.kind === 'block' && body !== null) bodies.set(record.blockId, decodeBlock(body));
    }
    for (const { record } of this.#consensusLog.records) {
      if (record.kind !== 'decision' || record.certificate.height <= this.app.info().height) continue;
      const { height, blockId } = record.certificate;
      const block = bodies.get(blockId);
      // Without its body the decision is heard again from the peers.
      if (block === undefined || height !== this.app.info().height + 1) break;
      const result = this.app.processProposal(block);
      if (!result.ok)
        throw new ChainError('STATE_DIVERGENCE', { height, blockId, detail: `${result.code}: ${result.message}` });
      await this.#engine.apply(result.executed, record.certificate);
      this.#o.log.info({ height }, 'decided block applied from the log');
    }
    for (const [blockId, block] of bodies)
      if (block.header.height > this.app.info().height) this.#exchange.put(blockId, block);
    return this;
  }

  #committed(executed: ExecutedBlock): void {
    this.#followPeers();
    for (const { hash } of executed.txs) this.#gossip.forget(hash);
    this.submitter.onCommitted(executed);
    for (const done of [...this.#settling]) done();
    this.#o.metrics.height.set(executed.block.header.height);
    this.#o.metrics.logSize.set(executed.state.logSize);
    this.#o.onCommitted(executed);
  }

  #halted(reason: HaltReason): void {
    this.#o.metrics.halted.set(1);
    this.#o.log.fatal(
      { reason },
      `${reason.code}: this node has stopped signing; keep its data folder and run chain-node fsck`,
    );
    const kept = JSON.stringify(reason, (_key, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value));
    void this.store.local.put('halt', new TextEncoder().encode(kept)).catch(this.#o.fatal);
  }

  #diverged(height: Height, detail: string): void {
    this.#divergence = `STATE_DIVERGENCE at height ${height}: ${detail}`;
    this.#o.metrics.halted.set(1);
    this.#engine.stop();
    this.#o.log.fatal(
      { height, detail },
      'a certified block computes to something else here: this node has stopped signing',
    );
  }

  #onMessage(from: ValidatorId, channel: string, bytes: Uint8Array): void {
    try {
      if (channel === 'consensus') return this.#engine.onFrame(from, bytes);
      if (channel !== 'transaction') return this.mesh.drop(from, `a message on channel ${channel}`);
      if (!this.#gossip.onFrame(from, bytes)) this.mesh.drop(from, 'a transaction frame of an unknown kind');
    } catch (error) {
      if (isPeersFault(error)) return this.mesh.drop(from, error.message);
      if (!isOwnFault(error)) throw error;
      // Whoever sent this did nothing wrong, and what follows would meet the same store.
      this.#o.fatal(error);
    }
  }

  async #onRequest(from: ValidatorId, method: string, bytes: Uint8Array): Promise<Uint8Array> {
    switch (method) {
      case 'block':
        return this.#exchange.serveBlock(bytes);
      case 'txs':
        return this.#exchange.serveTransactions(bytes);
      case 'blocks':
        return serveRange(this.store, bytes);
      case 'snapshot':
        return this.#snapshots.serveHead(bytes);
      case 'buckets':
        return this.#snapshots.serveBuckets(bytes);
      case 'progress':
        return encodeProgress(this.store.certificate(this.app.info().height));
      default:
        return this.#o.serve(from, method, bytes);
    }
  }
}

function listenOf(address: string): { listenHost: string; listenPort: number } {
  const { host, port } = hostAndPort(address);
  return { listenHost: host, listenPort: port };
}
