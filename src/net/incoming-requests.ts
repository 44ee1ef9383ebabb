import { ChainError, isChainError } from '../errors/chain-error.ts';
import type { ErrorCode } from '../errors/registry.ts';
import { encodeFrame, FRAME_TYPE, type EncodedFrame } from './frame.ts';
import type { NetLimits } from './limits.ts';
import { encodeReason, encodeResponseChunk, type Request } from './payload.ts';

export interface RequestSource {
  readonly handle: (method: string, body: Uint8Array) => Promise<Uint8Array>;
  readonly send: (frame: EncodedFrame) => void;
  /** Bytes of answers that wait for this peer. */
  readonly queuedBytes: () => number;
  /** A handler that failed with something else than a coded error. */
  readonly onDefect: (method: string, error: unknown) => void;
}

/**
 * Requests of one peer. Each is answered by its deadline, if need be with a refusal; a handler cannot be stopped, so those that still
 * run are bounded too.
 */
export class IncomingRequests {
  readonly #limits: NetLimits;
  readonly #source: RequestSource;
  readonly #unanswered = new Map<number, NodeJS.Timeout>();
  #running = 0;
  #lastId = 0;

  constructor(limits: NetLimits, source: RequestSource) {
    this.#limits = limits;
    this.#source = source;
  }

  /** Throws NET_TOO_MANY_REQUESTS or NET_FRAME_MALFORMED where the peer broke the protocol. */
  accept(request: Request): void {
    const { id, method } = request;
    if (id <= this.#lastId)
      throw new ChainError('NET_FRAME_MALFORMED', { peer: '', detail: `request id ${id} does not rise` });
    this.#lastId = id;
    if (this.#unanswered.size >= this.#limits.requestsMax) {
      throw new ChainError('NET_TOO_MANY_REQUESTS', { peer: '', detail: `${this.#unanswered.size} unanswered` });
    }
    // Even refusals pile up for a peer that asks and never reads.
    if (this.#source.queuedBytes() > this.#limits.responseQueueBytesMax) {
      throw new ChainError('NET_TOO_MANY_REQUESTS', { peer: '', detail: 'asks more without reading the answers' });
    }
    const timeoutMs = Math.max(1, Math.min(request.timeoutMs, this.#limits.requestTimeoutMaxMs));
    const timer = setTimeout(() => this.#refuse(id, 'NET_TIMEOUT', `not answered within ${timeoutMs} ms`), timeoutMs);
    this.#unanswered.set(id, timer);
    if (this.#running >= this.#limits.handlersMax) {
      this.#refuse(id, 'NET_BUSY', `${this.#running} requests of this peer are still worked on`);
      return;
    }
    this.#running += 1;
    void this.#run(id, method, request.body).finally(() => (this.#running -= 1));
  }

  /** The connection is gone: nobody waits for an answer. */
  abandon(): void {
    for (const timer of this.#unanswered.values()) clearTimeout(timer);
    this.#unanswered.clear();
  }

  async #run(id: number, method: string, body: Uint8Array): Promise<void> {
    try {
      this.#answer(id, await this.#source.handle(method, body));
    } catch (error) {
      if (isChainError(error)) {
        this.#refuse(id, error.code, error.message);
        return;
      }
      // The words of an unforeseen error may hold anything: they stay here.
      this.#refuse(id, 'NET_HANDLER_FAILED', 'see the log of that node');
      this.#source.onDefect(method, error);
    }
  }

  #answer(id: number, body: Uint8Array): void {
    if (!this.#unanswered.has(id)) return;
    if (body.length > this.#limits.responseBytesMax) {
      this.#refuse(id, 'NET_RESPONSE_TOO_LARGE', `${body.length} bytes, at most ${this.#limits.responseBytesMax}`);
      return;
    }
    if (this.#source.queuedBytes() + body.length > this.#limits.responseQueueBytesMax) {
      this.#refuse(id, 'NET_BUSY', 'answers to this peer wait already');
      return;
    }
    this.#release(id);
    const size = this.#limits.chunkBytesMax;
    for (let start = 0; start === 0 || start < body.length; start += size) {
      const last = start + size >= body.length;
      const chunk = encodeResponseChunk({ id, last, body: body.subarray(start, start + size) });
      this.#source.send(encodeFrame(FRAME_TYPE.responseChunk, 0, chunk));
    }
  }

  #refuse(id: number, code: ErrorCode, detail: string): void {
    if (!this.#release(id)) return;
    this.#source.send(encodeFrame(FRAME_TYPE.refusal, 0, encodeReason({ id, code, detail })));
  }

  #release(id: number): boolean {
    clearTimeout(this.#unanswered.get(id));
    return this.#unanswered.delete(id);
  }
}
