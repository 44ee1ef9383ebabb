import { Worker } from 'node:worker_threads';
import { ChainError } from '../errors/chain-error.ts';
import type { ErrorPayload } from '../errors/registry.ts';
import type { ExclusionSettings } from '../change/index.ts';
import type { ClusterId } from '../types/brand.ts';
import { uidInFront, userInFront, type Hook, type ReadOutcome, type ReviewReader } from '../../webhook/index.ts';
import type { ReviewJob, ReviewReply, ReviewWorkerData } from './review-worker.ts';

export interface ReviewThreadLimits {
  /** Reviews that wait for the thread, of which no user has more than are left free; their bytes are bounded by the webhook. */
  readonly waitingMax: number;
  /** One review may take this long; then the thread is ended and the next review gets a new one. */
  readonly jobTimeoutMs: number;
  /** A thread without work costs some 30 MB: it ends after this. */
  readonly idleMs: number;
  readonly heapMegabytesMax: number;
}

/** Two objects of 150,000 keys each take some seconds on a slow core; a whole API server's timeout is no use for one review. */
export const reviewThreadLimits: ReviewThreadLimits = {
  waitingMax: 64,
  jobTimeoutMs: 10_000,
  idleMs: 60_000,
  heapMegabytesMax: 400,
};

interface Deps {
  readonly cluster: ClusterId;
  readonly exclusions: ExclusionSettings;
  readonly clusterKey: () => Uint8Array | undefined;
  readonly now: () => number;
  readonly limits?: Partial<ReviewThreadLimits>;
}

interface Job {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly hook: Hook;
  readonly uid: string;
  readonly user: string;
  readonly settle: (outcome: ReadOutcome) => void;
}

/**
 * One thread that reads large reviews: decoding and digesting 20 MB takes seconds, in which neither votes nor other reviews may wait. One at a time,
 * of each user in turn. Whatever happens to the thread, each review gets its outcome in time.
 */
export class ReviewThread implements ReviewReader {
  readonly #deps: Deps;
  readonly #limits: ReviewThreadLimits;
  /** By user; who was served last is last. */
  readonly #waiting = new Map<string, Job[]>();
  #worker: Worker | undefined;
  #isReady = false;
  /** One that ends holds its memory until it has ended: the next one waits for that. */
  #isEnding = false;
  #current: { readonly job: Job; readonly timer: NodeJS.Timeout } | undefined;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#limits = { ...reviewThreadLimits, ...deps.limits };
  }

  /** Reviews that wait, the one being read included. */
  get load(): number {
    return this.#waits + (this.#current === undefined ? 0 : 1);
  }

  read(bytes: Uint8Array<ArrayBuffer>, answerByMs: number, hook: Hook = 'gate'): Promise<ReadOutcome> {
    const { waitingMax: max } = this.#limits;
    const user = userInFront(bytes);
    const ofUser = this.#waiting.get(user)?.length ?? 0;
    const free = max - this.#waits;
    if (this.#isClosed || free <= 0) return Promise.reject(new ChainError('WEBHOOK_BUSY', { max }));
    if (ofUser > free) return Promise.reject(new ChainError('WEBHOOK_USER_BUSY', { max: ofUser }));
    const timeoutMs = Math.max(0, answerByMs - this.#deps.now());
    const uid = uidInFront(bytes);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        job.settle(costly(uid, timeoutMs));
        this.#forget(job);
      }, timeoutMs);
      const settle = (outcome: ReadOutcome): void => {
        clearTimeout(timer);
        resolve(outcome);
      };
      const job: Job = { bytes, hook, uid, user, settle };
      this.#waiting.set(user, [...(this.#waiting.get(user) ?? []), job]);
      this.#next();
    });
  }

  /** Nobody waits for it any more: its bytes go, and a thread that reads it ends, with all that it holds. */
  #forget(job: Job): void {
    const ofUser = this.#waiting.get(job.user) ?? [];
    if (ofUser.includes(job))
      this.#keep(
        job.user,
        ofUser.filter((other) => other !== job),
      );
    else if (this.#current?.job === job) void this.#end();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idle);
    const ended = this.#end();
    for (let job = this.#take(); job !== undefined; job = this.#take()) job.settle(costly(job.uid, 0));
    await ended;
  }

  #next(): void {
    if (this.#current !== undefined || this.#isEnding || this.#isClosed) return;
    if (this.#waiting.size === 0) return this.#rest();
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    // Its start is not the review's time: it says when it is ready.
    if (!this.#isReady) return;
    const job = this.#take();
    if (job === undefined) return;
    const timer = setTimeout(() => void this.#end(), this.#limits.jobTimeoutMs);
    this.#current = { job, timer };
    const message: ReviewJob = { bytes: job.bytes, hook: job.hook, key: this.#deps.clusterKey() };
    const { buffer, byteLength } = job.bytes;
    worker.postMessage(message, byteLength === buffer.byteLength ? [buffer] : []);
  }

  get #waits(): number {
    return [...this.#waiting.values()].reduce((sum, jobs) => sum + jobs.length, 0);
  }

  /** The next of whoever was served longest ago. */
  #take(): Job | undefined {
    const [next] = this.#waiting;
    if (next === undefined) return undefined;
    const [user, [job, ...others]] = next;
    this.#waiting.delete(user);
    this.#keep(user, others);
    return job;
  }

  #keep(user: string, jobs: Job[]): void {
    if (jobs.length > 0) this.#waiting.set(user, jobs);
    else this.#waiting.delete(user);
  }

  #rest(): void {
    clearTimeout(this.#idle);
    if (this.#worker === undefined) return;
    this.#idle = setTimeout(() => void this.#end(), this.#limits.idleMs);
    this.#idle.unref();
  }

  #start(): Worker {
    const { cluster, exclusions } = this.#deps;
    const worker = new Worker(new URL('./review-worker.ts', import.meta.url), {
      workerData: { cluster, exclusions } satisfies ReviewWorkerData,
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMegabytesMax },
    });
    worker.on('message', (reply: ReviewReply | 'ready') => {
      if (this.#worker !== worker) return;
      if (reply === 'ready') this.#isReady = true;
      else this.#settle((_job) => outcomeOf(reply));
      this.#next();
    });
    // Out of memory ends the thread, not the process; 'exit' follows.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      if (this.#worker !== worker) return;
      // One that does not even start is not started for the same review again.
      const job = this.#isReady ? undefined : this.#take();
      job?.settle(costly(job.uid, this.#limits.jobTimeoutMs));
      void this.#end();
    });
    worker.unref();
    return worker;
  }

  /** Without the thread: what it was reading gets no other outcome, what waits gets a new one. */
  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isReady = false;
    this.#settle((job) => costly(job.uid, this.#limits.jobTimeoutMs));
    if (worker === undefined) return;
    this.#isEnding = true;
    await worker.terminate();
    this.#isEnding = false;
    this.#next();
  }

  #settle(outcome: (job: Job) => ReadOutcome): void {
    if (this.#current === undefined) return;
    const { job, timer } = this.#current;
    clearTimeout(timer);
    this.#current = undefined;
    job.settle(outcome(job));
  }
}

function outcomeOf(reply: ReviewReply): ReadOutcome {
  if (reply.ok) return reply;
  return {
    ok: false,
    uid: reply.uid,
    error: new ChainError(reply.code, reply.payload as ErrorPayload<typeof reply.code>),
  };
}

function costly(uid: string, timeoutMs: number): ReadOutcome {
  return { ok: false, uid, error: new ChainError('WEBHOOK_REVIEW_COSTLY', { timeoutMs }) };
}
