import { FRAME_TYPE, type Frame } from './frame.ts';
import type { Closing, FrameSink } from './framed-socket.ts';
import type { ErrorCode } from '../errors/registry.ts';
import { ChainError } from '../errors/chain-error.ts';
import { PROTOCOL_VERSION } from './limits.ts';
import { decodeHello, type Hello } from './payload.ts';

/** What this node says of itself in every hello. */
export interface Self {
  readonly id: string;
  readonly chain: string;
  readonly instance: string;
  /** Own TLS key. */
  readonly key: string;
}

/** Reads the other side's one hello; anything before or after it is malformed. */
export class Introduction implements FrameSink {
  readonly #onHello: (hello: Hello) => void;
  readonly #onClosed: (closing: Closing) => void;
  #heard = false;

  constructor(onHello: (hello: Hello) => void, onClosed: (closing: Closing) => void) {
    this.#onHello = onHello;
    this.#onClosed = onClosed;
  }

  onFrame(frame: Frame): void {
    if (this.#heard || frame.type !== FRAME_TYPE.hello) {
      const detail = this.#heard ? 'more before it was accepted' : 'does not begin with a hello';
      throw new ChainError('NET_FRAME_MALFORMED', { peer: '', detail });
    }
    this.#heard = true;
    this.#onHello(decodeHello(frame.payload, PROTOCOL_VERSION));
  }

  onClosed(closing: Closing): void {
    this.#onClosed(closing);
  }
}

export interface Fault {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** What is wrong with a hello, given whose key the TLS handshake has proven; undefined if nothing is. */
export function faultOf(hello: Hello, self: Self, provenId: string): Fault | undefined {
  if (hello.version !== PROTOCOL_VERSION) {
    return { code: 'NET_WRONG_VERSION', detail: `version ${hello.version} instead of ${PROTOCOL_VERSION}` };
  }
  if (hello.chain !== self.chain) {
    return {
      code: 'NET_WRONG_CHAIN',
      detail: `genesis ${hello.chain.slice(0, 16)} instead of ${self.chain.slice(0, 16)}`,
    };
  }
  if (hello.id === self.id) return { code: 'NET_SELF', detail: `also calls itself ${hello.id}` };
  if (hello.id !== provenId)
    return { code: 'NET_WRONG_KEY', detail: `calls itself ${hello.id} with the key of ${provenId}` };
  return undefined;
}
