import { verifyCertificate, verifyPolka, verifyProposal, verifyVote, type VerifyContext } from '../consensus/index.ts';
import { isChainError } from '../errors/chain-error.ts';
import type { ConsensusMessage, RoundStateMessage } from '../types/consensus.ts';

/**
 * Verifies everything signed in a message of `height` or the next one, with the set of `height`. False: it is dropped without blame, being of another
 * height, or of the next one and signed by whom this set does not know: the block of `height` may make another. Throws CONSENSUS_* if a
 * signature or a certificate is wrong: the core never sees an unverified message.
 */
export function checkMessage(message: ConsensusMessage, height: number, context: VerifyContext): boolean {
  if (message.kind === 'round-state') return true;
  const at = message.kind === 'commit' ? message.certificate.height : message.height;
  if (at === height) return checkSigned(message, context);
  if (at !== height + 1) return false;
  try {
    return checkSigned(message, context);
  } catch (error) {
    if (!isChainError(error)) throw error;
    return false;
  }
}

function checkSigned(message: Exclude<ConsensusMessage, RoundStateMessage>, context: VerifyContext): true {
  switch (message.kind) {
    case 'proposal':
      verifyProposal(context, message);
      return true;
    case 'vote':
      verifyVote(context, message);
      return true;
    case 'votes':
      for (const vote of message.votes) verifyVote(context, vote);
      if (message.polka !== null) verifyPolka(context, message.polka);
      return true;
    case 'commit':
      verifyCertificate(context, message.certificate);
      return true;
  }
}
