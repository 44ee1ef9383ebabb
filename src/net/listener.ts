import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { ChainError } from '../errors/chain-error.ts';
import { formatAddress, type Address } from './address.ts';
import type { Credentials } from './credentials.ts';
import type { Closing } from './framed-socket.ts';
import { codeOfBrokenHandshake } from './identity.ts';
import { ALPN_PROTOCOL, type NetLimits } from './limits.ts';

/** A connection that has not introduced itself. `finish` once it has, or is refused: it no longer counts and has no deadline. */
export interface Unfinished {
  readonly remote: string;
  /** Set once TLS is up: how a late peer is told why. */
  onDeadline: (() => void) | undefined;
  finish(): void;
}

export interface ListenerOptions {
  readonly credentials: Credentials;
  readonly limits: NetLimits;
  readonly onSecure: (socket: TLSSocket, unfinished: Unfinished) => void;
  readonly onRejected: (remote: string, closing: Closing) => void;
}

/** The port where peers arrive: bounds the unfinished connections, in all and per address, before TLS costs anything. */
export class PeerListener {
  readonly #options: ListenerOptions;
  readonly #tcp: Server;
  readonly #tls: TlsServer;
  /** By remote host and port, which TLS keeps. */
  readonly #unfinished = new Map<string, { host: string; raw: Socket; entry: Unfinished }>();
  readonly #perHost = new Map<string, number>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#tls = createTlsServer({
      ...options.credentials.context,
      ALPNProtocols: [ALPN_PROTOCOL],
      requestCert: true,
      // The ledger is our certificate authority: see identityOf, which is the whole check.
      rejectUnauthorized: false,
      // Ours, from the first byte on, rules.
      handshakeTimeout: options.limits.handshakeTimeoutMs * 2,
    });
    this.#tls.on('secureConnection', (socket: TLSSocket) => this.#onSecure(socket));
    this.#tls.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      const remote = remoteOf(socket);
      const detail = error.code ?? error.message;
      this.#options.onRejected(remote, { code: codeOfBrokenHandshake(error), detail, by: 'local' });
      this.#unfinished.get(remote)?.entry.finish();
      socket.destroy();
    });
    this.#tcp = createServer({ noDelay: true }, (raw) => this.#onConnection(raw));
  }

  get unfinished(): number {
    return this.#unfinished.size;
  }

  /** Resolves with the bound address. Rejects with NET_LISTEN. */
  listen(host: string, port: number): Promise<Address> {
    return new Promise((resolve, reject) => {
      const onError = (cause: NodeJS.ErrnoException) => {
        const detail = cause.code ?? cause.message;
        reject(new ChainError('NET_LISTEN', { address: formatAddress({ host, port }), detail }, { cause }));
      };
      this.#tcp.once('error', onError);
      this.#tcp.listen({ host, port }, () => {
        this.#tcp.off('error', onError);
        // For instance no file descriptor for one more connection: that one is lost, the others go on.
        this.#tcp.on('error', (error: NodeJS.ErrnoException) =>
          this.#options.onRejected('', { code: 'NET_SOCKET', detail: error.code ?? error.message, by: 'local' }),
        );
        resolve({ host, port: (this.#tcp.address() as AddressInfo).port });
      });
    });
  }

  /** Accepts nobody any more and destroys the unfinished; resolves when every accepted connection has gone. */
  async close(): Promise<void> {
    for (const { raw, entry } of this.#unfinished.values()) {
      entry.finish();
      raw.destroy();
    }
    if (this.#tcp.listening) await new Promise((resolve) => this.#tcp.close(resolve));
  }

  #onConnection(raw: Socket): void {
    const remote = remoteOf(raw);
    const host = raw.remoteAddress ?? '';
    raw.on('error', () => undefined);
    const { limits } = this.#options;
    const ofHost = this.#perHost.get(host) ?? 0;
    if (this.#unfinished.size >= limits.unfinishedMax || ofHost >= limits.unfinishedPerAddressMax) {
      const detail = `${ofHost} unfinished from ${host}, ${this.#unfinished.size} in all`;
      this.#options.onRejected(remote, { code: 'NET_TOO_MANY_CONNECTIONS', detail, by: 'local' });
      raw.destroy();
      return;
    }
    this.#admit(raw, remote, host);
    this.#tls.emit('connection', raw);
  }

  #admit(raw: Socket, remote: string, host: string): void {
    const { limits } = this.#options;
    const deadline = setTimeout(() => {
      if (entry.onDeadline !== undefined) return entry.onDeadline();
      entry.finish();
      const detail = `not within ${limits.handshakeTimeoutMs} ms`;
      this.#options.onRejected(remote, { code: 'NET_HANDSHAKE_TIMEOUT', detail, by: 'local' });
      raw.destroy();
    }, limits.handshakeTimeoutMs);
    const entry: Unfinished = {
      remote,
      onDeadline: undefined,
      finish: () => {
        clearTimeout(deadline);
        if (this.#unfinished.get(remote)?.entry !== entry) return;
        this.#unfinished.delete(remote);
        const left = (this.#perHost.get(host) ?? 1) - 1;
        if (left === 0) this.#perHost.delete(host);
        else this.#perHost.set(host, left);
      },
    };
    this.#unfinished.set(remote, { host, raw, entry });
    this.#perHost.set(host, (this.#perHost.get(host) ?? 0) + 1);
    raw.once('close', () => entry.finish());
  }

  #onSecure(socket: TLSSocket): void {
    socket.on('error', () => undefined);
    const found = this.#unfinished.get(remoteOf(socket));
    // Its deadline passed in this very turn of the event loop.
    if (found === undefined) socket.destroy();
    else this.#options.onSecure(socket, found.entry);
  }
}

function remoteOf(socket: Socket): string {
  return formatAddress({ host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 });
}
