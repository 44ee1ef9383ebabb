import { goBack } from './byzantine/misbehave.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

/** Beyond what anybody had reached: having been fast before the faults is not liveness after them. */
const heightsAfterStorm = 3;
/** Once the faults are over, everything must have caught up and committed within this; timeouts that grew in the storm need the room. */
const livenessMs = 60_000;
/** A transaction that a correct node took, once the faults are over, is in the log within this. */
const commitMs = 30_000;
const txIntervalMs = 400;
const sampleMs = 100;
/** Then nobody wants anything: the last messages die away within this, and nothing more may happen. */
const restMs = 60_000;
const quietMs = 2_500;
const idleMs = 6_000;
/** An idle chain that gets work goes on at once. */
const wakeMs = 5_000;
/** Whoever hears nothing for a second asks, and is answered. */
const missMs = 8_000;
const foundingMs = 15_000;
const slowWriteMs = 3_000;
const forgetMs = 20_000;
/** Beyond the first blocks, before which nobody can know what is a founding. */
const forgetFrom = 3;

/** The acts of a run: storm, calm, idle, wake. Each ends with what must then be true. */
export class Phases {
  isOver = false;
  readonly #world: World;
  readonly #heights: number;
  readonly #stormMs: number;
  #isWorking = true;

  constructor(world: World, heights: number, stormMs: number) {
    this.#world = world;
    this.#heights = heights;
    this.#stormMs = stormMs;
  }

  /**
   * One node is still writing that this is the founding when the others decide the first block. Then nobody wants anything: it must be told without being at work.
   */
  found(): void {
    const { timeline, checker, workload, network, prng } = this.#world;
    this.#world.heal();
    // The first has the key of the cluster to tell.
    const late = prng.pick(this.#counted().slice(1));
    const endMs = timeline.nowMs + foundingMs;
    const write = (): void => {
      if (late.host === null) return timeline.after(1, write);
      late.health.slowMs = slowWriteMs;
    };
    const decide = (): void => {
      const areReady = this.#counted().every((node) => node === late || node.host?.observeReason === '');
      if (!areReady && timeline.nowMs < endMs) return timeline.after(5, decide);
      if (late.host?.observeReason !== '') this.#world.count('began-late');
      // As if it had connected only after the transaction was pushed: with work of its own it would ask.
      network.holds = (to, { channel }) => to === late.endpoint && channel === 'transaction' && late.height === 0;
      workload.begin();
      look();
    };
    const look = (): void => {
      if (this.#counted().every(({ height }) => height > 0)) {
        network.holds = null;
        return this.begin();
      }
      if (timeline.nowMs < endMs) return timeline.after(100, look);
      checker.fail(`founding: who began late is not told of what was decided: ${this.#whereTheyAre()}`);
    };
    write();
    decide();
  }

  /**
   * The farthest that a node can be ahead of what all others show: only it knows how height h ended, and it has signed h+1, while the last block of the
   * others is h-1. Then its data folder is gone.
   */
  forget(): void {
    const { timeline, checker, network } = this.#world;
    const node = this.#world.nodes.find(({ mayBeRecovered }) => mayBeRecovered);
    if (node === undefined) throw new Error('nobody is to be recovered');
    const endMs = timeline.nowMs + forgetMs;
    const until = (isSo: () => boolean, then: () => void): void => {
      if (isSo()) return then();
      if (timeline.nowMs < endMs) return timeline.after(1, () => until(isSo, then));
      checker.fail(`forget: it does not come so far: ${this.#whereTheyAre()}`);
    };
    // Of its own proposal the others would hear nothing.
    const isOfAnother = (): boolean => node.host !== null && node.host.round === 0 && node.host.proposer !== node.id;
    const areTogether = (): boolean =>
      this.#counted().every((each) => each.height === checker.chain.height && each.height >= forgetFrom);
    const attempt = (): void => {
      const backup = node.copyDisk();
      const height = checker.chain.height + 1;
      const isAhead = (): boolean => checker.signing.highestOf(node) > height;
      // Somebody got the block too late to vote for it: no other round can be decided without what is held back.
      const isLost = (): boolean => node.height < height && (node.host?.round ?? 0) > 0;
      network.holds = (to, { channel, topic }, from) =>
        channel === 'consensus' &&
        (from === node.endpoint || (to !== node.endpoint && (topic === 'precommit' || topic === 'other')));
      until(
        () => isAhead() || isLost(),
        () => {
          if (isAhead()) return forgotten(backup);
          network.holds = null;
          until(() => isOfAnother() && areTogether() && checker.chain.height >= height, attempt);
        },
      );
    };
    const forgotten = (backup: ReturnType<SimNode['copyDisk']>): void => {
      this.#world.count('forgot-most');
      node.crash('power');
      goBack(this.#world, node, backup);
      node.start();
      until(
        () => node.host !== null && !node.host.observeReason.includes('must say'),
        () => (network.holds = null),
      );
    };
    this.#world.heal();
    this.begin();
    until(() => isOfAnother() && areTogether(), attempt);
  }

  begin(): void {
    const { timeline } = this.#world;
    timeline.after(200, () => this.#world.workload.begin());
    timeline.after(300, () => this.#work());
    timeline.after(this.#stormMs, () => this.#calm());
    this.#world.setChanges?.begin();
    this.#sample();
  }

  #sample(): void {
    this.#world.checker.sample(this.#world.nodes);
    this.#world.timeline.after(sampleMs, () => this.#sample());
  }

  #work(): void {
    if (!this.#isWorking) return;
    this.#world.workload.next();
    const { prng, timeline } = this.#world;
    timeline.after(prng.between(txIntervalMs / 4, txIntervalMs * 2), () => this.#work());
  }

  #calm(): void {
    const { timeline, checker } = this.#world;
    this.#world.heal();
    const reached = Math.max(...this.#world.nodes.map(({ height }) => height));
    const goal = Math.max(this.#heights, reached + heightsAfterStorm);
    const endMs = timeline.nowMs + livenessMs;
    const look = (): void => {
      const late = this.#world.workload.overdue(timeline.nowMs - commitMs);
      if (late !== undefined)
        return checker.fail(
          `liveness: ${late.kind} ${late.hash.slice(0, 8)}, taken by node ${late.node.validator} at ${late.atMs.toFixed(0)} ms, is not in the log`,
        );
      const pending = this.#world.setChanges?.pending ?? null;
      if (pending === null && this.#counted().every(({ height }) => height >= goal)) return this.#finishWork();
      if (timeline.nowMs >= endMs && pending !== null)
        return checker.fail(
          `liveness: the change of the set does not come to its end: ${pending}: ${this.#whereTheyAre()}`,
        );
      if (timeline.nowMs >= endMs)
        return checker.fail(`liveness: height ${goal} is not reached: ${this.#whereTheyAre()}`);
      timeline.after(100, look);
    };
    look();
  }

  /** No new work, and the faulty ones are gone: what was taken must still be decided, and then all must come to rest. */
  #finishWork(): void {
    const { timeline, checker, workload, nodes, adversaries } = this.#world;
    this.#isWorking = false;
    for (const adversary of adversaries) adversary.isFrozen = true;
    for (const node of nodes) if (!node.correct || !this.#world.isMember(node)) node.retire();
    const endMs = timeline.nowMs + restMs;
    let frames = checker.framesSent;
    let quietSinceMs = timeline.nowMs;
    const look = (): void => {
      if (checker.framesSent !== frames) [frames, quietSinceMs] = [checker.framesSent, timeline.nowMs];
      const late = workload.overdue(Infinity);
      const isApart = new Set(this.#counted().map(({ height }) => height)).size > 1;
      const isBusy = this.#counted().some(({ host }) => (host?.mempool.size ?? 0) > 0);
      if (late === undefined && !isApart && !isBusy && timeline.nowMs - quietSinceMs > quietMs) return this.#idle();
      if (timeline.nowMs < endMs) return timeline.after(100, look);
      const what =
        late !== undefined
          ? `${late.kind} ${late.hash.slice(0, 8)}, taken by node ${late.node.validator}, is not in the log`
          : isApart
            ? 'nodes stay apart'
            : isBusy
              ? 'transactions wait'
              : 'no work, and no rest';
      checker.fail(`liveness: ${what}: ${this.#whereTheyAre()}`);
    };
    look();
  }

  #idle(): void {
    const { timeline, checker } = this.#world;
    const [frames, height] = [checker.framesSent, checker.chain.height];
    timeline.after(idleMs, () => {
      const sent = checker.framesSent - frames;
      if (checker.chain.height !== height)
        return checker.fail(`idle: ${checker.chain.height - height} blocks of nothing`);
      if (sent > 0) return checker.fail(`idle: ${sent} consensus messages about nothing`);
      checker.idle(this.#world.nodes);
      this.#wake();
    });
  }

  #wake(): void {
    const { timeline, checker, workload } = this.#world;
    const height = checker.chain.height;
    workload.propose();
    workload.change();
    timeline.after(wakeMs, () => {
      if (this.#counted().some((node) => node.height <= height))
        return checker.fail(`wake: an idle chain got work and stays where it is: ${this.#whereTheyAre()}`);
      this.#miss();
    });
  }

  /** One node does not hear how a height ends, and then nothing happens any more: the others tell it without being at work. */
  #miss(): void {
    const { timeline, checker, workload, network, prng } = this.#world;
    const counted = this.#counted();
    const height = checker.chain.height;
    const deaf = counted.length > 1 ? prng.pick(counted) : null;
    const hears = (): boolean => deaf === null || counted.every((node) => node === deaf || node.height > height);
    network.holds = (to, { topic }) => !hears() && topic === 'precommit' && to === deaf?.endpoint;
    workload.propose();
    const endMs = timeline.nowMs + missMs;
    const look = (): void => {
      if (counted.every((node) => node.height > height)) return void (this.isOver = true);
      if (timeline.nowMs < endMs) return timeline.after(100, look);
      checker.fail(`wake: who missed a decision is not told of it: ${this.#whereTheyAre()}`);
    };
    look();
  }

  /** Correct validators of the newest set, on whose disk everything is. */
  #counted(): readonly SimNode[] {
    return this.#world.nodes.filter(
      (node) => node.correct && (!node.isDamaged || node.isRecovered) && this.#world.isMember(node),
    );
  }

  #whereTheyAre(): string {
    return this.#world.nodes
      .map(({ validator, correct, fault, height, host }) => {
        const why = correct ? '' : ` (${fault})`;
        return `${validator}${why}: ${host === null ? 'down' : `${height + 1}/${host.round}`}`;
      })
      .join(', ');
  }
}
