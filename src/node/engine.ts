import { encodeWalRecord } from '../codec/consensus-wal.ts';
import { decodeConsensusMessage, encodeConsensusMessage } from '../codec/consensus-wire.ts';
import {
  footprintOf,
  heightOfRecord,
  isWorthVerifying,
  proposerOf,
  showsKeyElsewhere,
  step,
  type ConsensusEvent,
  type ConsensusState,
  type Effect,
  type EventOf,
  type Footprint,
  type HaltReason,
} from '../consensus/index.ts';
import { BLOCK_BYTES_CAP } from '../ledger/limits.ts';
import { encodeBlock } from '../ledger/block.ts';
import type { Application, ExecutedBlock } from '../ports/application.ts';
import type { VerifyEd25519, Sha256 } from '../ports/crypto.ts';
import type { WriteAheadLog } from '../ports/log-file.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { Hash, Height, PublicKeyHex, Round, ValidatorId } from '../types/brand.ts';
import type { Certificate, Validator } from '../types/chain.ts';
import type { ConsensusMessage, WalRecord } from '../types/consensus.ts';
import { isPeersFault } from './blame.ts';
import { announcementKind, type BlockExchange } from './block-exchange.ts';
import { BlockWork } from './block-work.ts';
import { Gathering } from './gathering.ts';
import { checkMessage } from './message-check.ts';
import { committedBlock, type CommitPipeline } from './commit-pipeline.ts';
import type { Mempool } from './mempool.ts';
import { VerifyBudget } from './verify-budget.ts';

export const messageKind = 1;
/** A connection that is down for this long counts as down: its validator's proposal is not waited for. */
const peerDownMs = 20;
const tickMs = 1_000;
/**
 * A proposer waits this long for the other witness of a change: the API server asks all hooks at once, and a change decided in
 * one block needs half the messages and syncs of one decided in two. A witness that comes later waits for the next block.
 */
const pairWaitMs = 8;
/**
 * A decided block is durable in the log; the store may take it this much later, in one transaction with the blocks that follow. A database transaction and
 * its syncs for each block would cost more than the block.
 */
const storeLingerMs = 100;
/** While catching up nobody waits for a single block, and every transaction writes the same pages again. */
const syncedLingerMs = 300;

type EventWithoutClock = ConsensusEvent extends infer E
  ? E extends { nowMs: number }
    ? Omit<E, 'nowMs'>
    : never
  : never;

export interface EngineMetrics {
  decided(height: number, round: number, txs: number): void;
  refusedMessage(reason: string): void;
}

export interface EngineDeps {
  readonly chain: Hash;
  readonly self: ValidatorId;
  /** The key that this node signs with: it takes part in the heights whose set names it, and in no other. */
  readonly voteKey: PublicKeyHex;
  readonly app: Application;
  readonly state: ConsensusState;
  readonly wal: WriteAheadLog;
  readonly pipeline: CommitPipeline;
  readonly network: PeerNetwork;
  readonly mempool: Mempool;
  readonly exchange: BlockExchange;
  readonly sha256: Sha256;
  readonly verify: VerifyEd25519;
  readonly now: () => number;
  /** Certificate of the last committed block; null at genesis. */
  readonly lastCertificate: Certificate | null;
  /** True: sign nothing at this height. */
  readonly observes: (height: Height) => boolean;
  /** A block became the state that reads see, before the next height begins. */
  readonly onApplied: () => void;
  /** The block is decided and durable: tell whoever waits. In the order of the heights; `isSynced` if it came with its certificate from a peer. */
  readonly onCommitted: (executed: ExecutedBlock, certificate: Certificate, isSynced: boolean) => void;
  readonly onEvidence: (equivocation: Extract<Effect, { type: 'evidence' }>['equivocation']) => void;
  readonly onSyncWanted: (height: Height, from: ValidatorId | null) => void;
  readonly onHalt: (reason: HaltReason) => void;
  /** A peer showed a signature of this node's key that this node did not make. */
  readonly onKeyElsewhere?: ((height: number) => void) | undefined;
  /** The log cannot be written any more: the process must end. */
  readonly fatal: (error: unknown) => void;
  readonly warn: (message: string, details: object) => void;
  readonly metrics: EngineMetrics;
}

/**
 * Runs the effects of the consensus core. One event at a time, each to its end; what an effect causes is queued behind.
 * The durability contract: nothing that names `afterSeq` leaves before that write to the log is durable, neither to a peer
 * nor, as an acknowledgement, to a client.
 */
export class Engine {
  readonly #d: EngineDeps;
  readonly #queue: EventWithoutClock[] = [];
  #running = false;
  #stopped = false;
  #durableSeq = 0;
  readonly #afterDurable: { readonly seq: number; readonly run: () => void }[] = [];
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #work: BlockWork;
  readonly #budget = new VerifyBudget();
  readonly #downTimers = new Map<ValidatorId, NodeJS.Timeout>();
  readonly #down = new Set<ValidatorId>();
  #lastCertificate: Certificate | null;
  /** Applied and not told yet, lowest height first. */
  readonly #untold: { readonly height: number; readonly tell: () => void }[] = [];
  /** Blocks of peers that are applied and not durable yet. No log of this node holds them, so the next height waits. */
  #storing = 0;
  /** The set of the height that the core runs: what its indices mean. The ledger may be a height ahead. */
  #set: readonly Validator[];
  #ticker: NodeJS.Timeout | undefined;
  readonly #gathering = new Gathering();
  /** A build that waits for more transactions, or for the other witness of a change. */
  #held: { readonly build: () => void; readonly timer: NodeJS.Timeout } | undefined;
  #halted: HaltReason | null = null;

  constructor(deps: EngineDeps) {
    this.#d = deps;
    this.#lastCertificate = deps.lastCertificate;
    this.#work = new BlockWork(deps);
    this.#set = deps.app.info().validators;
    for (const { id } of this.#set) if (id !== deps.self) this.#down.add(id);
  }

  start(): void {
    // So that a peer that is one height behind gets its certificate from here.
    if (this.#lastCertificate !== null) this.#feed({ type: 'synced-block', certificate: this.#lastCertificate });
    this.#startHeight();
    this.#ticker = setInterval(() => this.#feed({ type: 'tick' }), tickMs);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#held?.timer);
    for (const timer of [...this.#timers.values(), ...this.#downTimers.values()]) clearTimeout(timer);
  }

  get halted(): HaltReason | null {
    return this.#halted;
  }

  get round(): number {
    return this.#d.state.current?.round ?? 0;
  }

  /** False while a height is being decided, as far as this node has heard. */
  get isIdle(): boolean {
    return this.#d.state.current?.step === 'idle' && this.#d.mempool.size === 0;
  }

  /** Entries in memory of the core, and of what waits here for the disk. */
  get footprint(): Footprint & { readonly waitingForDisk: number; readonly untold: number } {
    return { ...footprintOf(this.#d.state), waitingForDisk: this.#afterDurable.length, untold: this.#untold.length };
  }

  get lastCertificate(): Certificate | null {
    return this.#lastCertificate;
  }

  transactionsAvailable(): void {
    if (this.#d.mempool.size > 0) this.#feed({ type: 'txs-available' });
    if (this.#holdMs() === 0) this.#buildHeld();
  }

  onPeerUp(peer: ValidatorId): void {
    clearTimeout(this.#downTimers.get(peer));
    this.#downTimers.delete(peer);
    this.#down.delete(peer);
    const validator = this.#indexOf(peer);
    if (validator !== null) this.#feed({ type: 'peer-up', validator });
    // One that joins is no validator to whom the core could say where it stands.
    else if (this.#lastCertificate !== null) this.#send(peer, { kind: 'commit', certificate: this.#lastCertificate });
  }

  onPeerDown(peer: ValidatorId): void {
    clearTimeout(this.#downTimers.get(peer));
    const timer = setTimeout(() => {
      this.#down.add(peer);
      const validator = this.#indexOf(peer);
      if (validator !== null) this.#feed({ type: 'peer-down', validator });
    }, peerDownMs);
    this.#downTimers.set(peer, timer);
  }

  /** A frame of the consensus channel. A malformed or forged one costs the peer its connection; throws what is this node's own trouble. */
  onFrame(from: ValidatorId, frame: Uint8Array): void {
    try {
      if (frame[0] === announcementKind) return this.#d.exchange.onAnnouncement(from, frame.subarray(1));
      if (frame[0] !== messageKind) return this.#refuse(from, 'frame of an unknown kind');
      const message = decodeConsensusMessage(frame.subarray(1));
      if (!isWorthVerifying(this.#d.state, message)) return;
      const height = heightOf(message);
      // Nothing here can prove it, yet it says where the others are: a node far behind would not hear it otherwise, while they work without a pause.
      if (height > this.#d.app.info().height + 2) return this.#shown(from, height);
      if (!this.#budget.take(from, message, this.#d.now())) return this.#d.metrics.refusedMessage('too much to verify');
      if (!this.#verify(message)) return;
      this.#lookForKey(message);
      this.#feed({ type: 'message', from: this.#indexOf(from), message });
    } catch (error) {
      if (!isPeersFault(error)) throw error;
      this.#refuse(from, error.message);
    }
  }

  /** A peer is at that height, as it says. */
  #shown(from: ValidatorId, height: Height): void {
    const message = {
      kind: 'round-state',
      height,
      round: 0 as Round,
      active: true,
      hasProposal: false,
      rounds: [],
    } as const;
    this.#feed({ type: 'message', from: this.#indexOf(from), message });
  }

  /**
   * Applies the next block, which came with its certificate, already verified. Once that is durable, `syncedBlock` must be called. One that more follow waits for them, so
   * that they share a transaction of the store.
   */
  applySynced(executed: ExecutedBlock, certificate: Certificate, moreFollow: boolean): Promise<void> {
    const durable = this.apply(executed, certificate, moreFollow ? syncedLingerMs : 0);
    this.#storing += 1;
    this.#untold.push({ height: certificate.height, tell: () => this.#d.onCommitted(executed, certificate, true) });
    return durable;
  }

  /** A block of `applySynced` is durable. */
  syncedBlock(certificate: Certificate): void {
    this.#storing -= 1;
    this.#lookForKey({ kind: 'commit', certificate });
    this.#feed({ type: 'synced-block', certificate });
    this.#startHeight();
    this.#tellThrough(certificate.height);
  }

  /** Log and store are written in order: where a block is durable, all before it are, though the disk may not have said so yet. */
  #tellThrough(height: number): void {
    while ((this.#untold[0]?.height ?? Infinity) <= height) this.#untold.shift()?.tell();
  }

  /** From now on nothing is signed, as long as this process runs. `observes` must say the same. */
  stopSigning(): void {
    this.#d.state.observeThrough = Number.MAX_SAFE_INTEGER;
  }

  #lookForKey(message: ConsensusMessage): void {
    const { state, onKeyElsewhere } = this.#d;
    if (showsKeyElsewhere(state, message)) onKeyElsewhere?.(state.current?.config.height ?? 0);
  }

  /**
   * Applies an executed block to the state machine and queues it for the store, where it may wait `lingerMs` for others. Idempotent for one height.
   * Resolves when it is durable there.
   */
  apply(executed: ExecutedBlock, certificate: Certificate, lingerMs = 0): Promise<void> {
    const { app, pipeline, mempool, exchange } = this.#d;
    const { height } = executed.block.header;
    if (app.info().height >= height) return pipeline.drained();
    // The state machine reads from the store, which shows a commit from the moment of the call.
    const durable = pipeline.push(committedBlock(executed, certificate), lingerMs);
    app.commit(executed);
    this.#lastCertificate = certificate;
    this.#d.onApplied();
    for (const { hash } of executed.txs) mempool.remove(hash);
    exchange.forgetThrough(height);
    this.#work.clear();
    this.#gathering.decided(executed.txs.length, mempool.size, this.#d.now());
    return durable;
  }

  #feed(event: EventWithoutClock): void {
    if (this.#stopped) return;
    this.#queue.push(event);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const effects = step(this.#d.state, { ...next, nowMs: this.#d.now() } as ConsensusEvent);
        for (const effect of effects) this.#run(effect);
      }
    } finally {
      this.#running = false;
    }
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        return this.#persist(effect);
      case 'broadcast':
        return this.#whenDurable(effect.afterSeq, () => this.#send(null, effect.message));
      case 'send': {
        const to = this.#validators()[effect.to]?.id;
        if (to !== undefined) this.#whenDurable(effect.afterSeq, () => this.#send(to, effect.message));
        return;
      }
      case 'set-timer':
        return this.#setTimer(effect.height, effect.round, effect.kind, effect.durationMs);
      case 'cancel-timer': {
        const key = `${effect.height}/${effect.round}/${effect.kind}`;
        clearTimeout(this.#timers.get(key));
        this.#timers.delete(key);
        return;
      }
      case 'build-block':
        return this.#holdBuild(() => this.#build(effect.height, effect.round, effect.allowEmpty));
      case 'validate-block': {
        const proposer = this.#validators()[effect.proposer]?.id;
        return this.#validate(effect.height, effect.blockId, proposer === undefined ? [] : [proposer]);
      }
      case 'request-block': {
        const holders = effect.holders.flatMap((index) => this.#validators()[index]?.id ?? []);
        return this.#validate(effect.height, effect.blockId, holders);
      }
      case 'decide':
        return this.#decide(effect.certificate, effect.afterSeq);
      case 'evidence':
        return this.#d.onEvidence(effect.equivocation);
      case 'request-sync':
        return this.#d.onSyncWanted(
          effect.height,
          effect.from === null ? null : (this.#validators()[effect.from]?.id ?? null),
        );
      case 'halt':
        this.#halted = effect.reason;
        return this.#d.onHalt(effect.reason);
    }
  }

  #persist(effect: Extract<Effect, { type: 'persist' }>): void {
    const records = effect.records.map((record) =>
      encodeWalRecord({ record, body: this.#bodyOf(record) }, BLOCK_BYTES_CAP),
    );
    const height = Math.max(...effect.records.map(heightOfRecord));
    this.#d.wal.append(records, effect.position, height).then(
      () => {
        this.#durableSeq = Math.max(this.#durableSeq, effect.seq);
        this.#release();
        this.#feed({ type: 'persist-done', seq: effect.seq });
      },
      (error: unknown) => this.#d.fatal(error),
    );
  }

  #bodyOf(record: WalRecord): Uint8Array | null {
    if (record.kind !== 'block') return null;
    const block = this.#work.get(record.blockId)?.block ?? this.#d.exchange.get(record.blockId);
    if (block === undefined) throw new Error(`the body of block ${record.blockId} is to be logged and is not here`);
    return encodeBlock(block);
  }

  #whenDurable(seq: number, run: () => void): void {
    if (seq <= this.#durableSeq) run();
    else this.#afterDurable.push({ seq, run });
  }

  /** In the order in which they were asked for. */
  #release(): void {
    const ready = this.#afterDurable.filter(({ seq }) => seq <= this.#durableSeq);
    const waiting = this.#afterDurable.filter(({ seq }) => seq > this.#durableSeq);
    this.#afterDurable.splice(0, this.#afterDurable.length, ...waiting);
    for (const { run } of ready) run();
  }

  #send(to: ValidatorId | null, message: ConsensusMessage): void {
    if (this.#stopped) return;
    const { network, exchange, self } = this.#d;
    // The body travels before the proposal that names it, so that a peer need not ask for it.
    if (message.kind === 'proposal' && this.#validators()[message.validator]?.id === self)
      exchange.announce(message.blockId);
    const encoded = encodeConsensusMessage(message);
    const frame = new Uint8Array(1 + encoded.length);
    frame[0] = messageKind;
    frame.set(encoded, 1);
    if (to === null) network.broadcast('consensus', frame);
    else network.send(to, 'consensus', frame);
  }

  #setTimer(height: Height, round: Round, kind: EventOf<'timeout'>['kind'], durationMs: number): void {
    const key = `${height}/${round}/${kind}`;
    clearTimeout(this.#timers.get(key));
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.#feed({ type: 'timeout', height, round, kind });
    }, durationMs);
    this.#timers.set(key, timer);
  }

  /** One build at a time is asked for; a newer one takes the place of one that is held. */
  #holdBuild(build: () => void): void {
    clearTimeout(this.#held?.timer);
    this.#held = undefined;
    const holdMs = this.#holdMs();
    if (holdMs === 0) return build();
    const timer = setTimeout(() => {
      this.#gathering.gaveUp();
      this.#buildHeld();
    }, holdMs);
    this.#held = { build, timer };
  }

  /** How long it would pay to wait before a block is made of what waits now. */
  #holdMs(): number {
    const { mempool } = this.#d;
    const gatherMs = this.#gathering.waitMs(mempool.size, this.#work.txsMax);
    return Math.max(gatherMs, mempool.hasHalves ? pairWaitMs : 0);
  }

  #buildHeld(): void {
    const held = this.#held;
    if (held === undefined) return;
    clearTimeout(held.timer);
    this.#held = undefined;
    held.build();
  }

  #build(height: Height, round: Round, allowEmpty: boolean): void {
    const executed = this.#work.build(height, this.#lastCertificate, allowEmpty);
    if (executed === null) return this.#feed({ type: 'block-built', height, round, built: null });
    const { blockId, block } = executed;
    this.#d.exchange.put(blockId, block);
    const { timeMs, appHash } = block.header;
    this.#feed({ type: 'block-built', height, round, built: { blockId, timeMs, appHash } });
  }

  #validate(height: Height, blockId: Hash, holders: readonly ValidatorId[]): void {
    const here = this.#work.get(blockId);
    if (here !== undefined)
      return this.#feed({ type: 'block-validated', height, blockId, verdict: this.#work.verdictOf(here) });
    const alternatives = (): readonly ValidatorId[] => [...new Set([...holders, ...this.#d.network.connected()])];
    this.#d.exchange.want(height, blockId, alternatives, (block) => {
      const verdict = this.#stopped ? null : this.#work.verdict(height, blockId, block);
      if (verdict !== null) this.#feed({ type: 'block-validated', height, blockId, verdict });
    });
  }

  #decide(certificate: Certificate, afterSeq: number): void {
    const { app, pipeline, metrics } = this.#d;
    const executed = this.#work.get(certificate.blockId);
    if (app.info().height < certificate.height) {
      if (executed === undefined) throw new Error(`block ${certificate.blockId} was decided but never executed here`);
      // An observer writes no log: what it tells is durable when the store has it.
      const observes = this.#d.observes(certificate.height);
      const stored = this.apply(executed, certificate, observes ? 0 : storeLingerMs);
      this.#untold.push({ height: certificate.height, tell: () => this.#d.onCommitted(executed, certificate, false) });
      const tell = (): void => this.#tellThrough(certificate.height);
      metrics.decided(certificate.height, certificate.round, executed.txs.length);
      if (observes) stored.then(tell, () => undefined);
      else this.#whenDurable(afterSeq, tell);
    }
    if (pipeline.isFull) void pipeline.room().then(() => this.#startHeight());
    else this.#startHeight();
  }

  #startHeight(): void {
    if (this.#storing > 0) return;
    const { app, self, mempool, state } = this.#d;
    const info = app.info();
    const height = (info.height + 1) as Height;
    if (state.current?.config.height === height) return;
    this.#set = info.validators;
    const index = this.#set.findIndex(({ id, voteKey }) => id === self && voteKey === this.#d.voteKey);
    this.#feed({
      type: 'start',
      config: {
        height,
        validators: info.validators.length,
        self: index < 0 ? null : index,
        validatorsHash: this.#validatorsHash(),
        params: info.params,
        lastBlockTimeMs: info.timeMs,
        observe: this.#d.observes(height),
      },
      txsAvailable: mempool.size > 0,
      down: [...this.#down].flatMap((peer) => this.#indexOf(peer) ?? []),
    });
  }

  #validatorsHash(): Hash {
    return this.#d.app.headerOf(this.#d.app.info().height)?.nextValidatorsHash ?? this.#d.chain;
  }

  #verify(message: ConsensusMessage): boolean {
    const { chain, verify, app } = this.#d;
    const { height, validators } = app.info();
    const voteKeys = validators.map(({ voteKey }) => voteKey);
    return checkMessage(message, height + 1, { chain, voteKeys, verify });
  }

  #validators(): readonly Validator[] {
    return this.#set;
  }

  #indexOf(peer: ValidatorId): number | null {
    const index = this.#validators().findIndex(({ id }) => id === peer);
    return index < 0 ? null : index;
  }

  #refuse(from: ValidatorId, reason: string): void {
    this.#d.metrics.refusedMessage(reason);
    this.#d.network.drop(from, reason);
  }

  /** Who proposes now; for status. */
  get proposer(): ValidatorId | null {
    const current = this.#d.state.current;
    if (current === null) return null;
    return this.#validators()[proposerOf(current.config.height, current.round, current.config.validators)]?.id ?? null;
  }
}

function heightOf(message: ConsensusMessage): Height {
  return message.kind === 'commit' ? message.certificate.height : message.height;
}
