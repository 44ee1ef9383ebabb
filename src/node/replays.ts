import { canonicalText } from '../codec/index.ts';
import type { AdmissionOutcome } from '../ports/admission-ledger.ts';
import type { ChangeAttestation } from '../types/change.ts';
import type { Json } from '../types/json.ts';

/** As long as the natural key of a mutation stands in the state: afterwards the chain takes the uid for a new one. */
const keptMs = 70_000;
const keptMax = 20_000;

interface Kept {
  readonly attestation: string;
  readonly outcome: Promise<AdmissionOutcome>;
  readonly atMs: number;
}

/**
 * Reviews that were decided here, by admission uid: an API server repeats a POST with the same uid when it got no answer, and anybody between may. The same review again has
 * the earlier outcome and makes no second record; another one under a known uid is refused.
 */
export class Replays {
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>();

  /** `decide` is called for what is new. */
  decide(
    attestation: ChangeAttestation,
    nowMs: number,
    decide: () => Promise<AdmissionOutcome>,
  ): Promise<AdmissionOutcome> {
    this.#forget(nowMs);
    const { admissionUid } = attestation;
    const text = canonicalText(attestation as unknown as Json);
    const known = this.#kept.get(admissionUid);
    if (known !== undefined && known.attestation !== text)
      return Promise.resolve({ kind: 'unavailable', code: 'ADMISSION_UID_REUSED' });
    if (known !== undefined) return known.outcome;
    const outcome = decide();
    this.#kept.set(admissionUid, { attestation: text, outcome, atMs: nowMs });
    // What was never given to anybody may be asked again.
    const forget = (): boolean => this.#kept.delete(admissionUid);
    outcome.then(({ kind }) => (kind === 'unavailable' || kind === 'overloaded') && forget(), forget);
    return outcome;
  }

  #forget(nowMs: number): void {
    for (const [uid, { atMs }] of this.#kept) {
      if (atMs + keptMs >= nowMs && this.#kept.size < keptMax) return;
      this.#kept.delete(uid);
    }
  }
}
