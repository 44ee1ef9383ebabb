import type { TLSSocket } from 'node:tls';
import type { Channel } from '../ports/network.ts';
import { isChainError } from '../errors/chain-error.ts';
import type { ErrorCode } from '../errors/registry.ts';
import { encodeFrame, FrameDecoder, FRAME_TYPE, type EncodedFrame, type Frame } from './frame.ts';
import type { NetLimits } from './limits.ts';
import { decodeReason, encodeReason, knownCode } from './payload.ts';
import { SendQueues } from './send-queue.ts';

/** Why a connection ended. `local`: we closed it. */
export interface Closing {
  readonly code: ErrorCode | 'UNKNOWN';
  readonly detail: string;
  readonly by: 'local' | 'remote';
}

export interface FrameSink {
  onFrame(frame: Frame): void;
  /** Once, at the moment from which nothing is sent or received any more; the socket itself may linger until `gone`. */
  onClosed(closing: Closing): void;
}

/**
 * Frames over one TLS socket whose handshake is done: decoding, bounded sending in priority order, one coded end. Knows nothing of
 * who the peer is. Frames of one turn of the event loop, or of one step of the consensus, leave in one write; while the socket holds `socketBytesMax` unsent bytes, everything waits in the queues.
 */
export class FramedSocket {
  readonly queues: SendQueues;
  /** Resolves when the socket has been closed by both sides or destroyed. */
  readonly gone: Promise<void>;
  readonly received = { bytes: 0, frames: 0 };
  readonly sent = { bytes: 0, frames: 0 };
  readonly #socket: TLSSocket;
  readonly #limits: NetLimits;
  readonly #decoder: FrameDecoder;
  #sink: FrameSink;
  #closing: Closing | undefined;
  #flushPending = false;
  #isFlushing = false;
  #waitingForDrain = false;
  #socketError = '';

  constructor(socket: TLSSocket, limits: NetLimits, sink: FrameSink) {
    this.#socket = socket;
    this.#limits = limits;
    this.#sink = sink;
    this.#decoder = new FrameDecoder(limits.helloBytesMax);
    this.queues = new SendQueues(limits);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => {
      this.#waitingForDrain = false;
      this.#flush();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#socketError = error.code ?? error.message));
    this.gone = new Promise((resolve) => {
      socket.once('close', () => {
        if (this.#socketError === '') this.#end({ code: 'NET_CLOSED', detail: 'without a reason', by: 'remote' });
        else this.#end({ code: 'NET_SOCKET', detail: this.#socketError, by: 'remote' });
        resolve();
      });
    });
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Bytes that wait here and in the socket. */
  get unsentBytes(): number {
    return this.queues.bytes + this.#socket.writableLength;
  }

  /** The peer is known: frames may be as large as the protocol allows, and go to another sink, the rest of this chunk included. */
  handOver(sink: FrameSink): void {
    this.#sink = sink;
    this.#decoder.frameBytesMax = this.#limits.frameBytesMax;
  }

  /** Returns how many frames were dropped for it. */
  sendMessage(channel: Channel, frame: EncodedFrame): number {
    if (this.closed) return 1;
    const dropped = this.queues.pushMessage(channel, frame);
    if (channel === 'consensus') this.#flushAtOnce();
    else this.#scheduleFlush();
    return dropped;
  }

  send(lane: 'urgent' | 'bulk', frame: EncodedFrame): void {
    if (this.closed) return;
    this.queues.push(lane, frame);
    this.#scheduleFlush();
  }

  /** Says why, and ends. What is queued is not sent any more. */
  close(code: ErrorCode, detail: string): void {
    if (this.closed) return;
    this.#flushPending = false;
    this.#write(encodeFrame(FRAME_TYPE.close, 0, encodeReason({ id: 0, code, detail })));
    this.#end({ code, detail, by: 'local' });
  }

  #receive(chunk: Buffer): void {
    if (this.closed) return;
    this.received.bytes += chunk.length;
    try {
      this.#decoder.push(chunk);
      // Whoever handles a frame may close the connection: what follows is not looked at.
      while (!this.closed) {
        const frame = this.#decoder.next();
        if (frame === undefined) return;
        this.received.frames += 1;
        this.#dispatch(frame);
      }
    } catch (error) {
      // The sink keeps its own defects to itself: what arrives here is the peer's.
      if (!isChainError(error)) throw error;
      this.close(error.code, (error.payload as { detail?: string }).detail ?? error.message);
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.type !== FRAME_TYPE.close) {
      this.#sink.onFrame(frame);
      return;
    }
    const reason = decodeReason(frame.payload);
    this.#end({ code: knownCode(reason.code), detail: reason.detail, by: 'remote' });
  }

  /** At the end of this turn of the event loop, so that all that is sent in it leaves together. */
  #scheduleFlush(): void {
    if (this.#flushPending || this.#waitingForDrain) return;
    this.#flushPending = true;
    setImmediate(() => {
      if (!this.#flushPending) return;
      this.#flushPending = false;
      this.#flush();
    });
  }

  /** Three others wait for it: not after what else this turn of the event loop has to read, but together with what the same step of the consensus sends. */
  #flushAtOnce(): void {
    if (this.#isFlushing || this.#waitingForDrain) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flushPending = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.closed || this.#waitingForDrain) return;
    this.#socket.cork();
    while (this.#socket.writableLength < this.#limits.socketBytesMax) {
      const frame = this.queues.next();
      if (frame === undefined) break;
      this.#write(frame);
    }
    this.#waitingForDrain =
      this.#socket.writableLength >= this.#limits.socketBytesMax && this.#socket.writableNeedDrain;
    this.#socket.uncork();
  }

  #write(frame: EncodedFrame): void {
    // The peer may have ended its side: a write would only turn that into an error.
    if (!this.#socket.writable) return;
    this.#socket.cork();
    this.#socket.write(frame.header);
    if (frame.payload.length > 0) this.#socket.write(frame.payload);
    this.#socket.uncork();
    this.sent.frames += 1;
    this.sent.bytes += frame.bytes;
  }

  #end(closing: Closing): void {
    if (this.closed) return;
    this.#closing = closing;
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), this.#limits.closeGraceMs);
    void this.gone.then(() => clearTimeout(timer));
    this.#sink.onClosed(closing);
  }
}
