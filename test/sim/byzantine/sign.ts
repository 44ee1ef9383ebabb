import { encodeConsensusMessage } from '../../../src/codec/consensus-wire.ts';
import { signBytes } from '../../../src/consensus/index.ts';
import { messageKind } from '../../../src/node/engine.ts';
import type { Hash, Height, Round } from '../../../src/types/brand.ts';
import type { ConsensusMessage, PolkaCertificate, Proposal, Vote, VoteType } from '../../../src/types/consensus.ts';

/** Makes messages with one validator's key, whatever they say. */
export class Forge {
  readonly #chain: Hash;
  readonly #sign: (message: Uint8Array) => Uint8Array;
  readonly #validator: () => number;

  /** `validator` is the index in the set of the height in question. */
  constructor(chain: Hash, validator: () => number, sign: (message: Uint8Array) => Uint8Array) {
    this.#chain = chain;
    this.#validator = validator;
    this.#sign = sign;
  }

  get validator(): number {
    return this.#validator();
  }

  vote(type: VoteType, height: number, round: number, blockId: Hash | null): Vote {
    const content = { type, height: height as Height, round: round as Round, blockId };
    return {
      kind: 'vote',
      ...content,
      validator: this.validator,
      signature: this.#sign(signBytes(this.#chain, content)),
    };
  }

  proposal(
    height: number,
    round: number,
    blockId: Hash,
    polka: PolkaCertificate | null,
    polRound = polka?.round ?? -1,
  ): Proposal {
    const content = { type: 'proposal', height: height as Height, round: round as Round, blockId, polRound } as const;
    return {
      kind: 'proposal',
      height: content.height,
      round: content.round,
      polRound,
      blockId,
      validator: this.validator,
      polka,
      signature: this.#sign(signBytes(this.#chain, content)),
    };
  }

  /** "Proofs" made of nothing but this validator's signature, in the shapes that a careless check lets through. */
  falseProof(
    type: VoteType,
    height: number,
    round: number,
    blockId: Hash,
    validators: number,
    shape: number,
  ): PolkaCertificate {
    const needed = Math.floor((2 * validators) / 3) + 1;
    const { signature } = this.vote(type, height, round, blockId);
    const own = { validator: this.validator, signature };
    const signatures = [
      // The same signer q times.
      Array.from({ length: needed }, () => own),
      // Everybody, under one signature.
      Array.from({ length: validators }, (_, validator) => ({ validator, signature })),
      // Alone.
      [own],
      // Nobody.
      [],
    ][shape % 4];
    return { height: height as Height, round: round as Round, blockId, signatures: signatures ?? [] };
  }
}

export function frameOf(message: ConsensusMessage): Uint8Array {
  const encoded = encodeConsensusMessage(message);
  const frame = new Uint8Array(1 + encoded.length);
  frame[0] = messageKind;
  frame.set(encoded, 1);
  return frame;
}
