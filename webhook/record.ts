import { ChainError, isChainError } from '../src/errors/chain-error.ts';
import type { RecordLedger, RecordOutcome } from '../src/ports/record-ledger.ts';
import type { Answer, Answered, ReviewHook } from './answer.ts';
import type { WebhookClock } from './options.ts';
import type { ReadReview, ReviewReader } from './reading.ts';

/** The ledger gets this much less than the API server is promised. */
const LEDGER_RESERVE_MS = 50;

interface Deps {
  readonly records: RecordLedger;
  readonly reader: ReviewReader;
  readonly clock: WebhookClock;
  /** In progress. A count of its own: a flood at the gate takes nothing from the control plane. */
  readonly reviewsMax: number;
}

/** The hook that lets everything pass. What it cannot write down it counts as missed, and has no answer for. */
export class RecordHook implements ReviewHook {
  readonly #d: Deps;
  #underWay = 0;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** Throws WEBHOOK_NOT_RECORDED. */
  async answer(bytes: Uint8Array<ArrayBuffer>, answerByMs: number): Promise<Answered> {
    const { records, reader, clock, reviewsMax } = this.#d;
    if (this.#underWay >= reviewsMax) {
      records.missed();
      throw new ChainError('WEBHOOK_NOT_RECORDED', { reason: `${this.#underWay} are in progress` });
    }
    this.#underWay++;
    try {
      const read = await reader.read(bytes, answerByMs, 'record');
      if (!read.ok) throw read.error;
      const answer = await recordReview(read.review, answerByMs, records, clock);
      return { uid: read.review.subject.admissionUid, answer };
    } catch (error) {
      if (isChainError(error, 'WEBHOOK_NOT_RECORDED')) throw error;
      records.missed();
      throw new ChainError('WEBHOOK_NOT_RECORDED', { reason: isChainError(error) ? error.code : 'the webhook failed' });
    } finally {
      this.#underWay--;
    }
  }
}

/**
 * What the control plane writes is written down and allowed, whatever it is. What cannot be written down has no answer at all, so that the
 * hook's failurePolicy says what happens then. Throws WEBHOOK_NOT_RECORDED by `answerByMs` (epoch) at the latest.
 */
async function recordReview(
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
