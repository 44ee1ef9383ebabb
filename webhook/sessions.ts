import { constants, type Http2SecureServer, type Http2Session, type ServerHttp2Session } from 'node:http2';

const STREAM_ID_MAX = 2 ** 31 - 1;

/** The h2 sessions that are open, and how they hear that they should go elsewhere. */
export class Sessions {
  readonly #open = new Set<ServerHttp2Session>();
  #isOver = false;

  constructor(server: Http2SecureServer) {
    server.on('session', (session) => {
      this.#open.add(session);
      session.once('close', () => this.#open.delete(session));
      // Its handshake began before: nobody else would tell it, and what it asks next would be cut off in the end.
      if (this.#isOver) session.close();
    });
  }

  /** Each is given notice. True if there was any. */
  notifyAll(): boolean {
    for (const session of this.#open) giveNotice(session);
    return this.#open.size > 0;
  }

  /** From now on a new one is closed as it opens. */
  endNew(): void {
    this.#isOver = true;
  }
}

/** Ends nothing: what is on its way in is still answered, what is new goes elsewhere. RFC 9113, 6.8. */
export function giveNotice(session: Http2Session): void {
  // One that is about to be gone throws.
  if (!session.closed && !session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR, STREAM_ID_MAX);
}
