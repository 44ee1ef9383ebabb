import { proposerOf, type ConsensusEvent, type Effect } from '../../../src/consensus/index.ts';
import { isQuorum, faultyMax } from '../../../src/consensus/quorum.ts';
import type { BlockVerdict } from '../../../src/consensus/event.ts';
import type { Hash } from '../../../src/types/brand.ts';
import type { ConsensusMessage, PolkaCertificate, Proposal, Vote, VoteType } from '../../../src/types/consensus.ts';
import type { Core } from './core.ts';
import { height } from './messages.ts';

type Event = ConsensusEvent extends infer E ? (E extends unknown ? Omit<E, 'nowMs'> : never) : never;
type Value = Hash | null;

const n = 4;
const self = 1;

/** Votes by type, round and value. */
class Ballots {
  readonly #senders = new Map<string, Set<number>>();

  add({ type, round, blockId, validator }: Vote): void {
    for (const key of [`${type} ${round} ${blockId}`, `${type} ${round}`]) {
      const senders = this.#senders.get(key) ?? new Set();
      this.#senders.set(key, senders.add(validator));
    }
  }

  has({ type, round, blockId, validator }: Vote): boolean {
    return this.#senders.get(`${type} ${round} ${blockId}`)?.has(validator) === true;
  }

  hasQuorum(type: VoteType, round: number, value?: Value): boolean {
    const key = value === undefined ? `${type} ${round}` : `${type} ${round} ${value}`;
    return isQuorum(this.#senders.get(key)?.size ?? 0, n);
  }
}

/**
 * What the paper allows a validator to do, and what it demands, told a second time and without the core's way of keeping things: it hears all
 * that the core hears. `says` is empty as long as the core does nothing that is not allowed and leaves nothing out.
 */
export class Paper {
  readonly says: string[] = [];
  readonly #core: Core;
  /** Everything that was ever heard: what allows. */
  readonly #heard = new Ballots();
  /** What must count: heard while its round was kept, two values a validator unless a certificate shows more. */
  readonly #counted = new Ballots();
  readonly #values = new Map<string, number>();
  readonly #reached = new Map<number, number>();
  readonly #named = new Set<Hash>();
  readonly #proposed = new Map<number, Proposal>();
  readonly #verdicts = new Map<Hash, BlockVerdict>();
  readonly #own = new Map<string, Value>();
  readonly #armed = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #reported = new Set<string>();
  readonly #down = new Set<number>();
  #lock: { readonly round: number; readonly blockId: Hash } | null = null;
  #event: Event = { type: 'tick' };

  constructor(core: Core) {
    this.#core = core;
    this.#judge(core.effects);
    this.#demand();
  }

  /** Timers that may fire. */
  get armed(): readonly string[] {
    return [...this.#armed];
  }

  get isOver(): boolean {
    return this.#core.state.halted !== null || this.#core.state.current?.step === 'decided' || this.says.length > 0;
  }

  feed(event: Event): void {
    this.#event = event;
    if (event.type === 'message') this.#hear(event.message);
    if (event.type === 'block-validated' && !this.#verdicts.has(event.blockId) && this.#isNamed(event.blockId))
      this.#verdicts.set(event.blockId, event.verdict);
    if (event.type === 'tick') this.#asked.clear();
    if (event.type === 'timeout') this.#armed.delete(`${event.kind} ${event.round}`);
    if (event.type === 'peer-down') this.#down.add(event.validator);
    if (event.type === 'peer-up') this.#down.delete(event.validator);
    this.#judge(this.#core.feed(event));
    this.#demand();
  }

  #isNamed(blockId: Hash): boolean {
    return this.#core.state.current?.blocks.has(blockId) === true;
  }

  #hear(message: ConsensusMessage): void {
    if (message.kind === 'vote') this.#count(message, false);
    if (message.kind === 'proposal' && message.polka !== null) this.#certify('prevote', message.polka);
    if (message.kind === 'votes') {
      for (const vote of message.votes) this.#count(vote, false);
      if (message.polka !== null) this.#certify('prevote', message.polka);
    }
    if (message.kind === 'commit') this.#certify('precommit', message.certificate);
  }

  #certify(type: VoteType, { round, blockId, signatures }: PolkaCertificate): void {
    for (const { validator, signature } of signatures)
      this.#count({ kind: 'vote', type, height, round, blockId, validator, signature }, true);
  }

  #count(vote: Vote, certified: boolean): void {
    const { type, round, validator } = vote;
    if (vote.blockId !== null) this.#named.add(vote.blockId);
    const isNew = !this.#heard.has(vote);
    this.#heard.add(vote);
    if (round < this.#core.round - 8) return;
    this.#reached.set(validator, Math.max(round, this.#reached.get(validator) ?? 0));
    const key = `${type} ${round} ${validator}`;
    const before = this.#values.get(key) ?? 0;
    if (isNew) this.#values.set(key, before + 1);
    if (round <= this.#core.round + 1 && (certified || before < 2)) this.#counted.add(vote);
  }

  #judge(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'broadcast' && effect.message.kind === 'vote') this.#mayVote(effect.message);
      if (effect.type === 'broadcast' && effect.message.kind === 'proposal') this.#mayPropose(effect.message);
      if (effect.type === 'set-timer') this.#arm(`${effect.kind} ${effect.round}`);
      if (effect.type === 'cancel-timer')
        this.#allow(this.#armed.delete(`${effect.kind} ${effect.round}`), 'cancels a timer that does not run');
      if (effect.type === 'decide') {
        const { round, blockId } = effect.certificate;
        this.#allow(this.#heard.hasQuorum('precommit', round, blockId), 'decides without a quorum');
        this.#allow(this.#verdicts.get(blockId)?.ok === true, 'decides what is not valid here');
      }
      if (effect.type === 'evidence') this.#mayAccuse(effect);
      if (effect.type === 'validate-block' || effect.type === 'request-block') {
        this.#allow(!this.#verdicts.has(effect.blockId), `${effect.type} of a block that was judged`);
        this.#once(this.#asked, `${effect.type} ${effect.blockId}`);
      }
      if (effect.type === 'build-block')
        this.#allow(proposerOf(height, effect.round, n) === self, 'builds in the round of another one');
    }
    // The own votes of this step count for what it enters.
    for (const effect of effects)
      if (effect.type === 'persist')
        for (const record of effect.records) if (record.kind === 'round-entry') this.#mayEnter(record.round);
  }

  #mayEnter(round: number): void {
    const before = this.#heard.hasQuorum('precommit', round - 1);
    this.#allow(before || this.#reachedByHonest() >= round, `enters round ${round} for no reason`);
  }

  /** The highest round that f+1 have reached. */
  #reachedByHonest(): number {
    return [...this.#reached.values()].sort((a, b) => b - a)[faultyMax(n)] ?? 0;
  }

  #mayPropose(proposal: Proposal): void {
    const { round, blockId, polRound, validator } = proposal;
    const before = this.#proposed.get(round);
    if (before !== undefined) return this.#allow(before === proposal, `proposes twice in round ${round}`);
    this.#proposed.set(round, proposal);
    this.#allow(validator === self && proposerOf(height, round, n) === self, 'proposes in the round of another one');
    if (polRound >= 0) {
      this.#allow(this.#heard.hasQuorum('prevote', polRound, blockId), 'proposes again without a polka');
      return;
    }
    this.#allow(this.#lock === null, 'proposes a new block over its lock');
    this.#verdicts.set(blockId, { ok: true, proposer: self, timeMs: 1, appHash: blockId });
  }

  #mayVote(vote: Vote): void {
    const { type, round, blockId } = vote;
    const key = `${type} ${round}`;
    if (this.#own.has(key)) return this.#allow(this.#own.get(key) === blockId, `votes twice: ${key}`);
    this.#own.set(key, blockId);
    if (type === 'prevote') this.#mayPrevote(round, blockId);
    if (type === 'precommit') this.#mayPrecommit(round, blockId);
    this.#count(vote, true);
  }

  #mayPrevote(round: number, blockId: Value): void {
    const first = this.#core.state.current?.rounds.get(round)?.proposal?.proposal;
    const wanted = first !== undefined && this.#isAcceptable(first) ? first.blockId : null;
    const hasGivenUp = this.#event.type === 'timeout' && this.#event.kind === 'propose' && this.#event.round === round;
    if (blockId === null && hasGivenUp) return;
    if (blockId === null && first === undefined && this.#down.has(proposerOf(height, round, n))) return;
    this.#allow(blockId === wanted && first !== undefined, `prevotes ${blockId} in round ${round}, not ${wanted}`);
  }

  /** L22 and L28, of a block whose verdict is there. */
  #isAcceptable({ blockId, polRound, validator }: Proposal): boolean {
    const verdict = this.#verdicts.get(blockId);
    if (verdict?.ok !== true) return false;
    if (polRound >= 0)
      return (
        this.#heard.hasQuorum('prevote', polRound, blockId) &&
        (this.#lock === null || this.#lock.round <= polRound || this.#lock.blockId === blockId)
      );
    return verdict.proposer === validator && (this.#lock === null || this.#lock.blockId === blockId);
  }

  #mayPrecommit(round: number, blockId: Value): void {
    if (blockId === null) {
      const hasGivenUp = this.#event.type === 'timeout' && this.#event.kind === 'prevote';
      return this.#allow(
        hasGivenUp || this.#heard.hasQuorum('prevote', round, null),
        `precommits nil in round ${round}`,
      );
    }
    this.#allow(this.#heard.hasQuorum('prevote', round, blockId), `precommits without a polka in round ${round}`);
    this.#allow(this.#verdicts.get(blockId)?.ok === true, `precommits what is not valid in round ${round}`);
    this.#lock = { round, blockId };
  }

  #mayAccuse({ equivocation: { kind, first, second } }: Extract<Effect, { readonly type: 'evidence' }>): void {
    const of = kind === 'vote' ? first.type : kind;
    this.#allow(
      first.validator === second.validator && first.round === second.round,
      'accuses for two different things',
    );
    if (kind === 'vote')
      this.#allow(
        first.blockId !== second.blockId && this.#heard.has(first) && this.#heard.has(second),
        'accuses falsely',
      );
    else this.#allow(first.blockId !== second.blockId || first.polRound !== second.polRound, 'accuses falsely');
    this.#once(this.#reported, `${of} ${first.round} ${first.validator}`);
  }

  #arm(timer: string): void {
    this.#once(this.#armed, timer);
  }

  /** What must have happened by now. */
  #demand(): void {
    const h = this.#core.state.current;
    if (h === null || h.step === 'idle' || this.isOver) {
      if (h?.step === 'decided') this.#allow(this.#armed.size === 0, 'leaves a timer');
      return;
    }
    const { round, step } = h;
    const valid = [...this.#verdicts].filter(([, verdict]) => verdict.ok).map(([blockId]) => blockId);
    const polkasIn = (at: number): Hash[] =>
      [...this.#named].filter((id) => this.#counted.hasQuorum('prevote', at, id));
    /** Two in one round are beyond f faulty ones; then either may count. */
    const validPolkaIn = (at: number): boolean => polkasIn(at).length === 1 && valid.includes(polkasIn(at)[0] as Hash);
    for (const timer of this.#armed) this.#allow(timer.endsWith(` ${round}`), `${timer} still runs in round ${round}`);
    this.#allow(this.#reachedByHonest() <= round, 'does not follow f+1');
    this.#allow(!this.#counted.hasQuorum('precommit', round, null), 'stays after q precommits of nil');
    if (this.#counted.hasQuorum('precommit', round))
      this.#allow(this.#armed.has(`precommit ${round}`), 'L47: no timer');
    for (let at = Math.max(0, round - 8); at <= round; at++) {
      for (const id of valid) this.#allow(!this.#counted.hasQuorum('precommit', at, id), `L49: does not decide ${id}`);
    }
    // A newer polka goes before an older one, also while its block is being fetched.
    const newest = [...h.polkas.keys()].filter((at) => at < round).sort((a, b) => b - a)[0] ?? -1;
    if (validPolkaIn(newest)) this.#allow(h.validRound >= newest, `a polka of round ${newest} is no valid value`);
    if (step !== 'propose' && validPolkaIn(round)) this.#allow(h.validRound === round, 'L42: no valid value');
    if (step === 'propose') {
      this.#allow(this.#armed.has(`propose ${round}`), 'L21: no timer');
      const proposal = h.rounds.get(round)?.proposal?.proposal;
      const isReady =
        proposal !== undefined &&
        (proposal.polRound < 0 || this.#counted.hasQuorum('prevote', proposal.polRound, proposal.blockId));
      if (isReady) {
        this.#allow(!this.#verdicts.has(proposal.blockId), 'L22, L28: does not prevote');
        this.#allow(
          this.#asked.has(`validate-block ${proposal.blockId}`),
          'does not ask whether the proposal is valid',
        );
      }
      if (proposal === undefined) this.#allow(!this.#down.has(proposerOf(height, round, n)), 'waits for who is down');
    }
    if (step === 'prevote') {
      this.#allow(!this.#counted.hasQuorum('prevote', round, null), 'L44: does not precommit nil');
      this.#allow(!validPolkaIn(round), 'L36: does not precommit');
      if (this.#counted.hasQuorum('prevote', round)) this.#allow(this.#armed.has(`prevote ${round}`), 'L34: no timer');
    }
  }

  #once(set: Set<string>, what: string): void {
    this.#allow(!set.has(what), `twice: ${what}`);
    set.add(what);
  }

  #allow(isAllowed: boolean, otherwise: string): void {
    if (!isAllowed) this.says.push(otherwise);
  }
}
