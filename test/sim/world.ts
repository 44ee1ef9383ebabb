import { createHash, type Hash as Hasher } from 'node:crypto';
import { faultyMax } from '../../src/consensus/index.ts';
import type { LoadedGenesis } from '../../src/ledger/index.ts';
import type { ValidatorId } from '../../src/types/brand.ts';
import { Adversary } from './byzantine/adversary.ts';
import { misbehave } from './byzantine/misbehave.ts';
import { Checker } from './check/checker.ts';
import { Director } from './director.ts';
import { scheduleFaults } from './faults.ts';
import { orgOf, setChangesFrom, simGenesis } from './genesis.ts';
import { History } from './history.ts';
import { SimKeys } from './keys.ts';
import { calm, Network } from './net/network.ts';
import { SimNode, type Fault } from './node.ts';
import { byzantineKinds, stormMsDefault, type ByzantineKind } from './options.ts';
import { Phases } from './phases.ts';
import { Prng } from './prng.ts';
import { SetChanges, sparesMax } from './set-changes.ts';
import { Timeline } from './timeline.ts';
import { installVirtualGlobals, settled } from './virtual/globals.ts';
import { Workload } from './workload.ts';

export interface SimOptions {
  readonly seed: number;
  /** Validators. */
  readonly nodes: number;
  /** How many of them are Byzantine. Above f, all are twins in a world cut in two, and a disagreement must be found. */
  readonly byzantine: number;
  /** Every correct node must reach this height once the faults have stopped. */
  readonly heights: number;
  readonly stormMs?: number;
  /** Kinds of faults that are left out. */
  readonly without?: readonly string[];
  /** What the Byzantine ones do; drawn if not given. */
  readonly kind?: ByzantineKind;
  /** What the director does at every chance; drawn if not given. */
  readonly director?: 'starve';
  /** The chain begins with a node whose disk is slow, and there are no faults afterwards. */
  readonly founding?: 'slow';
}

export interface SimResult {
  readonly seed: number;
  readonly nodes: number;
  readonly byzantine: number;
  readonly heights: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly coverage: Readonly<Record<string, number>>;
  readonly ok: boolean;
  readonly violation?: string;
  readonly traceHash: string;
}

/** So many events in one virtual millisecond are a loop that never ends. */
const eventsPerMsMax = 20_000;

/** One run: everything that the nodes share, and nothing that they could learn from each other except by messages. */
export class World {
  readonly timeline = new Timeline();
  readonly prng: Prng;
  readonly network: Network;
  readonly checker: Checker;
  readonly keys = new SimKeys();
  readonly genesis: LoadedGenesis;
  readonly workload: Workload;
  readonly history = new History();
  readonly nodes: SimNode[] = [];
  readonly adversaries: Adversary[] = [];
  /** At genesis. */
  readonly validators: number;
  /** Organisations that are validators or may become so. */
  readonly seats: number;
  /** What is wrong with some of those at genesis. */
  readonly kinds: ReadonlyMap<number, ByzantineKind>;
  readonly setChanges: SetChanges | null;
  readonly director: Director | null;
  stormy = true;
  readonly #options: SimOptions;
  readonly #faults: Record<string, number> = {};
  readonly #coverage: Record<string, number> = {};
  readonly #trace: Hasher = createHash('sha256');
  readonly #crashChance: number;
  readonly #phases: Phases;
  readonly #forgets: boolean;
  readonly #indexes = new Map<string, number>();

  constructor(options: SimOptions) {
    installVirtualGlobals();
    this.#options = options;
    this.validators = options.nodes;
    this.prng = new Prng(options.seed);
    this.genesis = simGenesis(this.keys, options.nodes);
    const split = options.byzantine > faultyMax(options.nodes);
    const crashChance = this.prng.pick([0, 0.0005, 0.002, 0.008]);
    // A node that starts again may observe, and then there is one half only.
    this.#crashChance = split ? 0 : crashChance;
    const hasSetChanges =
      !split && options.nodes >= setChangesFrom && this.allows('set-change') && this.prng.chance(0.6);
    this.seats = options.nodes + (hasSetChanges ? sparesMax : 0);
    this.network = new Network({
      timeline: this.timeline,
      prng: this.prng.fork(),
      count: (fault) => this.count(fault),
      trace: (what) => this.trace(what),
    });
    const chosen = new Set<number>();
    while (chosen.size < options.byzantine) chosen.add(this.prng.below(options.nodes));
    const kinds = new Map([...chosen].map((validator) => [validator, this.#kindOf(split)]));
    this.kinds = kinds;
    this.checker = new Checker(this, this.history, (id) => (kinds.get(this.indexOf(id)) ?? 'damaged') !== 'damaged');
    for (let validator = 0; validator < this.seats; validator++) {
      this.#indexes.set(orgOf(validator), validator);
      this.#create(validator, kinds.get(validator));
    }
    this.workload = new Workload(this, this.prng.fork());
    this.setChanges = hasSetChanges ? new SetChanges(this, this.prng.fork()) : null;
    this.director =
      !split &&
      options.nodes >= setChangesFrom &&
      this.allows('directed') &&
      (this.prng.chance(0.5) || options.director !== undefined)
        ? new Director(this, this.prng.fork(), options.director === 'starve')
        : null;
    this.#phases = new Phases(this, options.heights, this.stormMs);
    this.#forgets = this.nodes.some(({ mayBeRecovered }) => mayBeRecovered) && this.prng.chance(0.5);
    if (!this.isFoundedSlowly && !this.#forgets) scheduleFaults(this, this.stormMs, split);
  }

  get isFoundedSlowly(): boolean {
    return this.#options.founding === 'slow';
  }

  get stormMs(): number {
    return this.#options.stormMs ?? stormMsDefault;
  }

  async run(): Promise<SimResult> {
    for (const node of this.nodes) node.start();
    if (this.isFoundedSlowly) this.#phases.found();
    else if (this.#forgets) this.#phases.forget();
    else this.#phases.begin();
    const unhandled = (error: unknown): void =>
      this.checker.fail(`unhandled: ${String((error as Error)?.stack ?? error)}`);
    process.on('unhandledRejection', unhandled);
    let ms = 0;
    let events = 0;
    try {
      while (!this.#phases.isOver && this.checker.violation === null) {
        this.timeline.advance();
        await settled();
        if (Math.floor(this.timeline.nowMs) !== ms) [ms, events] = [Math.floor(this.timeline.nowMs), 0];
        if (++events > eventsPerMsMax)
          this.checker.fail(`spinning: more than ${eventsPerMsMax} events in one millisecond`);
      }
      if (this.checker.violation === null) this.checker.finished(this.nodes);
    } catch (error) {
      this.checker.fail(`exception: ${String((error as Error)?.stack ?? error)}`);
    } finally {
      process.off('unhandledRejection', unhandled);
    }
    for (const node of this.nodes) node.crash('kill');
    return this.#result();
  }

  count(fault: string): void {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
  }

  cover(rule: string): void {
    this.#coverage[rule] = (this.#coverage[rule] ?? 0) + 1;
  }

  trace(what: string): void {
    this.#trace.update(`${this.timeline.nowMs.toFixed(3)} ${what}\n`);
  }

  allows(fault: string): boolean {
    return this.#options.without?.includes(fault) !== true;
  }

  /** Its organisation is one of those that decide the height after the newest. */
  isMember(node: SimNode): boolean {
    return this.checker.chain.reference.validators().some(({ id }) => id === node.id);
  }

  isDamaged(id: ValidatorId): boolean {
    return this.nodes.some((node) => node.id === id && node.isDamaged);
  }

  indexOf(id: ValidatorId): number {
    const index = this.#indexes.get(id);
    if (index === undefined) throw new Error(`no validator ${id}`);
    return index;
  }

  seatsExcept(validator: number): readonly number[] {
    return Array.from({ length: this.seats }, (_, index) => index).filter((index) => index !== validator);
  }

  /** Asked before each effect of a node on the world. */
  crashesNow(node: SimNode): boolean {
    if (!this.stormy || node.fault === 'twin' || this.director?.isActive === true || !this.allows('crash-at-effect'))
      return false;
    if (!this.prng.chance(this.#crashChance)) return false;
    this.count('crash-at-effect');
    return true;
  }

  crashAndRestart(node: SimNode): void {
    if (!node.isRunning) return;
    node.crash(this.prng.chance(0.6) ? 'power' : 'kill');
    misbehave(this, node);
    this.timeline.after(this.prng.pick([50, 500, 4_000]), () => node.start());
  }

  heal(): void {
    this.stormy = false;
    this.network.weather = calm;
    this.network.cuts.clear();
    this.network.severed.clear();
    this.network.slow.clear();
    for (const node of this.nodes) {
      node.health.heal();
      node.resume();
      node.setClock(0, 1);
      node.start();
    }
    this.network.refreshAll();
  }

  #kindOf(split: boolean): ByzantineKind {
    const kind = split ? 'twin' : (this.#options.kind ?? this.prng.pick(byzantineKinds));
    this.count(`byzantine-${kind}`);
    return kind;
  }

  #create(validator: number, kind: ByzantineKind | undefined): void {
    if (kind === 'silent') return;
    const fault: Fault = kind === undefined || kind === 'damaged' || kind === 'recovered' ? 'none' : kind;
    for (let copy = 0; copy < (kind === 'twin' ? 2 : 1); copy++) {
      const node = new SimNode(this, validator, fault);
      this.nodes.push(node);
      node.mayBeDamaged = kind === 'damaged';
      node.mayBeRecovered = kind === 'recovered';
      node.isAway = validator >= this.validators;
      if (fault === 'adversary') this.adversaries.push(new Adversary(this, node));
      if (fault === 'withhold')
        node.corruption = (_to, _channel, bytes) => (this.prng.chance(0.5) ? [] : [{ bytes, topic: 'other' }]);
      if (fault === 'selective') {
        const deaf = this.prng.below(this.validators);
        node.corruption = (to, _channel, bytes) => (to === deaf || to === deaf + 1 ? [] : [{ bytes, topic: 'other' }]);
      }
    }
  }

  #result(): SimResult {
    const { seed, nodes, byzantine, heights } = this.#options;
    const { violation } = this.checker;
    return {
      seed,
      nodes,
      byzantine,
      heights,
      faults: this.#faults,
      coverage: this.#coverage,
      ok: violation === null,
      ...(violation === null ? {} : { violation }),
      traceHash: this.#trace.digest('hex'),
    };
  }
}
