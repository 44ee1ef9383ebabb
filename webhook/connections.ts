import type { Http2SecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Refusal } from './metrics.ts';
import type { WebhookLimits } from './options.ts';

interface Stranger {
  readonly socket: Socket;
  readonly host: string;
  activeMs: number;
}

type Limits = Pick<WebhookLimits, 'strangersMax' | 'strangersPerAddressMax' | 'strangerIdleMs'>;

/**
 * Connections whose caller has not shown yet that it is the API server. They are few, and where one more comes the oldest goes: an API server needs some milliseconds
 * for its handshake, so whoever opens connections and keeps them loses its own, not the API server's. What is quiet for long is closed.
 */
export class Connections {
  readonly #limits: Limits;
  readonly #onClosed: (reason: Refusal) => void;
  /** Oldest first. */
  readonly #strangers = new Map<string, Stranger>();
  readonly #perHost = new Map<string, number>();
  readonly #secure = new Set<TLSSocket>();
  readonly #sweep: NodeJS.Timeout;

  constructor(
    server: Http2SecureServer,
    limits: Limits,
    isKnown: (socket: TLSSocket) => boolean,
    onClosed: (reason: Refusal) => void,
  ) {
    this.#limits = limits;
    this.#onClosed = onClosed;
    // Before TLS, which is what costs.
    server.prependListener('connection', (socket: Socket) => this.#onConnection(socket));
    server.on('secureConnection', (socket) => {
      this.#secure.add(socket);
      socket.once('close', () => this.#secure.delete(socket));
      if (isKnown(socket)) this.know(socket);
    });
    server.on('tlsClientError', (_error, socket) => {
      // What was closed here is counted already.
      if (this.#strangers.has(keyOf(socket))) onClosed('tls');
    });
    this.#sweep = setInterval(() => this.#closeQuiet(), Math.max(10, limits.strangerIdleMs / 4));
    this.#sweep.unref();
    server.once('close', () => clearInterval(this.#sweep));
  }

  /** Of this connection it is known that the API server is behind it. */
  know(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): void {
    this.#forget(keyOf(socket));
  }

  /** A stranger that asked something, as a probe does. */
  heard(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): void {
    const stranger = this.#strangers.get(keyOf(socket));
    if (stranger !== undefined) stranger.activeMs = performance.now();
  }

  destroyAll(): void {
    for (const socket of this.#secure) socket.destroy();
    for (const { socket } of this.#strangers.values()) socket.destroy();
  }

  #onConnection(socket: Socket): void {
    const key = keyOf(socket);
    const host = socket.remoteAddress ?? '';
    const { strangersMax, strangersPerAddressMax } = this.#limits;
    const ofHost = this.#perHost.get(host) ?? 0;
    if (ofHost >= strangersPerAddressMax) this.#closeOldest((stranger) => stranger.host === host);
    else if (this.#strangers.size >= strangersMax) this.#closeOldest(() => true);
    this.#strangers.set(key, { socket, host, activeMs: performance.now() });
    this.#perHost.set(host, (this.#perHost.get(host) ?? 0) + 1);
    socket.once('close', () => this.#forget(key, socket));
  }

  #closeOldest(fits: (stranger: Stranger) => boolean): void {
    for (const [key, stranger] of this.#strangers) {
      if (!fits(stranger)) continue;
      this.#close(key, stranger, 'too-many');
      return;
    }
  }

  #closeQuiet(): void {
    const quietMs = performance.now() - this.#limits.strangerIdleMs;
    for (const [key, stranger] of this.#strangers) if (stranger.activeMs < quietMs) this.#close(key, stranger, 'idle');
  }

  #close(key: string, { socket }: Stranger, reason: Refusal): void {
    this.#forget(key);
    this.#onClosed(reason);
    socket.destroy();
  }

  #forget(key: string, socket?: Socket): void {
    const stranger = this.#strangers.get(key);
    if (stranger === undefined || (socket !== undefined && stranger.socket !== socket)) return;
    this.#strangers.delete(key);
    const left = (this.#perHost.get(stranger.host) ?? 1) - 1;
    if (left === 0) this.#perHost.delete(stranger.host);
    else this.#perHost.set(stranger.host, left);
  }
}

function keyOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress ?? ''} ${remotePort ?? 0}`;
}
