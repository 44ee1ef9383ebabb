import { decodeConsensusMessage } from '../../../src/codec/consensus-wire.ts';
import { fromHex, toHex } from '../../../src/codec/index.ts';
import { isQuorum, proposerOf } from '../../../src/consensus/index.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import { encodeBlock } from '../../../src/ledger/index.ts';
import { messageKind } from '../../../src/node/engine.ts';
import type { Hash, Height } from '../../../src/types/brand.ts';
import type { Certificate } from '../../../src/types/chain.ts';
import type {
  ConsensusMessage,
  IndexedSignature,
  PolkaCertificate,
  Vote,
  VoteType,
} from '../../../src/types/consensus.ts';
import type { Frame } from '../net/network.ts';
import { topicOf, type SimNode } from '../node.ts';
import type { Prng } from '../prng.ts';
import type { World } from '../world.ts';
import { makeBlock, type MadeBlock } from './blocks.ts';
import { Forge, frameOf } from './sign.ts';
import { lyingRange } from './sync-lies.ts';

const oldFramesMax = 200;

/**
 * A validator whose own host runs along and knows everything, and whose key signs whatever may do harm: two blocks, votes for several
 * values in the present, earlier, later and far rounds, each peer another; polkas kept back and brought out late, false proofs, old
 * frames again, other people's votes forged, lies to who catches up.
 */
export class Adversary {
  readonly #world: World;
  readonly #node: SimNode;
  readonly #prng: Prng;
  readonly #forge: Forge;
  #height = 1;
  #round = 0;
  #lastIndex: number;
  #ids: Hash[] = [];
  #made: MadeBlock[] = [];
  #polkas: PolkaCertificate[] = [];
  readonly #prevotes = new Map<string, Map<number, Uint8Array>>();
  readonly #old: { readonly from: number; readonly frame: Uint8Array }[] = [];
  isFrozen = false;

  constructor(world: World, node: SimNode) {
    this.#world = world;
    this.#node = node;
    this.#prng = world.prng.fork();
    this.#lastIndex = node.validator;
    const signer = world.keys.signer(`${node.id} vote`);
    this.#forge = new Forge(
      world.genesis.hash,
      () => this.#index,
      (message) => signer.sign(message),
    );
    node.corruption = (_to, _channel, bytes, message) => this.#corrupt(bytes, message);
    node.lie = (method, request, answer) => this.#lie(method, request, answer);
    node.onFrame = (from, frame) => this.#learn(from, frame);
    this.#plot();
  }

  #corrupt(bytes: Uint8Array, message: ConsensusMessage | null) {
    const topic = message === null ? ('other' as const) : topicOf(message);
    if (!this.isFrozen && this.#prng.chance(0.2)) return [];
    if (message?.kind === 'proposal' && !this.isFrozen && this.#prng.chance(0.4)) {
      // In place of its host's own: this is the first that a peer hears of the round.
      const made = this.#makeBlock();
      if (made !== null) {
        const instead = this.#forge.proposal(message.height, message.round, made.id, null);
        return [{ bytes: frameOf(instead), topic }];
      }
    }
    if (this.#prng.chance(0.05) && message === null && !this.isFrozen) return [{ bytes: this.#flipped(bytes), topic }];
    return [{ bytes, topic }];
  }

  #lie(method: string, request: Uint8Array, answer: Uint8Array): Uint8Array {
    const prng = this.#prng;
    if (method === 'block') {
      const made = this.#made.find(({ id }) => id === toHex(request));
      if (made !== undefined) return encodeBlock(made.block);
    }
    if (this.isFrozen || prng.chance(0.4)) return answer;
    this.#world.count(`byzantine-lie-${method}`);
    if (prng.chance(0.2)) return new Uint8Array();
    if (method === 'blocks' && this.#node.host !== null) {
      const made = this.#made.at(-1);
      const proof = (id: Hash, height: number): Certificate =>
        this.#forge.falseProof('precommit', height, 0, id, this.#size, prng.below(4)) as Certificate;
      return lyingRange(this.#node.host.store, request, prng, made, proof) ?? this.#flipped(answer);
    }
    return answer.length === 0 ? answer : this.#flipped(answer);
  }

  #flipped(bytes: Uint8Array): Uint8Array {
    const copy = new Uint8Array(bytes);
    if (copy.length > 0) {
      const at = this.#prng.below(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << this.#prng.below(8));
    }
    return copy;
  }

  #learn(from: number, { channel, bytes }: Frame): void {
    if (channel !== 'consensus' || bytes[0] !== messageKind) return;
    if (this.#prng.chance(0.1)) {
      this.#old.push({ from, frame: bytes });
      if (this.#old.length > oldFramesMax) this.#old.splice(this.#prng.below(oldFramesMax), 1);
    }
    try {
      this.#learnMessage(decodeConsensusMessage(bytes.subarray(1)));
    } catch (error) {
      if (!isChainError(error)) throw error;
    }
    // React to one message in five, at once or a little later.
    if (this.#prng.chance(0.2)) this.#world.timeline.after(this.#prng.below(300), () => this.#act());
  }

  #learnMessage(message: ConsensusMessage): void {
    if (message.kind === 'commit') return;
    this.#enter(message.height);
    if (message.height !== this.#height) return;
    if (message.kind === 'votes') {
      for (const vote of message.votes) this.#learnMessage(vote);
      if (message.polka !== null) this.#polkas.push(message.polka);
      return;
    }
    this.#round = Math.max(this.#round, Math.min(message.round, this.#round + 3));
    if (message.kind === 'proposal') this.#ids.push(message.blockId);
    if (message.kind === 'vote' && message.type === 'prevote' && message.blockId !== null)
      this.#gather(message.round, message.blockId, message);
  }

  /** A new height: what was known of the old one is of no use. */
  #enter(height: number): void {
    if (height <= this.#height) return;
    this.#height = height;
    this.#round = 0;
    this.#ids = [];
    this.#made = this.#made.slice(-6);
    this.#polkas = [];
    this.#prevotes.clear();
  }

  #gather(round: number, blockId: Hash, vote: IndexedSignature): void {
    const key = `${round}/${blockId}`;
    const votes = this.#prevotes.get(key) ?? new Map<number, Uint8Array>();
    votes.set(vote.validator, vote.signature);
    this.#prevotes.set(key, votes);
    const isKnown = this.#polkas.some((each) => each.round === round && each.blockId === blockId);
    if (isKnown || !isQuorum(votes.size, this.#size)) return;
    const signatures = [...votes]
      .sort((a, b) => a[0] - b[0])
      .map(([validator, signature]) => ({ validator, signature }));
    this.#polkas.push({
      height: this.#height as Height,
      round: round as PolkaCertificate['round'],
      blockId,
      signatures,
    });
  }

  #act(): void {
    const { host } = this.#node;
    if (this.isFrozen || host === null) return;
    const prng = this.#prng;
    this.#world.count('byzantine-act');
    this.#enter(host.app.info().height + 1);
    const round = Math.max(0, this.#round + prng.between(-2, 2));
    const proposes = proposerOf(this.#height, round, this.#size) === this.#index;
    if (proposes && prng.chance(0.6)) return this.#proposeTwice(round);
    switch (prng.below(10)) {
      case 0:
        return this.#falseProof(round);
      case 1:
        return this.#replay();
      case 2:
        return this.#forgeOthers(round);
      case 3:
        return this.#flood();
      case 4:
        return this.#claimHeight();
      case 5:
        return this.#showPolka();
      default:
        return this.#voteForSeveral(prng.chance(0.5) ? 'prevote' : 'precommit', round);
    }
  }

  /** A different value to each half of the peers; sometimes both to everybody. */
  #voteForSeveral(type: VoteType, round: number): void {
    for (const peer of this.#peers()) {
      if (this.#prng.chance(0.8)) this.#tell(peer, this.#vote(type, round, this.#someValue()));
      if (this.#prng.chance(0.2)) this.#tell(peer, this.#vote(type, round, this.#someValue()));
    }
  }

  #proposeTwice(round: number): void {
    const prng = this.#prng;
    const polka = this.#polkas.filter((each) => each.round < round).at(prng.below(2) - 1);
    const again = polka !== undefined && prng.chance(0.5);
    const falsely = !again && round > 0 && prng.chance(0.3);
    const made = [this.#makeBlock(), this.#makeBlock()].filter((each) => each !== null);
    for (const peer of this.#peers()) {
      const block = made.length === 0 ? undefined : prng.pick(made);
      if (again) this.#tell(peer, this.#forge.proposal(this.#height, round, polka.blockId, polka));
      else if (block !== undefined && falsely) {
        const polRound = prng.below(round);
        const proof = this.#forge.falseProof('prevote', this.#height, polRound, block.id, this.#size, prng.below(4));
        this.#tell(peer, this.#forge.proposal(this.#height, round, block.id, proof, polRound));
      } else if (block !== undefined && prng.chance(0.9))
        this.#tell(peer, this.#forge.proposal(this.#height, round, block.id, null));
      // The own votes too, so that its block has a chance.
      if (block !== undefined && prng.chance(0.7)) this.#tell(peer, this.#vote('prevote', round, block.id));
    }
  }

  #falseProof(round: number): void {
    const prng = this.#prng;
    const made = this.#makeBlock();
    const id = made?.id ?? this.#ids.at(-1);
    if (id === undefined) return;
    const shape = prng.below(4);
    for (const peer of this.#peers()) {
      if (prng.chance(0.5)) {
        const certificate = this.#forge.falseProof('precommit', this.#height, round, id, this.#size, shape);
        this.#tell(peer, { kind: 'commit', certificate });
      } else {
        const polka = this.#forge.falseProof('prevote', this.#height, round, id, this.#size, shape);
        this.#tell(peer, { kind: 'votes', height: this.#height as Height, votes: [], polka });
      }
    }
  }

  /** Anything that was once said, to anybody, under its true signature. */
  #replay(): void {
    for (let i = this.#prng.below(6); i > 0 && this.#old.length > 0; i--) {
      const { frame } = this.#prng.pick(this.#old);
      this.#send(this.#prng.pick(this.#peers()), frame, 'other');
    }
  }

  /** Votes in other people's names, under the own signature: they must neither count nor take anybody's place. */
  #forgeOthers(round: number): void {
    const victim = this.#prng.below(this.#size);
    const vote: Vote = { ...this.#vote('precommit', round, this.#someValue()), validator: victim };
    for (const peer of this.#peers())
      this.#tell(
        peer,
        this.#prng.chance(0.5) ? vote : { kind: 'votes', height: vote.height, votes: [vote], polka: null },
      );
    if (this.#prng.chance(0.3)) this.#send(this.#prng.pick(this.#peers()), this.#flipped(frameOf(vote)), 'other');
  }

  /** Soundly signed votes for rounds without end. */
  #flood(): void {
    const peer = this.#prng.pick(this.#peers());
    const far = this.#prng.pick([5, 50, 5_000, 2_000_000]);
    for (let i = 0; i < 12; i++) this.#tell(peer, this.#vote('prevote', this.#round + far + i, this.#someValue()));
    for (let height = this.#height + 1; height < this.#height + 4; height++) {
      const vote = this.#forge.vote('precommit', height, 0, this.#someValue());
      this.#world.checker.exists(vote);
      this.#tell(peer, vote);
    }
  }

  #claimHeight(): void {
    const height = (this.#height + this.#prng.pick([1, 2, 1_000])) as Height;
    this.#tell(this.#prng.pick(this.#peers()), {
      kind: 'round-state',
      height,
      round: 0 as Vote['round'],
      active: true,
      hasProposal: false,
      rounds: [],
    });
  }

  #showPolka(): void {
    if (this.#polkas.length === 0) return;
    const polka = this.#prng.pick(this.#polkas);
    this.#tell(this.#prng.pick(this.#peers()), { kind: 'votes', height: polka.height, votes: [], polka });
  }

  #makeBlock(): MadeBlock | null {
    const { host } = this.#node;
    if (host === null || host.app.info().height + 1 !== this.#height) return null;
    const made = makeBlock(this.#world, host, this.#node.id, this.#node.nowMs(), this.#prng);
    if (made === null) return null;
    this.#made.push(made);
    this.#ids.push(made.id);
    return made;
  }

  #someValue(): Hash | null {
    if (this.#prng.chance(0.05)) return toHex(fromHex('ab'.repeat(32))) as Hash;
    return this.#ids.length === 0 || this.#prng.chance(0.3) ? null : this.#prng.pick(this.#ids);
  }

  #vote(type: VoteType, round: number, blockId: Hash | null): Vote {
    const vote = this.#forge.vote(type, this.#height, round, blockId);
    this.#world.checker.exists(vote);
    if (type === 'prevote' && blockId !== null) this.#gather(round, blockId, vote);
    return vote;
  }

  #peers(): readonly number[] {
    return this.#world.seatsExcept(this.#node.validator);
  }

  get #size(): number {
    return this.#world.checker.chain.validatorsAt(this.#height).length;
  }

  /** In the set of its height. Where that does not name it any more it goes on as if it did. */
  get #index(): number {
    const index = this.#world.checker.chain.validatorsAt(this.#height).findIndex(({ id }) => id === this.#node.id);
    if (index >= 0) this.#lastIndex = index;
    else this.#world.count('byzantine-leaver');
    return this.#lastIndex;
  }

  #tell(peer: number, message: ConsensusMessage): void {
    this.#send(peer, frameOf(message), topicOf(message));
  }

  #send(peer: number, bytes: Uint8Array, topic: Frame['topic']): void {
    this.#world.network.send(this.#node.endpoint, peer, { channel: 'consensus', bytes, topic, call: null });
  }

  /** Acts without a reason too, so that an idle chain is not safe from it. */
  #plot(): void {
    this.#world.timeline.after(this.#prng.between(200, 1_500), () => {
      this.#act();
      this.#plot();
    });
  }
}
