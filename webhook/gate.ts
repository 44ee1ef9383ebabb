import { ChainError, isChainError } from '../src/errors/chain-error.ts';
import type { Answer, Answered, ReviewHook } from './answer.ts';
import { failureAnswer, handleReview } from './handle.ts';
import { Load } from './load.ts';
import type { WebhookClock, WebhookLogger } from './options.ts';
import { uidInFront, userInFront, type ReviewReader } from './reading.ts';
import type { StepContext } from './steps/step.ts';
import { overloadedAnswer } from './wording.ts';

interface Deps {
  readonly context: StepContext;
  readonly reader: ReviewReader;
  readonly reviewsMax: number;
  readonly clock: WebhookClock;
  readonly logger: WebhookLogger;
  /** Reviews in progress, whenever that changes. */
  readonly measured: (reviews: number) => void;
}

/** The hook that refuses: each review has a place among so many, and gets an answer in time. What is turned away for load is turned away unread. */
export class Gate implements ReviewHook {
  readonly #d: Deps;
  readonly #load: Load;

  constructor(deps: Deps) {
    this.#d = deps;
    this.#load = new Load(deps.reviewsMax);
  }

  /** Throws WEBHOOK_BUSY, WEBHOOK_USER_BUSY, and what reading throws, where there is no uid to answer with. */
  async answer(bytes: Uint8Array<ArrayBuffer>, answerByMs: number): Promise<Answered> {
    const { reviewsMax, measured } = this.#d;
    const load = this.#load;
    if (load.isFull) {
      const uid = uidInFront(bytes);
      // Without a uid there is no AdmissionReview to answer with: then it is an HTTP error.
      if (uid === '') throw new ChainError('WEBHOOK_BUSY', { max: reviewsMax });
      return { uid, answer: overloadedAnswer('WEBHOOK_BUSY') };
    }
    load.reviews++;
    try {
      measured(load.reviews);
      // A flood costs the others least where it is turned away unread.
      const user = userInFront(bytes);
      if (user === '') return await this.#handle(bytes, answerByMs, (other, work) => load.ofUser(other, work));
      return await load.ofUser(user, () => this.#handle(bytes, answerByMs, (_user, work) => work()));
    } catch (error) {
      const uid = uidInFront(bytes);
      if (uid === '' || !isChainError(error, 'WEBHOOK_USER_BUSY')) throw error;
      return { uid, answer: overloadedAnswer('WEBHOOK_USER_BUSY') };
    } finally {
      load.reviews--;
      measured(load.reviews);
    }
  }

  /** `within`: counts the work as one of this user's, where its name was not found in front. */
  async #handle(
    bytes: Uint8Array<ArrayBuffer>,
    answerByMs: number,
    within: (user: string, work: () => Promise<Answer>) => Promise<Answer>,
  ): Promise<Answered> {
    const { reader, context, clock, logger } = this.#d;
    const read = await reader.read(bytes, answerByMs, 'gate');
    if (!read.ok) {
      if (read.uid === '') throw read.error;
      return { uid: read.uid, answer: failureAnswer(read.error, logger) };
    }
    const { review } = read;
    const answer = await within(review.subject.user, () => handleReview(review, answerByMs, context, clock, logger));
    return { uid: review.subject.admissionUid, answer };
  }
}
