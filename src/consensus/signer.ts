import type { Hash } from '../types/brand.ts';
import type {
  PolkaCertificate,
  Proposal,
  SignedPosition,
  SignedStep,
  ValidatorIndex,
  Vote,
  VoteType,
} from '../types/consensus.ts';
import { signBytes, type SignContent } from './sign-bytes.ts';
import type { HeightState } from './state.ts';
import { trace, write, type Turn } from './turn.ts';

const stepNumber: Readonly<Record<'proposal' | VoteType, SignedStep>> = { proposal: 1, prevote: 2, precommit: 3 };

/** Negative if `a` was signed before `b` may be. */
export function comparePositions(a: SignedPosition, b: SignedPosition): number {
  return a.height - b.height || a.round - b.round || a.step - b.step;
}

export function positionOf(message: Proposal | Vote): SignedPosition {
  const step = stepNumber[message.kind === 'proposal' ? 'proposal' : message.type];
  return { height: message.height, round: message.round, step };
}

/** True if this node may put its name to anything of this height. */
export function mayTakePart({ state }: Turn, h: HeightState): boolean {
  const { config } = h;
  return (
    state.core.sign !== null &&
    config.self !== null &&
    !config.observe &&
    config.height > state.observeThrough &&
    state.halted === null
  );
}

/** Signs a vote of the current round and writes it, or returns null: an observer, or below the last signed position. */
export function signVote(turn: Turn, h: HeightState, type: VoteType, blockId: Hash | null): Vote | null {
  const { height } = h.config;
  const { round } = h;
  return issue(turn, h, { type, height, round, blockId }, (validator, signature) => ({
    kind: 'vote',
    type,
    height,
    round,
    blockId,
    validator,
    signature,
  }));
}

/** The same for a proposal of the current round. */
export function signProposal(
  turn: Turn,
  h: HeightState,
  blockId: Hash,
  polka: PolkaCertificate | null,
): Proposal | null {
  const { height } = h.config;
  const { round } = h;
  const polRound = polka === null ? -1 : polka.round;
  return issue(turn, h, { type: 'proposal', height, round, blockId, polRound }, (validator, signature) => ({
    kind: 'proposal',
    height,
    round,
    polRound,
    blockId,
    validator,
    polka,
    signature,
  }));
}

/**
 * The monotone signer: nothing below the last signed (height, round, step), and at that position only the identical message.
 * "One value a position" would not do: a vote cast later for an earlier round forks.
 */
function issue<M extends Proposal | Vote>(
  turn: Turn,
  h: HeightState,
  content: SignContent,
  message: (validator: ValidatorIndex, signature: Uint8Array) => M,
): M | null {
  const { state } = turn;
  const { sign } = state.core;
  const { self } = h.config;
  if (sign === null || self === null || !mayTakePart(turn, h)) return null;
  const position: SignedPosition = { height: content.height, round: content.round, step: stepNumber[content.type] };
  const order = comparePositions(position, state.signed);
  if (order <= 0) {
    const again = state.signedMessage;
    if (order === 0 && again !== null && sameContent(again, content)) return again as M;
    trace(turn, 'signer-refused');
    return null;
  }
  const signed = message(self, sign(signBytes(state.core.chain, content)));
  state.signed = position;
  state.signedMessage = signed;
  if (signed.kind === 'vote') write(turn, { kind: 'vote', vote: signed });
  else write(turn, { kind: 'proposal', proposal: signed });
  return signed;
}

function sameContent(message: Proposal | Vote, content: SignContent): boolean {
  if (message.blockId !== content.blockId) return false;
  return message.kind === 'vote' || message.polRound === content.polRound;
}
