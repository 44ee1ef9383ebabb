import { ChainError } from '../src/errors/chain-error.ts';
import type { RecordLedger, RecordOutcome } from '../src/ports/record-ledger.ts';
import type { Answer } from './answer.ts';
import type { WebhookClock } from './options.ts';
import type { ReadReview } from './reading.ts';

/** The ledger gets this much less than the API server is promised. */
const LEDGER_RESERVE_MS = 50;

/**
 * The record hook: what the control plane writes is written down and allowed, whatever it is. What cannot be written down has no answer at all, so that the
 * hook's failurePolicy says what happens then. Throws WEBHOOK_NOT_RECORDED by `answerByMs` (epoch) at the latest.
 */
export async function recordReview(
  { class: class_, change, owners }: ReadReview,
  answerByMs: number,
  records: RecordLedger,
  clock: WebhookClock,
): Promise<Answer> {
  // Should the entry's matchConditions be lost: the gate decides what is the gate's, and heartbeats fill no log.
  if (class_ !== 'record') return { outcome: 'excluded' };
  if (change === undefined) {
    records.missed();
    throw new ChainError('WEBHOOK_NOT_RECORDED', { reason: 'this node does not have the key of the cluster yet' });
  }
  const { attestation, empty, dryRun } = change;
  if (dryRun) return { outcome: 'dry-run' };
  if (empty) return { outcome: 'empty' };
  const { attributes, commitment, keyId } = attestation;
  const recorded = { attributes, commitment, owners, receivedMs: clock.nowMs() };
  const outcome = await inTime(records.record(recorded, keyId, answerByMs - LEDGER_RESERVE_MS), answerByMs, clock);
  switch (outcome.kind) {
    case 'committed':
      return {
        outcome: 'recorded',
        auditAnnotations: {
          digest: attestation.digest.diff,
          height: String(outcome.height),
          leaf: String(outcome.leaf),
        },
      };
    case 'spooled':
      return { outcome: 'spooled', auditAnnotations: { digest: attestation.digest.diff, spooled: 'true' } };
    case 'lost':
      throw new ChainError('WEBHOOK_NOT_RECORDED', { reason: outcome.reason });
  }
}

async function inTime(
  recording: Promise<RecordOutcome>,
  answerByMs: number,
  clock: WebhookClock,
): Promise<RecordOutcome> {
  let cancel = (): void => undefined;
  const late = new Promise<RecordOutcome>((resolve) => {
    const answer = (): void => resolve({ kind: 'lost', reason: 'no answer in time' });
    cancel = clock.after(Math.max(0, answerByMs - clock.nowMs()), answer);
  });
  try {
    return await Promise.race([recording, late]);
  } finally {
    cancel();
  }
}
