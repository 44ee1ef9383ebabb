import type { ConsensusMessage } from '../types/consensus.ts';
import type { ValidatorId } from '../types/brand.ts';

/**
 * Signatures of one peer that are verified in a second, and at once after a pause. One takes about 0.15 ms; a working chain needs three a block, and a
 * catch-up some hundred.
 */
const signaturesPerSecond = 3_000;
const signaturesAtOnce = 6_000;

/**
 * What one peer may make this node compute. All that it sends may be soundly signed and yet have no end (a vote for each of a million rounds); what is
 * left out is asked for again like any lost message.
 */
export class VerifyBudget {
  readonly #left = new Map<ValidatorId, { signatures: number; atMs: number }>();

  /** False: leave the message alone. */
  take(peer: ValidatorId, message: ConsensusMessage, nowMs: number): boolean {
    const before = this.#left.get(peer) ?? { signatures: signaturesAtOnce, atMs: nowMs };
    // A clock that was set back gives nothing.
    const gained = (Math.max(0, nowMs - before.atMs) / 1_000) * signaturesPerSecond;
    const has = Math.min(signaturesAtOnce, before.signatures + gained);
    const cost = signaturesIn(message);
    const isEnough = cost <= has;
    this.#left.set(peer, { signatures: isEnough ? has - cost : has, atMs: nowMs });
    return isEnough;
  }
}

function signaturesIn(message: ConsensusMessage): number {
  switch (message.kind) {
    case 'round-state':
      return 0;
    case 'vote':
      return 1;
    case 'proposal':
      return 1 + (message.polka?.signatures.length ?? 0);
    case 'votes':
      return message.votes.length + (message.polka?.signatures.length ?? 0);
    case 'commit':
      return message.certificate.signatures.length;
  }
}
