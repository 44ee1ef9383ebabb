import { createHash, type Hash as Hasher } from 'node:crypto';
import { faultyMax, type ConsensusEvent, type Effect } from '../../src/consensus/index.ts';
import type { ChainParams } from '../../src/types/chain.ts';
import { Adversary } from './adversary.ts';
import { Checker } from './checker.ts';
import { scheduleFaults } from './faults.ts';
import { simKeys } from './keys.ts';
import { calm, Network } from './network.ts';
import { Prng } from './prng.ts';
import { SimNode, type Fault } from './sim-node.ts';
import { Timeline } from './timeline.ts';

export interface SimOptions {
  readonly seed: number;
  /** Validators. */
  readonly nodes: number;
  /** How many of them are Byzantine. Above f, all are twins in a world cut in two, and a disagreement must be found. */
  readonly byzantine: number;
  /** Every correct node must reach this height once the faults have stopped. */
  readonly heights: number;
  /** Sends without waiting for the disk: a planted fault that the checker must see. */
  readonly breakBarrier?: boolean;
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

export const simParams: ChainParams = {
  timeoutProposeMs: 500,
  timeoutProposeDeltaMs: 250,
  timeoutVoteMs: 250,
  timeoutVoteDeltaMs: 100,
  timeoutMaxMs: 30_000,
  blockBytesMax: 1_000_000,
  blockTxsMax: 1_000,
  precisionMs: 500,
  messageDelayMs: 1_000,
};

/** Faults rage for this long, at most; then everything heals. */
const stormMs = 20_000;
/** After that a correct core gets the rest of the way in seconds; timeouts that grew in the storm need the room. */
const calmMs = 600_000;
const txIntervalMs = 400;
/** Beyond what anybody had reached: having been fast before the faults is not liveness after them. */
const heightsAfterStorm = 3;

/** One run: everything that the nodes share, and nothing that they could learn from each other except by messages. */
export class World {
  readonly timeline = new Timeline();
  readonly prng: Prng;
  readonly network: Network;
  readonly checker: Checker;
  readonly keys: ReturnType<typeof simKeys>;
  readonly validators: number;
  readonly breaksBarrier: boolean;
  readonly nodes: SimNode[] = [];
  stormy = true;
  readonly #options: SimOptions;
  readonly #faults: Record<string, number> = {};
  readonly #coverage: Record<string, number> = {};
  readonly #trace: Hasher = createHash('sha256');
  readonly #crashChance: number;
  #tx = 0;
  #goal = 0;

  constructor(options: SimOptions) {
    this.#options = options;
    this.validators = options.nodes;
    this.breaksBarrier = options.breakBarrier === true;
    this.prng = new Prng(options.seed);
    this.#crashChance = this.prng.pick([0, 0.001, 0.01, 0.04]);
    this.keys = simKeys(options.nodes);
    this.network = new Network(this.timeline, this.prng.fork(), (fault) => this.count(fault));
    const faulty = new Set<number>();
    while (faulty.size < options.byzantine) faulty.add(this.prng.below(options.nodes));
    this.checker = new Checker(options.nodes, faulty);
    const split = options.byzantine > faultyMax(options.nodes);
    for (let validator = 0; validator < options.nodes; validator++)
      this.#create(validator, faulty.has(validator), split);
    scheduleFaults(this, stormMs, split);
  }

  run(): SimResult {
    for (const node of this.nodes) node.start();
    this.#injectTransactions();
    this.timeline.after(stormMs, () => this.#heal());
    let ended = false;
    this.timeline.after(stormMs + calmMs, () => (ended = true));
    try {
      while (!ended && this.checker.violation === null && !this.#done()) this.timeline.advance();
    } catch (error) {
      this.checker.fail(
        `exception: ${error instanceof Error ? `${error.message} ${(error.stack ?? '').split('\n')[1]?.trim() ?? ''}` : String(error)}`,
      );
    }
    if (this.checker.violation === null && !this.#done()) this.checker.fail(`liveness: ${this.#whereTheyAre()}`);
    return this.#result();
  }

  count(fault: string): void {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
  }

  cover(rule: string): void {
    this.#coverage[rule] = (this.#coverage[rule] ?? 0) + 1;
  }

  validatorsExcept(validator: number): readonly number[] {
    return Array.from({ length: this.validators }, (_, index) => index).filter((index) => index !== validator);
  }

  /** Into the trace: every event and effect, in order, bytes as hexadecimal. */
  record(node: SimNode, event: ConsensusEvent, effects: readonly Effect[]): void {
    this.#trace.update(
      JSON.stringify([node.endpoint, event, effects], (_, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
      ),
    );
  }

  /** Asked before each effect is carried out. */
  crashesNow(node: SimNode): boolean {
    return this.stormy && (node.correct || node.fault === 'amnesia') && this.prng.chance(this.#crashChance);
  }

  crashAndRestart(node: SimNode): void {
    if (!node.running) return;
    node.crash();
    const downMs = this.prng.pick([50, 500, 4_000]);
    if (downMs > 20) this.timeline.after(20, () => this.#tellPeers(node, false));
    this.timeline.after(downMs, () => {
      if (!node.running) node.start();
      this.#tellPeers(node, true);
    });
  }

  #tellPeers(node: SimNode, up: boolean): void {
    for (const each of this.nodes) {
      if (each === node || each.validator === node.validator) continue;
      each.peerIs(node.validator, up);
      if (up) node.peerIs(each.validator, true);
    }
  }

  #create(validator: number, faulty: boolean, split: boolean): void {
    const sign = this.keys.signers[validator];
    if (sign === undefined) throw new Error(`no key for ${validator}`);
    if (!faulty) return void this.nodes.push(new SimNode(this, validator, 'none', sign));
    const kind = split
      ? 'twin'
      : this.prng.pick(['adversary', 'adversary', 'twin', 'amnesia', 'withhold', 'silent'] as const);
    this.count(`byzantine-${kind}`);
    if (kind === 'silent') return;
    if (kind === 'adversary') return void new Adversary(this, validator, sign);
    for (let copy = 0; copy < (kind === 'twin' ? 2 : 1); copy++)
      this.nodes.push(new SimNode(this, validator, kind satisfies Fault, sign));
  }

  #heal(): void {
    this.stormy = false;
    const reached = Math.max(...this.nodes.map((node) => node.height));
    this.#goal = Math.max(this.#options.heights, reached + heightsAfterStorm);
    this.network.weather = calm;
    this.network.cuts.clear();
    for (const node of this.nodes) {
      if (!node.running) node.start();
      node.clockSkewMs = 0;
      for (const validator of this.validatorsExcept(node.validator)) node.peerIs(validator, true);
    }
  }

  /** Pushed to everybody, but not everybody gets it the first time. */
  #injectTransactions(): void {
    const tx = ++this.#tx;
    for (const node of this.nodes)
      if (!this.stormy || this.prng.chance(0.8))
        this.timeline.after(this.prng.below(200), () => node.addTransaction(tx));
    this.timeline.after(this.prng.between(txIntervalMs / 2, txIntervalMs * 2), () => this.#injectTransactions());
  }

  #done(): boolean {
    return !this.stormy && this.nodes.every((node) => !node.correct || node.height >= this.#goal);
  }

  #whereTheyAre(): string {
    return this.nodes
      .map((node) => {
        const h = node.state?.current;
        return `${node.validator}${node.correct ? '' : ` (${node.fault})`}: ${h === null || h === undefined ? 'down' : `${h.config.height}/${h.round} ${h.step}`}`;
      })
      .join(', ');
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
