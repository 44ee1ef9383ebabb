import { decodeConsensusMessage, encodeConsensusMessage } from '../../src/codec/consensus-wire.ts';
import {
  isWorthVerifying,
  restore,
  step,
  verifyCertificate,
  verifyPolka,
  verifyProposal,
  verifyVote,
} from '../../src/consensus/index.ts';
import type { BlockVerdict, ConsensusEvent, ConsensusState, Effect, EventOf } from '../../src/consensus/index.ts';
import { isChainError } from '../../src/errors/chain-error.ts';
import type { Hash, Height } from '../../src/types/brand.ts';
import type { Certificate } from '../../src/types/chain.ts';
import type { ConsensusMessage } from '../../src/types/consensus.ts';
import { Disk } from './disk.ts';
import { simChain } from './keys.ts';
import { topicOf, type Endpoint, type Frame } from './network.ts';
import { lastIdOf, simBlock, type DecidedBlock, type SimBlock } from './sim-block.ts';
import { simParams, type World } from './world.ts';

type WithoutClock<E> = E extends unknown ? Omit<E, 'nowMs'> : never;
export type ClocklessEvent = WithoutClock<ConsensusEvent>;

/** How a node that runs the true core can still be faulty. Correct: 'none'. */
export type Fault = 'none' | 'twin' | 'amnesia' | 'withhold';

const syncBlocksMax = 8;
const bodyRetryMs = 200;

/** The shell around one core: carries out its effects on the simulated disk, network and clock, and keeps the durability barrier. */
export class SimNode implements Endpoint {
  readonly validator: number;
  readonly fault: Fault;
  readonly disk = new Disk();
  readonly endpoint: number;
  readonly #world: World;
  readonly #sign: (message: Uint8Array) => Uint8Array;
  clockSkewMs = 0;
  /** Counts starts; whatever was scheduled by an earlier life is void. */
  life = 0;
  state: ConsensusState | null = null;
  #chain: DecidedBlock[] = [];
  #bodies = new Map<string, SimBlock>();
  #wanted = new Map<string, readonly number[]>();
  #mempool = new Set<number>();
  #timers = new Set<string>();
  #waiting: { readonly seq: number; readonly run: () => void }[] = [];
  #durableSeq = 0;
  #syncFreeMs = 0;
  #ledgerFreeMs = 0;
  #queue: ClocklessEvent[] = [];
  #running = false;
  #down = new Set<number>();

  constructor(world: World, validator: number, fault: Fault, sign: (message: Uint8Array) => Uint8Array) {
    this.#world = world;
    this.validator = validator;
    this.fault = fault;
    this.#sign = sign;
    this.endpoint = world.network.join(this);
  }

  get correct(): boolean {
    return this.fault === 'none';
  }

  get height(): number {
    return this.disk.ledger.length;
  }

  get running(): boolean {
    return this.state !== null;
  }

  start(): void {
    this.life += 1;
    const { disk } = this;
    this.#chain = [...disk.ledger];
    this.#bodies = new Map(disk.entries.flatMap((entry) => entry.bodies.map((block) => [block.id, block] as const)));
    const records = disk.entries.flatMap((entry) => entry.records);
    const trace = (rule: string): void => this.#world.cover(rule);
    this.state = restore({ chain: simChain, sign: this.#sign, trace }, records, disk.slot);
    const last = disk.ledger.at(-1);
    if (last !== undefined) this.feed({ type: 'synced-block', certificate: last.certificate });
    this.#startHeight();
    this.#world.checker.resumed(this, records);
    this.#tick(this.life);
  }

  crash(): void {
    const { prng } = this.#world;
    const lost = this.disk.crash(prng.chance(0.5) ? 0 : prng.below(3));
    this.#world.count('crash');
    if (lost > 0) this.#world.count('unsynced-lost');
    if (this.fault === 'amnesia') this.disk.wipeLog();
    // The part of the tail that happened to reach the disk counts as durable from now on.
    for (const entry of this.disk.entries) this.#world.checker.durable(this, entry.records);
    this.life += 1;
    this.state = null;
    this.#bodies.clear();
    this.#wanted.clear();
    this.#mempool.clear();
    this.#timers.clear();
    this.#waiting = [];
    this.#queue = [];
    this.#durableSeq = 0;
    this.#syncFreeMs = 0;
    this.#ledgerFreeMs = 0;
    this.#down.clear();
  }

  feed(event: ClocklessEvent): void {
    if (this.state === null) return;
    this.#queue.push(event);
    if (this.#running) return;
    this.#running = true;
    const { life } = this;
    try {
      for (let next = this.#queue.shift(); next !== undefined && life === this.life; next = this.#queue.shift())
        this.#step(next);
    } finally {
      this.#running = false;
    }
  }

  addTransaction(tx: number): void {
    if (this.state === null || this.#chain.some(({ block }) => block.txs.includes(tx))) return;
    this.#mempool.add(tx);
    this.feed({ type: 'txs-available' });
  }

  peerIs(validator: number, up: boolean): void {
    if (up) this.#down.delete(validator);
    else this.#down.add(validator);
    this.feed({ type: up ? 'peer-up' : 'peer-down', validator });
  }

  onFrame(from: number, frame: Frame): void {
    if (this.state === null) return;
    switch (frame.kind) {
      case 'consensus':
        return this.#onConsensus(from, frame.bytes);
      case 'body':
        this.#bodies.set(frame.block.id, frame.block);
        return this.#execute(frame.block.id);
      case 'body-request': {
        const block =
          this.#bodies.get(frame.blockId) ?? this.#chain.find((each) => each.block.id === frame.blockId)?.block;
        if (block !== undefined) this.#send(from, { kind: 'body', block });
        return;
      }
      case 'sync-request':
        return this.#send(from, {
          kind: 'sync-blocks',
          blocks: this.disk.ledger.slice(frame.above, frame.above + syncBlocksMax),
        });
      case 'sync-blocks':
        return this.#unlessRefused(() => this.#onSyncBlocks(frame.blocks));
      default:
        return frame satisfies never;
    }
  }

  #nowMs(): number {
    return Math.round(this.#world.timeline.nowMs + this.clockSkewMs);
  }

  #later(delayMs: number, run: () => void): void {
    const { life } = this;
    this.#world.timeline.after(delayMs, () => {
      if (life === this.life) run();
    });
  }

  #step(event: ClocklessEvent): void {
    if (this.state === null) return;
    const { life } = this;
    const timed = { ...event, nowMs: this.#nowMs() } as ConsensusEvent;
    const effects = step(this.state, timed);
    this.#world.record(this, timed, effects);
    for (const effect of effects) {
      if (this.#world.crashesNow(this)) return this.#world.crashAndRestart(this);
      this.#run(effect);
      if (life !== this.life) return;
    }
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        return this.#persist(effect);
      case 'broadcast':
        return this.#whenDurable(effect.afterSeq, () => this.#release(null, effect.message));
      case 'send':
        return this.#whenDurable(effect.afterSeq, () => this.#release(effect.to, effect.message));
      case 'set-timer':
        return this.#setTimer(effect);
      case 'cancel-timer':
        this.#timers.delete(timerKey(effect));
        return;
      case 'build-block':
        return this.#later(this.#world.prng.between(0, 5), () => this.#build(effect));
      case 'validate-block':
        return this.#want(effect.blockId, [effect.proposer]);
      case 'request-block':
        return this.#want(effect.blockId, effect.holders);
      case 'decide':
        return this.#decide(effect.certificate, effect.afterSeq);
      case 'evidence':
        return this.#world.checker.evidence(this, effect.equivocation.first.validator);
      case 'request-sync': {
        const others = this.#world.validatorsExcept(this.validator);
        const to = effect.from ?? this.#world.prng.pick(others);
        return this.#send(to, { kind: 'sync-request', above: this.#chain.length });
      }
      case 'halt':
        return this.#world.checker.halted(this, effect.reason.code);
      default:
        return effect satisfies never;
    }
  }

  #persist(effect: Extract<Effect, { type: 'persist' }>): void {
    const bodies = effect.records.flatMap((record) => {
      if (record.kind !== 'block') return [];
      const block = this.#bodies.get(record.blockId);
      if (block === undefined) throw new Error(`no body for the log: ${record.blockId}`);
      return [block];
    });
    const entry = this.disk.append({ seq: effect.seq, records: effect.records, bodies, position: effect.position });
    // One log: a sync ends no earlier than the one before it.
    const { timeline, prng } = this.#world;
    this.#syncFreeMs = Math.max(this.#syncFreeMs, timeline.nowMs) + (prng.chance(0.05) ? prng.between(5, 60) : 0.3);
    this.#later(this.#syncFreeMs - timeline.nowMs, () => {
      this.disk.sync(entry);
      this.#world.checker.durable(this, entry.records);
      this.#durableSeq = entry.seq;
      const ready = this.#waiting.filter(({ seq }) => seq <= this.#durableSeq);
      this.#waiting = this.#waiting.filter(({ seq }) => seq > this.#durableSeq);
      for (const { run } of ready) run();
      this.feed({ type: 'persist-done', seq: entry.seq });
    });
  }

  #whenDurable(seq: number, run: () => void): void {
    if (seq <= this.#durableSeq || this.#world.breaksBarrier) run();
    else this.#waiting.push({ seq, run });
  }

  #release(to: number | null, message: ConsensusMessage): void {
    const { prng, checker } = this.#world;
    if (this.correct) checker.released(this, message);
    checker.known(message);
    const frame: Frame = { kind: 'consensus', bytes: encodeConsensusMessage(message), topic: topicOf(message) };
    for (const each of to === null ? this.#world.validatorsExcept(this.validator) : [to]) {
      if (this.fault === 'withhold' && prng.chance(0.5)) continue;
      if (message.kind === 'proposal' && message.validator === this.validator) {
        const block = this.#bodies.get(message.blockId);
        if (block !== undefined && prng.chance(0.9)) this.#send(each, { kind: 'body', block });
      }
      this.#send(each, frame);
    }
  }

  #send(to: number, frame: Frame): void {
    this.#world.network.send(this.endpoint, to, frame);
  }

  #setTimer(effect: Extract<Effect, { type: 'set-timer' }>): void {
    const { height, round, kind } = effect;
    const key = timerKey(effect);
    this.#timers.add(key);
    this.#later(effect.durationMs, () => {
      // Now and then a shell fires a timer that was cancelled: late ones must be harmless.
      if (this.#timers.delete(key) || this.#world.prng.chance(0.1)) this.feed({ type: 'timeout', height, round, kind });
    });
  }

  #build({ height, round, allowEmpty }: Extract<Effect, { type: 'build-block' }>): void {
    const txs = [...this.#mempool].slice(0, 5);
    if (height !== this.#chain.length + 1) return;
    if (txs.length === 0 && !allowEmpty) return this.feed({ type: 'block-built', height, round, built: null });
    const lastTimeMs = this.#chain.at(-1)?.block.timeMs ?? 0;
    const block = simBlock({
      height,
      previous: lastIdOf(this.#chain),
      proposer: this.validator,
      timeMs: Math.max(this.#nowMs(), lastTimeMs + 1),
      txs,
      sound: true,
    });
    this.#bodies.set(block.id, block);
    this.feed({
      type: 'block-built',
      height,
      round,
      built: { blockId: block.id, timeMs: block.timeMs, appHash: block.id },
    });
  }

  #want(blockId: Hash, holders: readonly number[]): void {
    const known = this.#wanted.get(blockId);
    this.#wanted.set(blockId, [...new Set([...(known ?? []), ...holders])]);
    if (known === undefined) this.#fetch(blockId);
  }

  #fetch(blockId: Hash): void {
    if (!this.#wanted.has(blockId)) return;
    if (this.#bodies.has(blockId)) return this.#execute(blockId);
    const { prng } = this.#world;
    const holders = (this.#wanted.get(blockId) ?? []).filter((each) => each !== this.validator);
    const to =
      holders.length === 0 || prng.chance(0.2)
        ? prng.pick(this.#world.validatorsExcept(this.validator))
        : prng.pick(holders);
    this.#send(to, { kind: 'body-request', blockId });
    this.#later(bodyRetryMs, () => this.#fetch(blockId));
  }

  #execute(blockId: Hash): void {
    if (!this.#wanted.has(blockId)) return;
    this.#wanted.delete(blockId);
    const block = this.#bodies.get(blockId);
    this.#later(this.#world.prng.between(0, 8), () => {
      const height = (this.#chain.length + 1) as Height;
      if (block === undefined || block.height !== height) return;
      const lastTimeMs = this.#chain.at(-1)?.block.timeMs ?? 0;
      const sound = block.sound && block.previous === lastIdOf(this.#chain) && block.timeMs > lastTimeMs;
      const verdict: BlockVerdict = sound
        ? { ok: true, proposer: block.proposer, timeMs: block.timeMs, appHash: block.id }
        : { ok: false, detail: 'unsound' };
      this.feed({ type: 'block-validated', height, blockId, verdict });
    });
  }

  #decide(certificate: Certificate, afterSeq: number): void {
    const block = this.#bodies.get(certificate.blockId);
    if (block === undefined) throw new Error(`decided without a body: ${certificate.blockId}`);
    const decided = { block, certificate };
    this.#apply(decided);
    this.#whenDurable(afterSeq, () => {
      this.#world.checker.decided(this, decided);
      this.#commitLater(decided);
    });
    this.#queue.push(this.#startEvent());
  }

  #apply(decided: DecidedBlock): void {
    this.#chain.push(decided);
    for (const tx of decided.block.txs) this.#mempool.delete(tx);
    this.#wanted.clear();
    this.#timers.clear();
  }

  #commitLater(decided: DecidedBlock): void {
    const { timeline, prng } = this.#world;
    this.#ledgerFreeMs = Math.max(this.#ledgerFreeMs, timeline.nowMs + prng.between(0, 150));
    this.#later(this.#ledgerFreeMs - timeline.nowMs, () => this.disk.commit(decided));
  }

  #startHeight(): void {
    this.feed(this.#startEvent());
  }

  #startEvent(): Omit<EventOf<'start'>, 'nowMs'> {
    return {
      type: 'start',
      config: {
        height: (this.#chain.length + 1) as Height,
        validators: this.#world.validators,
        self: this.validator,
        validatorsHash: simChain,
        params: simParams,
        lastBlockTimeMs: this.#chain.at(-1)?.block.timeMs ?? 0,
        observe: false,
      },
      txsAvailable: this.#mempool.size > 0,
      down: [...this.#down],
    };
  }

  #onConsensus(from: number, bytes: Uint8Array): void {
    this.#unlessRefused(() => {
      const message = decodeConsensusMessage(bytes);
      if (this.state === null || !isWorthVerifying(this.state, message)) return;
      this.#verify(message);
      this.feed({ type: 'message', from, message });
    });
  }

  #unlessRefused(run: () => void): void {
    try {
      run();
    } catch (error) {
      const refusal = isChainError(error) && /^(CODEC_|CONSENSUS_(MESSAGE|SIGNATURE|CERTIFICATE)_)/.test(error.code);
      if (!refusal) throw error;
      this.#world.count('refused');
    }
  }

  #verify(message: ConsensusMessage): void {
    const { context } = this.#world.keys;
    switch (message.kind) {
      case 'proposal':
        return verifyProposal(context, message);
      case 'vote':
        return verifyVote(context, message);
      case 'votes':
        for (const vote of message.votes) verifyVote(context, vote);
        if (message.polka !== null) verifyPolka(context, message.polka);
        return;
      case 'commit':
        return verifyCertificate(context, message.certificate);
      case 'round-state':
        return;
      default:
        return message satisfies never;
    }
  }

  /** Blocks that a peer returned: each is proved by its certificate, executed, durable, and only then told to the core. */
  #onSyncBlocks(blocks: readonly DecidedBlock[]): void {
    for (const decided of blocks) {
      const { block, certificate } = decided;
      if (block.height !== this.#chain.length + 1 || block.height !== this.disk.ledger.length + 1) continue;
      if (certificate.blockId !== block.id || certificate.height !== block.height) continue;
      verifyCertificate(this.#world.keys.context, certificate);
      this.#apply(decided);
      this.disk.commit(decided);
      this.#world.checker.decided(this, decided);
      this.feed({ type: 'synced-block', certificate });
      if (this.state === null) return;
      this.#startHeight();
    }
  }

  #tick(life: number): void {
    if (life !== this.life) return;
    this.feed({ type: 'tick' });
    this.#later(1_000, () => this.#tick(life));
  }
}

function timerKey(effect: { readonly height: number; readonly round: number; readonly kind: string }): string {
  return `${effect.height}/${effect.round}/${effect.kind}`;
}
