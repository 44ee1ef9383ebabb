import { createServer, type Server } from 'node:net';
import { freePorts } from '../control-plane/ports.ts';

const ATTEMPTS_MAX = 20;

/**
 * Ports that stay taken until they are given to their server: a playground is configured half a minute before its last server listens, and
 * others are started beside it.
 */
export class PortReservation {
  readonly #held = new Map<number, Server>();

  async take(count: number): Promise<number[]> {
    const taken: number[] = [];
    for (let attempt = 0; taken.length < count; attempt += 1) {
      if (attempt > ATTEMPTS_MAX) throw new Error(`could not reserve ${count} ports`);
      for (const port of await freePorts(count - taken.length)) {
        const server = await hold(port);
        if (server === undefined) continue;
        this.#held.set(port, server);
        taken.push(port);
      }
    }
    return taken;
  }

  /** To be called right before the server that was meant for it starts. */
  async release(...ports: readonly number[]): Promise<void> {
    await Promise.all(ports.map((port) => this.#close(port)));
  }

  async releaseAll(): Promise<void> {
    await this.release(...this.#held.keys());
  }

  #close(port: number): Promise<void> {
    const server = this.#held.get(port);
    this.#held.delete(port);
    return new Promise((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }
}

function hold(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
    server.unref();
  });
}
