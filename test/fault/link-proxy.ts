import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

export interface LinkEnd {
  readonly org: string;
  /** Where peers dial. */
  readonly proxyPort: number;
  /** Where the node listens. */
  readonly port: number;
  /** Of its process; undefined while none runs. */
  readonly pid: () => number | undefined;
}

/**
 * The network between the nodes: each is dialled through a port of this process, which knows from /proc whose process dials. Groups
 * of nodes can be parted, and links slowed down, without privileges.
 */
export class LinkProxy {
  readonly #ends: readonly LinkEnd[];
  readonly #servers: Server[] = [];
  readonly #sockets = new Map<Socket, string>();
  /** `from>to`: bytes vanish. */
  readonly #cuts = new Set<string>();
  /** Milliseconds by `from>to`. */
  readonly #delays = new Map<string, number>();

  constructor(ends: readonly LinkEnd[]) {
    this.#ends = ends;
  }

  async start(): Promise<void> {
    for (const end of this.#ends) {
      const server = createServer((socket) => this.#accept(socket, end));
      server.listen(end.proxyPort, '127.0.0.1');
      await once(server, 'listening');
      this.#servers.push(server);
    }
  }

  /** Nobody of the one group hears anybody of the other, and nobody is told: connections stay open and silent. */
  partition(group: readonly string[]): void {
    for (const { org: a } of this.#ends)
      for (const { org: b } of this.#ends) if (group.includes(a) !== group.includes(b)) this.#cuts.add(`${a}>${b}`);
  }

  /** These two do not hear each other; both hear everybody else. */
  cut(a: string, b: string): void {
    this.#cuts.add(`${a}>${b}`);
    this.#cuts.add(`${b}>${a}`);
  }

  /** The one hears nothing of the other any more, which still hears it. */
  cutOneWay(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** What the one sends arrives at the other so much later, in order. */
  slow(from: string, to: string, delayMs: number): void {
    this.#delays.set(`${from}>${to}`, delayMs);
  }

  /** Connections that lost bytes are broken: a stream with a hole is none. */
  heal(): void {
    const cuts = [...this.#cuts];
    this.#cuts.clear();
    this.#delays.clear();
    for (const [socket, pair] of this.#sockets) if (cuts.includes(pair)) socket.destroy();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.keys()) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #accept(inbound: Socket, end: LinkEnd): void {
    inbound.on('error', () => inbound.destroy());
    const from = this.#ends.find(({ pid }) => ownsPort(pid(), inbound.remotePort ?? 0))?.org;
    // Its process has gone meanwhile.
    if (from === undefined) return void inbound.destroy();
    const outbound = connect(end.port, '127.0.0.1');
    outbound.on('error', () => inbound.destroy());
    this.#carry(inbound, outbound, `${from}>${end.org}`);
    this.#carry(outbound, inbound, `${end.org}>${from}`);
  }

  #carry(source: Socket, target: Socket, pair: string): void {
    this.#sockets.set(source, pair);
    let arrivesMs = 0;
    source.on('data', (chunk) => {
      if (this.#cuts.has(pair)) return;
      const delayMs = this.#delays.get(pair) ?? 0;
      const nowMs = performance.now();
      if (delayMs === 0 && arrivesMs <= nowMs) return void target.write(chunk);
      // Never before what was sent before it, also when the link has become faster.
      arrivesMs = Math.max(arrivesMs, nowMs + delayMs);
      setTimeout(() => target.write(chunk), arrivesMs - nowMs);
    });
    source.on('close', () => {
      this.#sockets.delete(source);
      target.destroy();
    });
  }
}

/** Whether the process has a TCP connection from this local port: its socket's inode is among its open files. */
function ownsPort(pid: number | undefined, port: number): boolean {
  if (pid === undefined) return false;
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((each) => each.trim().split(/\s+/))
    .find((fields) => fields[1]?.endsWith(`:${hex}`) === true);
  const inode = line?.[9];
  if (inode === undefined) return false;
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => readlinkOrNone(`${folder}/${fd}`) === `socket:[${inode}]`);
  } catch {
    return false;
  }
}

/** A file may be closed while the folder is read. */
function readlinkOrNone(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
