import { admittedAnswer, overloadedAnswer, refusedAnswer, unavailableAnswer, unknownAnswer } from '../wording.ts';
import { ChainError } from '../../src/errors/chain-error.ts';
import type { Step } from './step.ts';

/** Submits and waits: allowed only if the ledger says that a quorum committed it as admitted. */
export const decide: Step = async ({ review: { change }, deadlineMs }, { ledger }) => {
  if (change === undefined) throw new ChainError('WEBHOOK_INTERNAL', {});
  const { attestation, body } = change;
  const outcome = await ledger.decide(attestation, body, deadlineMs);
  switch (outcome.kind) {
    case 'admitted':
      return admittedAnswer(attestation, outcome);
    case 'refused':
      return refusedAnswer(attestation, outcome);
    case 'unknown':
      return unknownAnswer(attestation, outcome);
    case 'unavailable':
      return unavailableAnswer(outcome.code);
    case 'overloaded':
      return overloadedAnswer(outcome.code);
  }
};
