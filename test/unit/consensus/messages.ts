import { createHash } from 'node:crypto';
import { proposerOf, signBytes, type VerifyContext } from '../../../src/consensus/index.ts';
import type { Hash, Height, PublicKeyHex, Round } from '../../../src/types/brand.ts';
import type { PolkaCertificate, Proposal, Vote, VoteType } from '../../../src/types/consensus.ts';

export const chain = 'c'.repeat(64) as Hash;
export const blockA = 'a'.repeat(64) as Hash;
export const blockB = 'b'.repeat(64) as Hash;
export const height = 4 as Height;
export const round = (value: number): Round => value as Round;

/** Validator i's signature is SHA-512 of its key and the message. */
export function sign(validator: number, message: Uint8Array): Uint8Array {
  return signWith(keyOf(validator), message);
}

export function context(validators: number): VerifyContext {
  return {
    chain,
    voteKeys: Array.from({ length: validators }, (_, index) => keyOf(index)),
    verify: (key, message, signature) => Buffer.from(signWith(key, message)).equals(signature),
  };
}

export function vote(type: VoteType, validator: number, inRound: number, blockId: Hash | null): Vote {
  const content = { type, height, round: round(inRound), blockId };
  return { kind: 'vote', ...content, validator, signature: sign(validator, signBytes(chain, content)) };
}

export function certificate(
  type: VoteType,
  validators: readonly number[],
  inRound: number,
  blockId: Hash,
): PolkaCertificate {
  const signatures = validators.map((validator) => ({
    validator,
    signature: vote(type, validator, inRound, blockId).signature,
  }));
  return { height, round: round(inRound), blockId, signatures };
}

export function proposal(inRound: number, blockId: Hash, polka: PolkaCertificate | null, validators = 4): Proposal {
  const validator = proposerOf(height, inRound, validators);
  const polRound = polka === null ? -1 : polka.round;
  const content = { type: 'proposal', height, round: round(inRound), blockId, polRound } as const;
  const signature = sign(validator, signBytes(chain, content));
  return { kind: 'proposal', height, round: round(inRound), polRound, blockId, validator, polka, signature };
}

function keyOf(validator: number): PublicKeyHex {
  return createHash('sha256').update(`key ${validator}`).digest('hex') as PublicKeyHex;
}

function signWith(key: PublicKeyHex, message: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha512').update(key).update(message).digest());
}
