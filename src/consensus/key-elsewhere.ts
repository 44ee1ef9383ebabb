import type { ConsensusMessage, Proposal, SignedPosition, Vote } from '../types/consensus.ts';
import { comparePositions, positionOf } from './signer.ts';
import type { ConsensusState } from './state.ts';

/**
 * Whether a verified message of the height in progress shows a signature of this node's key that this node did not make: above its last signed position, which it remembers over
 * every restart, or at it with another content. Then a second process signs with this key, or this data folder is an old copy. False for heights that are only
 * observed: there it does not know what it signed.
 */
export function showsKeyElsewhere(state: ConsensusState, message: ConsensusMessage): boolean {
  const config = state.current?.config;
  if (config === undefined || config.self === null || state.core.sign === null) return false;
  if (config.observe || config.height <= state.observeThrough) return false;
  switch (message.kind) {
    case 'vote':
    case 'proposal':
      return message.height === config.height && message.validator === config.self && isForeign(state, message);
    case 'votes':
      return message.votes.some((vote) => showsKeyElsewhere(state, vote));
    case 'commit': {
      const { height, round, blockId, signatures } = message.certificate;
      const signed = height === config.height && signatures.some(({ validator }) => validator === config.self);
      return signed && isForeignAt(state, { height, round, step: 3 }, blockId);
    }
    default:
      return false;
  }
}

function isForeign(state: ConsensusState, message: Proposal | Vote): boolean {
  return isForeignAt(state, positionOf(message), message.blockId);
}

function isForeignAt({ signed, signedMessage }: ConsensusState, at: SignedPosition, blockId: string | null): boolean {
  const order = comparePositions(at, signed);
  return order > 0 || (order === 0 && signedMessage !== null && signedMessage.blockId !== blockId);
}
