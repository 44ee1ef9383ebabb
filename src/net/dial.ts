import { connect, type TLSSocket } from 'node:tls';
import type { Address } from './address.ts';
import type { Credentials } from './credentials.ts';
import { encodeFrame, FRAME_TYPE } from './frame.ts';
import { FramedSocket, type Closing } from './framed-socket.ts';
import { codeOfBrokenHandshake, identityOf } from './identity.ts';
import { faultOf, Introduction, type Self } from './introduction.ts';
import { ALPN_PROTOCOL, PROTOCOL_VERSION, type NetLimits } from './limits.ts';
import { encodeHello, type Hello } from './payload.ts';
import type { ErrorCode } from '../errors/registry.ts';

export interface DialOptions {
  readonly target: { readonly id: string; readonly tlsKey: string; readonly address: Address };
  readonly self: Self;
  /** Of the hello that goes out. */
  readonly counter: number;
  readonly credentials: Credentials;
  readonly limits: NetLimits;
  /** The peer has proven its key, introduced itself and accepted us. */
  readonly onEstablished: (socket: FramedSocket, hello: Hello) => void;
  /** Called once, unless `onEstablished` was or the dial was aborted. */
  readonly onFailed: (closing: Closing) => void;
}

/** One attempt to reach a peer: TCP, TLS, both hellos, within one deadline. */
export class Dial {
  readonly #options: DialOptions;
  readonly #socket: TLSSocket;
  readonly #deadline: NodeJS.Timeout;
  #framed: FramedSocket | undefined;
  #settled = false;
  #socketError: NodeJS.ErrnoException | undefined;
  /** Resolves when nothing of it is left; pending while an established connection lives. */
  readonly gone: Promise<void>;

  constructor(options: DialOptions) {
    this.#options = options;
    const { credentials, limits, target } = options;
    this.#socket = connect({
      ...credentials.context,
      host: target.address.host,
      port: target.address.port,
      ALPNProtocols: [ALPN_PROTOCOL],
      // The ledger is our certificate authority: see identityOf, which is the whole check.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    this.gone = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => (this.#socketError = error));
    this.#socket.once('close', () => this.#fail(this.#closingOfSocket()));
    this.#socket.once('secureConnect', () => this.#introduce());
    this.#deadline = setTimeout(
      () => this.#refuse('NET_HANDSHAKE_TIMEOUT', `not within ${limits.handshakeTimeoutMs} ms`),
      limits.handshakeTimeoutMs,
    );
  }

  /** Another connection of the pair has won, or the peer is not wanted any more. */
  abort(code: ErrorCode, detail: string): void {
    if (this.#settled) return;
    this.#settle();
    if (this.#framed === undefined) this.#socket.destroy();
    else this.#framed.close(code, detail);
  }

  #introduce(): void {
    const { limits, self, target, counter } = this.#options;
    const introduction = new Introduction(
      (hello) => this.#onHello(hello),
      (closing) => this.#fail(closing),
    );
    this.#framed = new FramedSocket(this.#socket, limits, introduction);
    const identity = identityOf(this.#socket);
    if (!identity.ok) return this.#refuse('NET_TLS', identity.detail);
    if (identity.key === self.key) return this.#refuse('NET_SELF', 'the address leads back here');
    if (identity.key !== target.tlsKey) return this.#refuse('NET_WRONG_KEY', `key ${identity.key}`);
    const { id, chain, instance } = self;
    const hello = encodeHello({ version: PROTOCOL_VERSION, id, chain, instance, counter });
    this.#framed.send('urgent', encodeFrame(FRAME_TYPE.hello, 0, hello));
  }

  #onHello(hello: Hello): void {
    const { self, target, onEstablished } = this.#options;
    if (this.#settled || this.#framed === undefined) return;
    const fault = faultOf(hello, self, target.id);
    if (fault !== undefined) return this.#refuse(fault.code, fault.detail);
    this.#settle();
    onEstablished(this.#framed, hello);
  }

  #refuse(code: ErrorCode, detail: string): void {
    // Closing a framed socket reports back through the introduction; without one there is nobody to tell.
    if (this.#framed !== undefined) return this.#framed.close(code, detail);
    this.#socket.destroy();
    this.#fail({ code, detail, by: 'local' });
  }

  #fail(closing: Closing): void {
    if (this.#settled) return;
    this.#settle();
    this.#options.onFailed(closing);
  }

  #settle(): void {
    this.#settled = true;
    clearTimeout(this.#deadline);
  }

  #closingOfSocket(): Closing {
    const detail = this.#socketError?.code ?? 'closed during the handshake';
    return { code: codeOfBrokenHandshake(this.#socketError), detail, by: 'remote' };
  }
}
