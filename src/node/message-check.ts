import { verifyCertificate, verifyPolka, verifyProposal, verifyVote, type VerifyContext } from '../consensus/index.ts';
import type { ConsensusMessage } from '../types/consensus.ts';

/**
 * Verifies everything signed in a message of `height` or the next one. False: it is of another height, dropped without
 * blame. Throws CONSENSUS_* if a signature or a certificate is wrong: the core never sees an unverified message.
 */
export function checkMessage(message: ConsensusMessage, height: number, context: VerifyContext): boolean {
  if (message.kind === 'round-state') return true;
  const at = message.kind === 'commit' ? message.certificate.height : message.height;
  if (at !== height && at !== height + 1) return false;
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
