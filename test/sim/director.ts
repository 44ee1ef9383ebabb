import { decodeConsensusMessage } from '../../src/codec/consensus-wire.ts';
import { proposerOf, quorumOf } from '../../src/consensus/index.ts';
import { isChainError } from '../../src/errors/chain-error.ts';
import { announcementKind } from '../../src/node/block-exchange.ts';
import { messageKind } from '../../src/node/engine.ts';
import type { ConsensusMessage } from '../../src/types/consensus.ts';
import type { Frame } from './net/network.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

/** Who hears what in one round. Organisations by number. */
interface Plan {
  /** They do not hear the proposal and prevote nil. */
  readonly deprived: ReadonlySet<number>;
  /** They hear all prevotes: only they can lock. */
  readonly lockers: ReadonlySet<number>;
}

const heightsMax = 6;
/** An attempt that faults have brought to a standstill is given up. */
const patienceMs = 2_500;
/** So long that a timer which never comes is missed: see `check/rounds.ts`. */
const starvingMs = 8_000;

/**
 * The network as the paper's adversary: for some heights it holds back proposals and prevotes of chosen rounds, so that one or two validators see a polka
 * and lock, others see a quorum of prevotes that is none for a block, and the next proposer knows of no lock. So heights get several rounds, locks on
 * different values, and proposals with a POL that some must follow and some must refuse. Votes that are lost so are said again by the sources' own
 * means once the plan is over.
 */
export class Director {
  readonly #world: World;
  readonly #prng: Prng;
  readonly #onlyStarves: boolean;
  #left: number;
  #height = 0;
  #rounds = 0;
  #round = -1;
  /** Instead of a plan: it hears every vote, and of no block what is in it. */
  #starved: number | null = null;
  /** It hears no precommit either. */
  #isDeaf = false;
  #untilMs = 0;
  readonly #plans = new Map<number, Plan>();
  /** Prevotes for a block that a node which must not see its polka has heard. */
  readonly #heard = new Map<string, Set<number>>();
  /** Who has seen a polka at this height. */
  readonly #locked = new Set<number>();
  #last: { readonly bytes: Uint8Array; readonly message: ConsensusMessage | null } | null = null;

  /** `onlyStarves`: one validator hears every vote, or every prevote, and gets no block, for longer than any timer. */
  constructor(world: World, prng: Prng, onlyStarves = false) {
    this.#world = world;
    this.#onlyStarves = onlyStarves;
    this.#prng = prng;
    this.#left = prng.between(2, heightsMax);
    world.network.holds = (to, frame) => this.#holds(to, frame);
    world.network.isFair = () => this.isActive;
    this.#next(prng.between(200, 2_000));
  }

  /** While it is, the weather is fair: only what the plan holds back is lost. */
  get isActive(): boolean {
    return this.#height > 0;
  }

  #next(delayMs: number): void {
    const { timeline, checker, stormMs } = this.#world;
    if (this.#left === 0) return;
    timeline.after(delayMs, () => {
      if (!this.#world.stormy || timeline.nowMs > stormMs - this.#patienceMs) return;
      this.#left -= 1;
      this.#world.count('directed');
      this.#plans.clear();
      this.#heard.clear();
      this.#height = checker.chain.height + 2;
      this.#starved = this.#prng.chance(this.#onlyStarves ? 1 : 0.25) ? this.#prng.pick(this.#validators) : null;
      this.#isDeaf = this.#onlyStarves && this.#prng.chance(0.5);
      this.#rounds = this.#starved === null ? this.#prng.between(2, 5) : 0;
      this.#round = -1;
      this.#untilMs = timeline.nowMs + this.#patienceMs;
      this.#locked.clear();
      for (const node of this.#world.nodes) {
        node.health.heal();
        node.resume();
        node.start();
      }
      this.#watch();
    });
  }

  #watch(): void {
    const { timeline, checker, stormy } = this.#world;
    const isDone = checker.chain.height >= this.#height || this.#round >= this.#rounds;
    const isOver = !stormy || timeline.nowMs > this.#untilMs || (this.#starved === null && isDone);
    if (!isOver) return timeline.after(50, () => this.#watch());
    if (this.#starved !== null) this.#world.count('starved');
    else if (this.#round >= this.#rounds) this.#world.count('directed-to-its-end');
    this.#height = 0;
    this.#next(this.#prng.between(200, 1_500));
  }

  #holds(to: number, frame: Frame): boolean {
    if (!this.isActive) return false;
    const node = this.#world.network.endpoints[to]?.validator ?? -1;
    if (this.#starved !== null) return node === this.#starved && this.#starves(frame);
    const message = this.#decoded(frame);
    if (message === null || message.kind === 'commit' || message.kind === 'round-state') return false;
    if (message.height !== this.#height) return false;
    // What is passed on would bring what was held back.
    if (message.kind === 'votes') return true;
    const { round } = message;
    this.#enter(round);
    const plan = this.#plans.get(round);
    if (plan === undefined) return false;
    if (message.kind === 'proposal') return plan.deprived.has(node);
    if (message.type === 'precommit' || message.blockId === null || plan.lockers.has(node)) return false;
    const key = `${node} ${round} ${message.blockId}`;
    const heard = this.#heard.get(key) ?? new Set<number>();
    this.#heard.set(key, heard);
    // With its own one it has one too few.
    if (heard.has(message.validator) || heard.size >= quorumOf(this.#validators.length) - 2)
      return !heard.has(message.validator);
    heard.add(message.validator);
    return false;
  }

  #starves(frame: Frame): boolean {
    if (isBody(frame) || (this.#onlyStarves && isRange(frame))) return true;
    if (!this.#isDeaf) return false;
    const message = this.#decoded(frame);
    if (message?.kind === 'vote') return message.type === 'precommit';
    return message?.kind === 'votes' || message?.kind === 'commit';
  }

  get #patienceMs(): number {
    return this.#onlyStarves ? starvingMs : patienceMs;
  }

  get #validators(): readonly number[] {
    return this.#world.checker.chain.validatorsAt(this.#height).map(({ id }) => this.#world.indexOf(id));
  }

  /** The first message of a round: what shall happen in it, given what happened. */
  #enter(round: number): void {
    if (round <= this.#round || round > this.#round + 2) return;
    this.#round = round;
    this.#untilMs = this.#world.timeline.nowMs + patienceMs;
    if (round >= this.#rounds) return;
    const prng = this.#prng;
    const all = this.#validators;
    const proposer = all[proposerOf(this.#height, round, all.length)] ?? 0;
    const next = all[proposerOf(this.#height, round + 1, all.length)] ?? 0;
    if (round > 0 && prng.chance(0.2))
      return void this.#plans.set(round, { deprived: new Set(all), lockers: new Set(all) });
    // Whoever locks makes the next round's proposer propose the same again; so mostly others do. One that is locked may lock again, on another value.
    const candidates = all.filter((seat) => seat !== next || prng.chance(0.25));
    const before = candidates.filter((seat) => this.#locked.has(seat));
    const lockers = new Set([before.length > 0 && prng.chance(0.7) ? prng.pick(before) : prng.pick(candidates)]);
    if (prng.chance(round === 0 ? 0.6 : 0.2)) lockers.add(prng.pick(candidates));
    for (const locker of lockers) this.#locked.add(locker);
    const rest = all.filter((seat) => seat !== proposer && !lockers.has(seat));
    // Somebody must vote otherwise, or there is no quorum without a polka; whoever is locked does that too.
    const deprived = new Set(rest.length > 0 && (round === 0 || prng.chance(0.15)) ? [prng.pick(rest)] : []);
    this.#plans.set(round, { deprived, lockers });
    const locker = this.#world.nodes.find(({ validator, correct }) => correct && lockers.has(validator));
    if (locker !== undefined && prng.chance(0.3) && this.#world.allows('crash'))
      this.#world.timeline.after(prng.between(400, 1_200), () => this.#crash(locker));
  }

  /** What it locked must be in its log. */
  #crash(node: World['nodes'][number]): void {
    if (!this.isActive || !node.isRunning) return;
    this.#world.count('directed-crash');
    node.crash(this.#prng.chance(0.5) ? 'power' : 'kill');
    this.#world.timeline.after(50, () => node.start());
  }

  #decoded({ channel, bytes }: Frame): ConsensusMessage | null {
    if (channel !== 'consensus' || bytes[0] !== messageKind) return null;
    if (this.#last?.bytes === bytes) return this.#last.message;
    let message: ConsensusMessage | null = null;
    try {
      message = decodeConsensusMessage(bytes.subarray(1));
    } catch (error) {
      if (!isChainError(error)) throw error;
    }
    this.#last = { bytes, message };
    return message;
  }
}

function isBody({ channel, bytes, call }: Frame): boolean {
  if (channel === 'consensus') return bytes[0] === announcementKind;
  return channel === 'answer' && (call?.method === 'block' || call?.method === 'txs');
}

/** Blocks with what proves them, for who catches up. */
function isRange({ channel, call }: Frame): boolean {
  return channel === 'answer' && call?.method === 'blocks';
}
