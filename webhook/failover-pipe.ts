import { connect, type Socket } from 'node:net';
import { Waiting } from './failover-waiting.ts';

export interface PipeOptions {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
  /** After one side has ended, the other may still send for this long. */
  readonly halfOpenTimeoutMs: number;
  /** Whatever a client asks is answered within this, or never. */
  readonly answerTimeoutMs: number;
  /** The node could not be reached. Nothing of the client has been read: it may go to another one. */
  readonly onUnreachable: (client: Socket, detail: string) => void;
  /** Both sides are closed, or the client was handed back. Called once. */
  readonly onGone: () => void;
}

/** One client's bytes to one node and back. An orderly end on one side passes to the other; anything else closes both. */
export class Pipe {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #options: PipeOptions;
  #timer: NodeJS.Timeout;
  #connected = false;
  #gone = false;
  readonly #waiting: Waiting;

  constructor(client: Socket, options: PipeOptions) {
    const { host, port, connectTimeoutMs } = options;
    this.#client = client;
    this.#options = options;
    this.#waiting = new Waiting(options.answerTimeoutMs);
    this.#upstream = connect({ host, port, noDelay: true, allowHalfOpen: true });
    this.#timer = setTimeout(
      () => this.#upstream.destroy(new Error(`not within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    );
    let detail = '';
    this.#upstream.on('error', (error: NodeJS.ErrnoException) => (detail = error.code ?? error.message));
    this.#upstream.once('connect', () => this.#onConnected());
    this.#upstream.once('close', () => {
      if (this.#connected || client.destroyed) return this.#onClosed(this.#upstream, client);
      this.#leave();
      options.onUnreachable(client, detail);
    });
    client.once('close', () => this.#onClosed(client, this.#upstream));
  }

  /** Bytes that the node has sent. */
  get bytesFromNode(): number {
    return this.#upstream.bytesRead;
  }

  /** True while the client may still get the answer to what it has sent. */
  isAwaiting(nowMs: number): boolean {
    return this.#waiting.isOpen(nowMs);
  }

  destroy(): void {
    // Not with a reset: that waits until everything is written, which to a stopped process is for ever.
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #onConnected(): void {
    clearTimeout(this.#timer);
    this.#connected = true;
    for (const socket of [this.#client, this.#upstream]) socket.once('end', () => this.#onHalfOpen());
    this.#client.on('data', () => this.#waiting.asked(performance.now()));
    this.#upstream.on('data', () => this.#waiting.answered());
    this.#client.pipe(this.#upstream);
    this.#upstream.pipe(this.#client);
  }

  #onHalfOpen(): void {
    clearTimeout(this.#timer);
    if (!this.#gone) this.#timer = setTimeout(() => this.destroy(), this.#options.halfOpenTimeoutMs);
  }

  #onClosed(closed: Socket, other: Socket): void {
    // What it sent before its orderly end may still be on the way to the other side, which `pipe` then ends.
    if (!closed.readableEnded) other.destroy();
    if (closed.destroyed && other.destroyed) this.#leave();
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#timer);
    this.#options.onGone();
  }
}
