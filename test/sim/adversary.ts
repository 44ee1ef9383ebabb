import { encodeConsensusMessage, decodeConsensusMessage } from '../../src/codec/consensus-wire.ts';
import { isQuorum, proposerOf, signBytes } from '../../src/consensus/index.ts';
import { isChainError } from '../../src/errors/chain-error.ts';
import type { Hash, Height, Round } from '../../src/types/brand.ts';
import type {
  ConsensusMessage,
  IndexedSignature,
  PolkaCertificate,
  Proposal,
  Vote,
  VoteType,
} from '../../src/types/consensus.ts';
import { simChain } from './keys.ts';
import { topicOf, type Endpoint, type Frame } from './network.ts';
import { simBlock, type SimBlock } from './sim-block.ts';
import type { World } from './world.ts';

/**
 * A validator without a core: signs whatever it likes with its own key. It proposes two blocks, votes for several values in the
 * current, earlier and later rounds, shows each peer something else, keeps polkas back and brings them out later.
 */
export class Adversary implements Endpoint {
  readonly validator: number;
  readonly #endpoint: number;
  readonly #world: World;
  readonly #sign: (message: Uint8Array) => Uint8Array;
  #height = 1;
  #round = 0;
  #blocks: SimBlock[] = [];
  #ids: Hash[] = [];
  readonly #prevotes = new Map<string, Map<number, Uint8Array>>();
  #polkas: PolkaCertificate[] = [];
  #previous: Hash = simChain;

  constructor(world: World, validator: number, sign: (message: Uint8Array) => Uint8Array) {
    this.#world = world;
    this.validator = validator;
    this.#sign = sign;
    this.#endpoint = world.network.join(this);
    this.#plot();
  }

  onFrame(from: number, frame: Frame): void {
    if (frame.kind === 'body') return this.#learnBody(frame.block);
    if (frame.kind === 'body-request') {
      const block = this.#blocks.find((each) => each.id === frame.blockId);
      if (block !== undefined && this.#world.prng.chance(0.7))
        this.#world.network.send(this.#endpoint, from, { kind: 'body', block });
      return;
    }
    if (frame.kind !== 'consensus') return;
    try {
      this.#learn(decodeConsensusMessage(frame.bytes));
    } catch (error) {
      if (!isChainError(error)) throw error;
    }
  }

  #learnBody(block: SimBlock): void {
    if (block.height < this.#height) return;
    this.#enter(block.height);
    this.#blocks.push(block);
    this.#ids.push(block.id);
    this.#previous = block.previous;
  }

  #learn(message: ConsensusMessage): void {
    if (message.kind === 'commit') return;
    this.#enter(message.height);
    if (message.height !== this.#height) return;
    if (message.kind === 'votes') {
      for (const vote of message.votes) this.#learn(vote);
      return;
    }
    this.#round = Math.max(this.#round, message.round);
    if (message.kind === 'proposal') this.#ids.push(message.blockId);
    if (message.kind === 'vote' && message.type === 'prevote' && message.blockId !== null)
      this.#gather(message.round, message.blockId, message);
    // React to one message in three, at once or a little later.
    if (this.#world.prng.chance(0.3)) this.#world.timeline.after(this.#world.prng.below(300), () => this.#act());
  }

  /** A new height: what was known of the old one is of no use. */
  #enter(height: number): void {
    if (height <= this.#height) return;
    this.#height = height;
    this.#round = 0;
    this.#blocks = [];
    this.#ids = [];
    this.#polkas = [];
    this.#prevotes.clear();
  }

  #gather(round: Round, blockId: Hash, vote: IndexedSignature): void {
    const key = `${round}/${blockId}`;
    const votes = this.#prevotes.get(key) ?? new Map<number, Uint8Array>();
    votes.set(vote.validator, vote.signature);
    this.#prevotes.set(key, votes);
    if (!votes.has(this.validator)) return;
    if (
      !isQuorum(votes.size, this.#world.validators) ||
      this.#polkas.some((each) => each.round === round && each.blockId === blockId)
    )
      return;
    const signatures = [...votes]
      .sort((a, b) => a[0] - b[0])
      .map(([validator, signature]) => ({ validator, signature }));
    this.#polkas.push({ height: this.#height as Height, round, blockId, signatures });
  }

  #act(): void {
    const { prng } = this.#world;
    this.#world.count('byzantine-act');
    const round = Math.max(0, this.#round + prng.between(-2, 2));
    if (proposerOf(this.#height, round, this.#world.validators) === this.validator && prng.chance(0.6))
      return this.#proposeTwice(round);
    const type: VoteType = prng.chance(0.5) ? 'prevote' : 'precommit';
    // A different value to each half of the peers.
    for (const peer of this.#world.validatorsExcept(this.validator))
      if (prng.chance(0.7)) this.#tell(peer, this.#vote(type, round, this.#someValue()));
    if (prng.chance(0.1))
      this.#world.network.send(this.#endpoint, prng.pick(this.#world.validatorsExcept(this.validator)), {
        kind: 'consensus',
        bytes: new Uint8Array(prng.below(40)).fill(prng.below(256)),
        topic: 'other',
      });
    const polka = this.#polkas.at(-1);
    if (polka !== undefined && prng.chance(0.2))
      this.#tell(prng.pick(this.#world.validatorsExcept(this.validator)), {
        kind: 'votes',
        height: this.#height as Height,
        votes: [],
        polka,
      });
  }

  #proposeTwice(round: number): void {
    const { prng } = this.#world;
    const polka = this.#polkas.filter((each) => each.round < round).at(prng.below(2) - 1);
    const again = polka !== undefined && prng.chance(0.5);
    const made = [0, 1].map(() => this.#makeBlock());
    for (const peer of this.#world.validatorsExcept(this.validator)) {
      const block = prng.pick(made);
      const blockId = again ? polka.blockId : block.id;
      const polRound = again ? polka.round : -1;
      const height = this.#height as Height;
      const signature = this.#sign(
        signBytes(simChain, { type: 'proposal', height, round: round as Round, blockId, polRound }),
      );
      const proposal: Proposal = {
        kind: 'proposal',
        height,
        round: round as Round,
        polRound,
        blockId,
        validator: this.validator,
        polka: again ? polka : null,
        signature,
      };
      if (!again && prng.chance(0.7)) this.#world.network.send(this.#endpoint, peer, { kind: 'body', block });
      this.#tell(peer, proposal);
    }
  }

  #makeBlock(): SimBlock {
    const { prng, timeline } = this.#world;
    const block = simBlock({
      height: this.#height,
      previous: this.#previous,
      proposer: this.validator,
      timeMs: Math.round(timeline.nowMs) + prng.between(-50, 50),
      txs: [-prng.below(1_000_000)],
      sound: prng.chance(0.8),
    });
    this.#blocks.push(block);
    this.#ids.push(block.id);
    return block;
  }

  #someValue(): Hash | null {
    return this.#ids.length === 0 || this.#world.prng.chance(0.3) ? null : this.#world.prng.pick(this.#ids);
  }

  #vote(type: VoteType, round: number, blockId: Hash | null): Vote {
    const content = { type, height: this.#height as Height, round: round as Round, blockId };
    const vote: Vote = {
      kind: 'vote',
      ...content,
      validator: this.validator,
      signature: this.#sign(signBytes(simChain, content)),
    };
    this.#world.checker.known(vote);
    if (type === 'prevote' && blockId !== null) this.#gather(vote.round, blockId, vote);
    return vote;
  }

  #tell(peer: number, message: ConsensusMessage): void {
    this.#world.network.send(this.#endpoint, peer, {
      kind: 'consensus',
      bytes: encodeConsensusMessage(message),
      topic: topicOf(message),
    });
  }

  /** Acts without a reason too, so that an idle chain is not safe from it. */
  #plot(): void {
    this.#world.timeline.after(this.#world.prng.between(200, 1_500), () => {
      this.#act();
      this.#plot();
    });
  }
}
