import { decodeConsensusMessage } from '../../src/codec/consensus-wire.ts';
import { isChainError } from '../../src/errors/chain-error.ts';
import { evidenceOf } from '../../src/node/evidence.ts';
import { ConsensusHost, type HostOptions } from '../../src/node/host.ts';
import type { HostWorld } from '../../src/node/host-world.ts';
import { messageKind } from '../../src/node/engine.ts';
import type { Channel } from '../../src/ports/network.ts';
import type { SignedTriple, WriteAheadLog } from '../../src/ports/log-file.ts';
import { openStoreOver } from '../../src/store/open-store.ts';
import { openWal } from '../../src/store/index.ts';
import { Table } from '../../src/store/lmdb/table.ts';
import type { ValidatorId } from '../../src/types/brand.ts';
import type { ConsensusMessage } from '../../src/types/consensus.ts';
import type { Payload } from '../../src/types/transaction.ts';
import { signTransaction } from '../../src/ledger/index.ts';
import { epochMs, orgOf, validatorOf } from './genesis.ts';
import type { Life } from './life.ts';
import { DiskHealth } from './disk/health.ts';
import { LogDisk } from './disk/log-disk.ts';
import { DatabaseFile, ModelDatabase } from './disk/model-database.ts';
import { Folder } from './disk/platter.ts';
import type { Endpoint, Frame, Topic } from './net/network.ts';
import { SimMesh } from './net/sim-mesh.ts';
import { quietLogger, quietMetrics } from './quiet.ts';
import type { Prng } from './prng.ts';
import { SetDuties } from './set-duties.ts';
import { inside } from './virtual/globals.ts';
import type { World } from './world.ts';

/** How a node that runs the true sources can still be faulty. Correct: 'none'. */
export type Fault = 'none' | 'adversary' | 'twin' | 'amnesia' | 'restored' | 'withhold' | 'selective';

/** Small, so that segments fill up, are recycled and get lost in a run. */
const segmentBytes = 24 * 1024;
const restartAfterFailureMs = 400;
/** As in src/node/own-transactions.ts. */
const ownTxLifeMs = 5 * 60_000;
const ownTxWaitMs = 10_000;

/** What leaves in place of a frame; what a faulty node does instead of what its sources do. */
export type Corruption = (
  to: number,
  channel: Channel,
  bytes: Uint8Array,
  message: ConsensusMessage | null,
) => readonly { readonly bytes: Uint8Array; readonly topic: Topic }[];

/** One process: from its start to its end, however that comes. */
class NodeLife implements Life {
  isOver = false;
  readonly prng: Prng;
  readonly #node: SimNode;
  readonly #world: World;

  constructor(node: SimNode, world: World) {
    this.#node = node;
    this.#world = world;
    this.prng = world.prng.fork();
  }

  nowMs(): number {
    return this.#node.nowMs();
  }

  after(delayMs: number, run: () => void): () => void {
    let isCancelled = false;
    this.#world.timeline.after(delayMs / this.#node.clockRate, () => {
      if (!isCancelled && !this.isOver) this.#node.enter(this, run);
    });
    return () => (isCancelled = true);
  }

  random(): number {
    return this.prng.u32() / 2 ** 32;
  }

  acts(effect: string): boolean {
    if (this.isOver) return false;
    this.#world.trace(`${this.#node.endpoint} ${effect}`);
    if (!this.#world.crashesNow(this.#node)) return true;
    this.#world.crashAndRestart(this.#node);
    return false;
  }
}

/** A machine with a validator's key: a disk that outlives processes, a clock, and the real host of src/node on top. */
export class SimNode implements Endpoint {
  /** Number of its organisation. Of those that the genesis names it is their index there; in a later set the index may be another. */
  readonly validator: number;
  readonly fault: Fault;
  readonly endpoint: number;
  readonly id: ValidatorId;
  readonly health = new DiskHealth();
  folder = new Folder();
  database = new DatabaseFile();
  /** Milliseconds that the clock is wrong. */
  clockSkewMs = 0;
  clockSets = 0;
  /** Virtual milliseconds of this node in one of the world. */
  clockRate = 1;
  /** Its disk lost what had been synced: from then on it must observe, and nobody counts on it. */
  isDamaged = false;
  mayBeDamaged = false;
  /** Its data folder is to become an old backup, or an empty one, of which it is told. */
  mayBeRecovered = false;
  backup: { readonly folder: Folder; readonly database: DatabaseFile } | null = null;
  /** A disk fault was injected: a process that ends because of it is right. */
  hadDiskFault = false;
  corruption: Corruption | null = null;
  /** What a faulty node answers in place of the truth. */
  lie: ((method: string, request: Uint8Array, answer: Uint8Array) => Uint8Array) | null = null;
  /** Hears every frame that comes in; for a faulty node. */
  onFrame: ((from: number, frame: Frame) => void) | null = null;
  /** Never starts again. */
  isRetired = false;
  /** Drains, and takes part no more. */
  isStopping = false;
  /** Not invited yet. */
  isAway = false;
  /** Name of the key that it votes with. */
  voteKeyName: string;
  /** Of the database file, as the checker counted it; it only grows while no backup is restored. */
  storedHeight = 0;
  life: NodeLife | null = null;
  host: ConsensusHost | null = null;
  lives = 0;
  readonly #world: World;
  #mesh: SimMesh | null = null;
  #duties: SetDuties | null = null;
  #lastDecoded: { readonly bytes: Uint8Array; readonly message: ConsensusMessage } | null = null;
  #held: { readonly life: NodeLife; readonly run: () => void }[] | null = null;

  constructor(world: World, validator: number, fault: Fault) {
    this.#world = world;
    this.validator = validator;
    this.fault = fault;
    this.id = orgOf(validator) as string as ValidatorId;
    this.voteKeyName = `${this.id} vote`;
    this.endpoint = world.network.join(this);
  }

  get correct(): boolean {
    return this.fault === 'none';
  }

  get isRecovered(): boolean {
    return this.mayBeRecovered && this.isDamaged;
  }

  get isRunning(): boolean {
    return this.life !== null;
  }

  get isPaused(): boolean {
    return this.#held !== null;
  }

  get isListening(): boolean {
    return this.#mesh?.isListening === true;
  }

  get mesh(): SimMesh | null {
    return this.#mesh;
  }

  /** Last committed height; -1 while it is down. */
  get height(): number {
    return this.host?.app.info().height ?? -1;
  }

  nowMs(): number {
    return epochMs + Math.round(this.#world.timeline.nowMs * this.clockRate + this.clockSkewMs);
  }

  /** Runs code of this process. A paused one does it when it goes on. */
  enter(life: NodeLife, run: () => void): void {
    if (life.isOver) return;
    if (this.#held !== null) return void this.#held.push({ life, run });
    try {
      inside(life, run);
    } catch (error) {
      if (!life.isOver) this.#world.checker.threw(this, error);
    }
  }

  start(): void {
    if (this.life !== null || this.isRetired || this.isAway) return;
    this.lives += 1;
    const life = new NodeLife(this, this.#world);
    this.life = life;
    this.isStopping = false;
    this.enter(life, () => {
      this.#boot(life).catch((error: unknown) => {
        if (!life.isOver) this.#ended(life, error);
      });
    });
  }

  /** The process is gone. With the power everything goes that no sync covered; without, the page cache stays. */
  crash(how: 'kill' | 'power'): void {
    const { life } = this;
    if (life === null) return;
    life.isOver = true;
    this.life = null;
    this.host = null;
    this.#held = null;
    this.#mesh = null;
    this.#duties = null;
    this.#world.network.refresh(this.endpoint);
    this.database.crash(this.#world.prng);
    if (how === 'power' && this.folder.losePower(this.#world.prng) > 0) this.#world.count('unsynced-lost');
    this.#world.checker.crashed(this);
  }

  /** As SIGTERM does it: drains, closes, ends. */
  stop(): void {
    const { life, host } = this;
    if (life === null || host === null) return;
    this.isStopping = true;
    this.enter(life, () => {
      const done = (): void => {
        if (!life.isOver) this.crash('kill');
      };
      this.#duties?.stop();
      host.stop().then(done, (error: unknown) => (life.isOver ? undefined : this.#ended(life, error)));
    });
  }

  retire(): void {
    this.crash('kill');
    this.isRetired = true;
  }

  pause(): void {
    if (this.life !== null) this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const { life, run } of held) this.enter(life, run);
  }

  /** As a backup taken now holds it. */
  copyDisk(): NonNullable<SimNode['backup']> {
    return { folder: this.folder.copy(), database: this.database.copy() };
  }

  /** While the process is down: another disk, or an empty one. */
  replaceDisk(backup: SimNode['backup']): void {
    this.folder = backup?.folder.copy() ?? new Folder();
    this.database = backup?.database.copy() ?? new DatabaseFile();
    this.storedHeight = 0;
  }

  setClock(skewMs: number, rate: number): void {
    this.clockSkewMs = skewMs;
    this.clockRate = rate;
    this.clockSets += 1;
  }

  /** Signs a transaction of this node. */
  sign(content: object): Uint8Array {
    const { keys, genesis } = this.#world;
    const payload = { v: 1, alg: 'ed25519', chain: genesis.hash, node: this.id, ...content } as Payload;
    return signTransaction(payload, keys.signer(`${this.id} tx`), keys.backend.sha256);
  }

  wants(validator: number): boolean {
    return this.#mesh?.wants(validator) === true;
  }

  linkUp(endpoint: number): void {
    this.#mesh?.linkUp(endpoint);
  }

  linkDown(endpoint: number): void {
    this.#mesh?.linkDown(endpoint);
  }

  receive(from: number, frame: Frame): void {
    if (this.life === null) return;
    this.#world.checker.received(this, frame);
    this.onFrame?.(from, frame);
    this.#mesh?.receive(from, frame);
  }

  async #boot(life: NodeLife): Promise<void> {
    const host = await ConsensusHost.open(this.#options(life));
    if (life.isOver) return;
    this.host = host;
    this.#world.checker.started(this, host);
    const { keys, genesis } = this.#world;
    const nowMs = (): number => this.nowMs();
    const publish = async (content: object): Promise<unknown> =>
      life.isOver ? undefined : this.#publish(host, content);
    this.#duties = new SetDuties({ id: this.id, keys, genesis, host, nowMs, publish });
    await host.start();
    if (life.isOver) return;
    this.#world.checker.resumed(this);
    this.#duties.start();
  }

  #options(life: NodeLife): HostOptions {
    const { keys, genesis, checker } = this.#world;
    const files = { key: '', cert: '' };
    return {
      config: {
        dataDir: `/sim/${this.endpoint}`,
        peer: { listen: 'sim:26600' },
        catchUp: { snapshotFromBlocks: 5_000 },
      } as HostOptions['config'],
      genesis,
      self: validatorOf(keys, orgOf(this.validator), this.voteKeyName),
      identity: { vote: keys.signer(this.voteKeyName), peer: files },
      metrics: quietMetrics,
      log: quietLogger,
      onApplied: () => {
        if (life.isOver || this.host === null) return;
        checker.applied(this);
        this.#duties?.onApplied();
      },
      onCommitted: (executed) => {
        if (!life.isOver) checker.committed(this, executed);
      },
      onEvidence: (equivocation) => {
        if (life.isOver || this.host === null) return;
        checker.evidence(this, equivocation);
        const { first } = equivocation;
        const accused = this.host.app.validatorsAt(first.height)[first.validator]?.id;
        if (accused === undefined) return;
        void this.#publish(this.host, evidenceOf(genesis.hash, accused, equivocation));
      },
      serve: async (_from, method, request) => this.#duties?.serve(method, request) ?? new Uint8Array(),
      fatal: (error) => {
        if (!life.isOver) this.#ended(life, error);
      },
      world: this.#hostWorld(life),
    };
  }

  /** As a node submits what it has to say itself. */
  #publish({ app, submitter }: ConsensusHost, content: object): Promise<unknown> {
    const nowMs = this.nowMs();
    const notAfterMs = Math.max(nowMs, app.info().timeMs) + ownTxLifeMs;
    return submitter.submit(this.sign({ notAfterMs, ...content }), nowMs + ownTxWaitMs, 'inclusion');
  }

  #hostWorld(life: NodeLife): HostWorld {
    const world = this.#world;
    return {
      backend: world.keys.backend,
      trace: (rule) => world.cover(rule),
      // Under faults a node that does not know its past could keep a quorum from signing; only a founding without them has such nodes.
      openStore: (dir, { chain, local = [] }) =>
        openStoreOver(new Table(dir, new ModelDatabase(this.database, life, this.health)), {
          dir,
          chain,
          local: world.isFoundedSlowly || this.isRecovered ? local : [],
          onClose: () => undefined,
        }),
      openWal: async (dir, options) => {
        const disk = new LogDisk(life, this.folder, this.health, (bytes) => world.checker.writtenDurably(this, bytes));
        const { wal, replay } = await openWal(dir, { ...options, disk, segmentBytes });
        if (!life.isOver) world.checker.replayed(this, replay);
        return { wal: this.#watched(wal, life), replay };
      },
      createMesh: ({ handlers }) => {
        this.#mesh = new SimMesh({
          life,
          network: world.network,
          endpoint: this.endpoint,
          handlers,
          idOf: (validator) => orgOf(validator) as string as ValidatorId,
          indexOf: (id) => world.indexOf(id),
          tap: (to, channel, bytes) => this.#tap(to, channel, bytes),
          tapAnswer: (method, request, answer) => this.lie?.(method, request, answer) ?? answer,
          enter: (run) => this.enter(life, run),
          onDrop: (peer, reason) => {
            if (!life.isOver) world.checker.dropped(this, peer, reason);
          },
        });
        return this.#mesh;
      },
    };
  }

  #watched(wal: WriteAheadLog, life: NodeLife): WriteAheadLog {
    return {
      append: (records: readonly Uint8Array[], triple: SignedTriple, height?: number) => {
        if (!life.isOver) this.#world.checker.appended(this, records);
        return wal.append(records, triple, height);
      },
      truncateBefore: (height) => wal.truncateBefore(height),
      close: () => wal.close(),
    };
  }

  #tap(to: number, channel: Channel, bytes: Uint8Array): ReturnType<Corruption> {
    const message = this.#decoded(channel, bytes);
    if (message !== null) this.#world.checker.sent(this, to, message);
    if (this.corruption !== null) return this.corruption(to, channel, bytes, message);
    return [{ bytes, topic: message === null ? 'other' : topicOf(message) }];
  }

  /** A broadcast is one array for all peers: decoded once. */
  #decoded(channel: Channel, bytes: Uint8Array): ConsensusMessage | null {
    if (channel !== 'consensus' || bytes[0] !== messageKind) return null;
    if (this.#lastDecoded?.bytes !== bytes)
      this.#lastDecoded = { bytes, message: decodeConsensusMessage(bytes.subarray(1)) };
    return this.#lastDecoded.message;
  }

  /** The process ended by itself. Right only after a fault of its disk. */
  #ended(life: NodeLife, error: unknown): void {
    if (isChainError(error) && /^(WAL|STORE)_/.test(error.code) && this.hadDiskFault)
      this.#world.count('process-ended');
    else this.#world.checker.threw(this, error);
    if (life.isOver) return;
    this.crash('kill');
    this.#world.timeline.after(restartAfterFailureMs, () => this.start());
  }
}

export function topicOf(message: ConsensusMessage): Topic {
  if (message.kind === 'vote') return message.type;
  return message.kind === 'proposal' ? 'proposal' : 'other';
}
