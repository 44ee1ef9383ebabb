import type { Channel } from '../ports/network.ts';
import { encodeFrame, FRAME_TYPE, type EncodedFrame, type Frame } from './frame.ts';
import type { Closing, FramedSocket, FrameSink } from './framed-socket.ts';
import { IncomingRequests } from './incoming-requests.ts';
import type { NetLimits } from './limits.ts';
import { OutgoingRequests } from './outgoing-requests.ts';
import { decodeReason, decodeRequest, decodeResponseChunk, type Hello } from './payload.ts';

const CHANNEL_NUMBER: Readonly<Record<Channel, number>> = { consensus: 1, transaction: 2, control: 3 };
const CHANNELS: readonly (Channel | undefined)[] = [undefined, 'consensus', 'transaction', 'control'];
/** More waiting pongs than this are no proof of life but a flood. */
const URGENT_BYTES_MAX = 1_024;

export interface LinkOwner {
  onMessage(channel: Channel, payload: Uint8Array): void;
  onRequest(method: string, body: Uint8Array): Promise<Uint8Array>;
  onClosed(closing: Closing): void;
  onDefect(where: string, error: unknown): void;
}

/** Bytes of a message for any number of peers: encoded once, never copied. */
export function encodeMessage(channel: Channel, payload: Uint8Array): EncodedFrame {
  return encodeFrame(FRAME_TYPE.message, CHANNEL_NUMBER[channel], payload);
}

/** The connection of a pair once both have introduced themselves: messages, requests, keepalive. */
export class PeerLink implements FrameSink {
  readonly hello: Hello;
  readonly upSinceMs: number;
  readonly socket: FramedSocket;
  readonly #limits: NetLimits;
  readonly #owner: LinkOwner;
  readonly #outgoing: OutgoingRequests;
  readonly #incoming: IncomingRequests;
  readonly #nowMs: () => number;
  #heardMs: number;
  #pingedMs: number;

  constructor(socket: FramedSocket, hello: Hello, limits: NetLimits, nowMs: () => number, owner: LinkOwner) {
    this.socket = socket;
    this.hello = hello;
    this.#limits = limits;
    this.#owner = owner;
    this.#nowMs = nowMs;
    this.upSinceMs = this.#heardMs = this.#pingedMs = nowMs();
    this.#outgoing = new OutgoingRequests(hello.id, limits, (payload) =>
      socket.send('bulk', encodeFrame(FRAME_TYPE.request, 0, payload)),
    );
    this.#incoming = new IncomingRequests(limits, {
      handle: (method, body) => owner.onRequest(method, body),
      send: (frame) => socket.send('bulk', frame),
      queuedBytes: () => socket.queues.bytesOf('bulk'),
      onDefect: (method, error) => owner.onDefect(method, error),
    });
    socket.handOver(this);
  }

  request(method: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.#outgoing.start(method, body, timeoutMs);
  }

  /** Called every now and then: asks a quiet peer for a sign of life, and gives up one that gives none. */
  tick(): void {
    const nowMs = this.#nowMs();
    const quietMs = nowMs - this.#heardMs;
    if (quietMs >= this.#limits.silenceMaxMs) {
      this.socket.close('NET_SILENT', `nothing for ${Math.round(quietMs)} ms`);
    } else if (quietMs >= this.#limits.pingIdleMs && nowMs - this.#pingedMs >= this.#limits.pingIdleMs) {
      this.#pingedMs = nowMs;
      this.socket.send('urgent', encodeFrame(FRAME_TYPE.ping));
    }
  }

  /** This process itself did not run for a while: the silence was ours. */
  forgiveSilence(): void {
    this.#heardMs = this.#nowMs();
  }

  onFrame(frame: Frame): void {
    this.#heardMs = this.#nowMs();
    switch (frame.type) {
      case FRAME_TYPE.message:
        this.#deliver(CHANNELS[frame.channel] ?? 'control', frame.payload);
        return;
      case FRAME_TYPE.request:
        this.#incoming.accept(decodeRequest(frame.payload));
        return;
      case FRAME_TYPE.responseChunk:
        this.#outgoing.onChunk(decodeResponseChunk(frame.payload));
        return;
      case FRAME_TYPE.refusal:
        this.#outgoing.onRefusal(decodeReason(frame.payload));
        return;
      case FRAME_TYPE.ping:
        this.#expectEmpty(frame);
        if (this.socket.queues.bytesOf('urgent') < URGENT_BYTES_MAX)
          this.socket.send('urgent', encodeFrame(FRAME_TYPE.pong));
        return;
      case FRAME_TYPE.pong:
        this.#expectEmpty(frame);
        return;
      case FRAME_TYPE.hello:
        this.socket.close('NET_FRAME_MALFORMED', 'introduces itself twice');
        return;
      case FRAME_TYPE.close:
        // Read by the framed socket.
        return;
    }
  }

  onClosed(closing: Closing): void {
    this.#incoming.abandon();
    this.#outgoing.failAll(`${closing.code}: ${closing.detail}`);
    this.#owner.onClosed(closing);
  }

  #deliver(channel: Channel, payload: Uint8Array): void {
    try {
      this.#owner.onMessage(channel, payload);
    } catch (error) {
      // A defect of ours, which must not look like a fault of the frame, and must not end the process from inside a socket event.
      this.#owner.onDefect(channel, error);
      this.socket.close('NET_HANDLER_FAILED', `on channel ${channel}`);
    }
  }

  #expectEmpty(frame: Frame): void {
    if (frame.payload.length > 0) this.socket.close('NET_FRAME_MALFORMED', 'keepalive with a payload');
  }
}
