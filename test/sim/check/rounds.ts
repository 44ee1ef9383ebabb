import type { Proposal, Vote } from '../../../src/types/consensus.ts';
import type { SimNode } from '../node.ts';
import type { CheckContext } from './context.ts';

/** The signatures that exist for one round of one height, whoever holds them. */
interface Round {
  readonly prevotes: Map<number, Set<string>>;
  readonly precommits: Map<number, Set<string>>;
  /** Virtual time since when there are q of each, whatever they are for. */
  prevotesMs: number | null;
  precommitsMs: number | null;
}

/** What a node does in its present round, as it is seen from outside. */
interface Stay {
  readonly life: object;
  readonly height: number;
  readonly round: number;
  readonly clockSets: number;
  /** Of correct validators, heard from themselves in time, and the own one. */
  readonly prevotes: Set<string>;
  readonly precommits: Set<string>;
  prevotesMs: number | null;
  precommitsMs: number | null;
  /** Of the own prevote: before it no timeout of the prevotes runs (line 34). */
  prevotedMs: number | null;
  precommitted: boolean;
}

/** A clock of a node runs at most so much faster or slower than the true one. */
const drift = 1.1;
/** A vote is seen when it is handed to the log, and that waits for a slow disk. */
const slackMs = 5_000;
const nil = 'nil';

/** Of the design, written down a second time: 250 + 100 r ms, at most 30 s. */
function timeoutMs(round: number): number {
  return Math.min(250 + 100 * round, 30_000);
}

/**
 * Why and when a correct validator goes on. A precommit for a block needs a quorum of prevotes for it that exists; a later round needs q precommits of the
 * round before, or f+1 others who are there already: never one alone. No timeout of the votes ends early, none fails to come.
 */
export class RoundCheck {
  readonly #c: CheckContext;
  readonly #rounds = new Map<string, Round>();
  /** Highest round of each validator's votes, by height. */
  readonly #reached = new Map<number, Map<number, number>>();
  readonly #stays = new Map<SimNode, Stay>();

  constructor(context: CheckContext) {
    this.#c = context;
  }

  /** Exists, whoever made it. */
  exists(vote: Vote): void {
    const { height, round, validator, type, blockId } = vote;
    const size = this.#c.validatorsAt(height).length;
    if (validator >= size) return;
    const reached = this.#reached.get(height) ?? new Map<number, number>();
    this.#reached.set(height, reached);
    reached.set(validator, Math.max(round, reached.get(validator) ?? 0));
    const known = this.#round(height, round);
    const votes = type === 'prevote' ? known.prevotes : known.precommits;
    const values = votes.get(validator) ?? new Set<string>();
    votes.set(validator, values.add(blockId ?? nil));
    const isQuorum = 3 * votes.size > 2 * size;
    if (isQuorum && type === 'prevote') known.prevotesMs ??= this.#c.nowMs();
    if (isQuorum && type === 'precommit') known.precommitsMs ??= this.#c.nowMs();
  }

  /** A correct validator signs a vote: it is in what it hands to its log. */
  signed(node: SimNode, vote: Vote): void {
    this.exists(vote);
    const stay = this.#stay(node);
    if (stay !== null && stay.height === vote.height && stay.round === vote.round) {
      if (vote.type === 'prevote') stay.prevotedMs ??= this.#c.nowMs();
      else stay.precommitted = true;
      this.#count(stay, vote.type, node.id);
    }
    if (vote.type === 'prevote') return;
    const { height, round, blockId } = vote;
    const { prevotes, prevotesMs } = this.#round(height, round);
    const at = `node ${node.validator}, precommit at ${height}/${round}`;
    if (this.#isQuorum(height, votersFor(prevotes, blockId ?? nil))) return;
    if (blockId !== null) return this.#c.fail(`polka: ${at} for a block that no quorum prevoted`);
    this.#waited(at, 'timeoutPrevote', round, prevotesMs);
  }

  /** A correct validator enters a round above 0: it is in what it hands to its log. */
  entered(node: SimNode, height: number, round: number): void {
    const own = this.#c.validatorsAt(height).findIndex(({ id }) => id === node.id);
    const there = [...(this.#reached.get(height) ?? [])].filter(
      ([validator, at]) => validator !== own && at >= round,
    ).length;
    const size = this.#c.validatorsAt(height).length;
    if (there > Math.floor((size - 1) / 3)) return;
    const { precommits, precommitsMs } = this.#round(height, round - 1);
    if (this.#isQuorum(height, votersFor(precommits, nil))) return;
    this.#waited(`node ${node.validator}, entry into ${height}/${round}`, 'timeoutPrecommit', round - 1, precommitsMs);
  }

  /** A validator's own vote reaches a node. */
  heard(node: SimNode, message: Proposal | Vote): void {
    if (message.kind !== 'vote') return;
    const stay = this.#stay(node);
    const sender = this.#c.validatorsAt(message.height)[message.validator]?.id;
    if (stay === null || sender === undefined || stay.height !== message.height || stay.round !== message.round) return;
    if (this.#c.isFaulty(sender) || !this.#c.isSigned(message)) return;
    this.#count(stay, message.type, sender);
  }

  /** From time to time: whoever has heard enough goes on after its timeout. */
  sample(node: SimNode): void {
    const stay = this.#stay(node);
    if (stay === null || stay.prevotedMs === null) return;
    const { height, round, prevotedMs, precommitsMs } = stay;
    const prevotesMs = stay.prevotesMs === null ? null : Math.max(stay.prevotesMs, prevotedMs);
    const limitMs = timeoutMs(round) * drift + slackMs;
    const late = (sinceMs: number | null): boolean => sinceMs !== null && this.#c.nowMs() - sinceMs > limitMs;
    if (!stay.precommitted && late(prevotesMs))
      this.#c.fail(`timer: node ${node.validator} has q prevotes of ${height}/${round} and waits for ever`);
    if (late(precommitsMs))
      this.#c.fail(`timer: node ${node.validator} has q precommits of ${height}/${round} and waits for ever`);
  }

  #waited(at: string, name: string, round: number, sinceMs: number | null): void {
    if (sinceMs === null) return this.#c.fail(`round: ${at} without a quorum of votes, and f+1 are not there either`);
    const waitedMs = this.#c.nowMs() - sinceMs;
    if (waitedMs < timeoutMs(round) / drift - 2)
      this.#c.fail(`timer: ${at} ${waitedMs.toFixed(0)} ms after the quorum, before ${name} was over`);
  }

  #count(stay: Stay, type: Vote['type'], validator: string): void {
    const votes = type === 'prevote' ? stay.prevotes : stay.precommits;
    votes.add(validator);
    if (!this.#isQuorum(stay.height, votes.size)) return;
    if (type === 'prevote') stay.prevotesMs ??= this.#c.nowMs();
    else stay.precommitsMs ??= this.#c.nowMs();
  }

  /** Null where nothing can be said: down, not in consensus yet, or disturbed from outside. */
  #stay(node: SimNode): Stay | null {
    const { life, host } = node;
    const isIn = life !== null && host !== null && host.proposer !== null && !node.isPaused && !node.isStopping;
    const known = this.#stays.get(node);
    if (!isIn || !node.correct || node.isDamaged) {
      this.#stays.delete(node);
      return null;
    }
    const [height, round] = [node.height + 1, host.round];
    if (known?.life === life && known.height === height && known.round === round)
      return known.clockSets === node.clockSets ? known : null;
    const votes = { prevotes: new Set<string>(), precommits: new Set<string>(), prevotesMs: null, precommitsMs: null };
    const stay = { life, height, round, clockSets: node.clockSets, ...votes, prevotedMs: null, precommitted: false };
    this.#stays.set(node, stay);
    return stay;
  }

  #round(height: number, round: number): Round {
    const key = `${height}/${round}`;
    const known = this.#rounds.get(key) ?? {
      prevotes: new Map<number, Set<string>>(),
      precommits: new Map<number, Set<string>>(),
      prevotesMs: null,
      precommitsMs: null,
    };
    this.#rounds.set(key, known);
    return known;
  }

  #isQuorum(height: number, votes: number): boolean {
    return 3 * votes > 2 * this.#c.validatorsAt(height).length;
  }
}

function votersFor(votes: ReadonlyMap<number, ReadonlySet<string>>, value: string): number {
  return [...votes.values()].filter((values) => values.has(value)).length;
}
