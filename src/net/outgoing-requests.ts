import { ChainError } from '../errors/chain-error.ts';
import type { ErrorCode } from '../errors/registry.ts';
import type { NetLimits } from './limits.ts';
import { encodeRequest, isMethod, METHOD_BYTES_MAX, type Reason, type ResponseChunk } from './payload.ts';

interface Pending {
  readonly method: string;
  readonly timeoutMs: number;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: ChainError) => void;
  timer: NodeJS.Timeout | undefined;
  chunks: Uint8Array[];
  bytes: number;
}

const ID_MAX = 0xffff_ffff;
/** Frame header, id, timeout, length of the method. */
const OVERHEAD_BYTES = 6 + 9 + METHOD_BYTES_MAX;

/**
 * Requests that we sent over one connection. A request that timed out here keeps its slot until the peer has answered it (which it
 * does by the same deadline): so a correct caller never has more than `requestsMax` unanswered ones at the peer.
 */
export class OutgoingRequests {
  readonly #peer: string;
  readonly #limits: NetLimits;
  readonly #send: (payload: Uint8Array) => void;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #bytes = 0;

  constructor(peer: string, limits: NetLimits, send: (payload: Uint8Array) => void) {
    this.#peer = peer;
    this.#limits = limits;
    this.#send = send;
  }

  /** Rejects with NET_TIMEOUT, NET_UNREACHABLE or NET_REFUSED, by the peer or already here. */
  start(method: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const refusal = this.#refusalOf(method, body);
    if (refusal !== undefined) return Promise.reject(this.#refused(method, refusal.code, refusal.detail));
    const boundedMs = Math.max(1, Math.min(Math.ceil(timeoutMs), this.#limits.requestTimeoutMaxMs));
    const id = (this.#lastId += 1);
    return new Promise<Uint8Array>((resolve, reject) => {
      const pending: Pending = {
        method,
        timeoutMs: boundedMs,
        resolve,
        reject,
        timer: undefined,
        chunks: [],
        bytes: 0,
      };
      pending.timer = setTimeout(() => {
        this.#settle(pending);
        reject(this.#timedOut(pending));
      }, boundedMs);
      this.#pending.set(id, pending);
      this.#send(encodeRequest({ id, timeoutMs: boundedMs, method, body }));
    });
  }

  /** Throws NET_FRAME_MALFORMED for an answer to what was never asked. */
  onChunk(chunk: ResponseChunk): void {
    const pending = this.#find(chunk.id);
    if (chunk.last) this.#pending.delete(chunk.id);
    if (pending === undefined || pending.timer === undefined) return;
    pending.chunks.push(chunk.body);
    pending.bytes += chunk.body.length;
    this.#bytes += chunk.body.length;
    if (pending.bytes > this.#limits.responseBytesMax || this.#bytes > this.#limits.reassemblyBytesMax) {
      const detail = `${pending.bytes} bytes and more, ${this.#bytes} in all`;
      this.#settle(pending);
      pending.reject(this.#refused(pending.method, 'NET_RESPONSE_TOO_LARGE', detail));
      return;
    }
    if (!chunk.last) return;
    const body = pending.chunks.length === 1 ? chunk.body : new Uint8Array(Buffer.concat(pending.chunks));
    this.#settle(pending);
    pending.resolve(body);
  }

  onRefusal(reason: Reason): void {
    const pending = this.#find(reason.id);
    this.#pending.delete(reason.id);
    if (pending === undefined || pending.timer === undefined) return;
    this.#settle(pending);
    // The peer's clock was a little faster than ours: to the caller that is the same.
    if (reason.code === 'NET_TIMEOUT') pending.reject(this.#timedOut(pending));
    else pending.reject(this.#refused(pending.method, reason.code, reason.detail));
  }

  failAll(detail: string): void {
    for (const pending of this.#pending.values()) {
      if (pending.timer === undefined) continue;
      this.#settle(pending);
      pending.reject(new ChainError('NET_UNREACHABLE', { peer: this.#peer, detail }));
    }
    this.#pending.clear();
  }

  #refusalOf(method: string, body: Uint8Array): { code: ErrorCode; detail: string } | undefined {
    if (!isMethod(method)) throw new TypeError(`not a method name: ${method}`);
    if (body.length + OVERHEAD_BYTES > this.#limits.frameBytesMax) {
      return { code: 'NET_FRAME_TOO_LARGE', detail: `a request of ${body.length} bytes was not sent` };
    }
    if (this.#pending.size >= this.#limits.requestsMax || this.#lastId >= ID_MAX) {
      return { code: 'NET_TOO_MANY_REQUESTS', detail: `${this.#pending.size} unanswered, this one was not sent` };
    }
    return undefined;
  }

  #find(id: number): Pending | undefined {
    if (id > this.#lastId || id === 0) {
      throw new ChainError('NET_FRAME_MALFORMED', {
        peer: '',
        detail: `answer to request ${id}, which was never sent`,
      });
    }
    return this.#pending.get(id);
  }

  /** No timer means: its promise is settled. */
  #settle(pending: Pending): void {
    clearTimeout(pending.timer);
    pending.timer = undefined;
    this.#bytes -= pending.bytes;
    pending.chunks = [];
    pending.bytes = 0;
  }

  #timedOut({ method, timeoutMs }: Pending): ChainError<'NET_TIMEOUT'> {
    return new ChainError('NET_TIMEOUT', { peer: this.#peer, method, timeoutMs });
  }

  #refused(method: string, code: string, detail: string): ChainError<'NET_REFUSED'> {
    return new ChainError('NET_REFUSED', { peer: this.#peer, method, code, detail });
  }
}
