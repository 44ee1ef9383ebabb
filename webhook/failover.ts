import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { probeReadiness, type Probe } from './failover-probe.ts';

/**
 * The one address of a hook's group outside a cluster: plain TCP in front of the group's nodes. TLS ends in the nodes, so nothing here can
 * answer in their place. The first ready node in order gets every connection for as long as it is ready; when its probe fails, its
 * connections are closed at once, because a stopped process still accepts and keeps TCP connections.
 */
export interface FailoverBackend {
  readonly host: string;
  readonly port: number;
  readonly probe: Probe;
}

export interface FailoverOptions {
  readonly listenHost: string;
  /** 0 takes a free one. */
  readonly listenPort: number;
  /** In order of preference; at least one. */
  readonly backends: readonly FailoverBackend[];
  readonly probeIntervalMs?: number;
  readonly probeTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly connectionsMax?: number;
  readonly logger?: { info(fields: object, message: string): void };
}

export interface FailoverStatus {
  readonly backends: readonly {
    readonly address: string;
    /** Null until the first probe has ended. */
    readonly ready: boolean | null;
    /** Why it is not ready; empty otherwise. */
    readonly detail: string;
    readonly connections: number;
    readonly probesFailed: number;
    /** Connections closed because the node failed. */
    readonly cut: number;
  }[];
  /** Index of the node that gets new connections; null if none is ready. */
  readonly current: number | null;
  readonly connections: number;
  readonly accepted: number;
  /** Closed at once: no node ready, too many, or the node could not be reached. */
  readonly refused: { readonly notReady: number; readonly tooMany: number; readonly unreachable: number };
}

export interface Failover {
  /** host:port. */
  readonly address: string;
  status(): FailoverStatus;
  /** Closes everything; resolves when nothing is left. */
  stop(): Promise<void>;
}

/** A node is found dead within this and the timeout together: below the second that a refused write costs. */
const PROBE_INTERVAL_MS = 500;
const PROBE_TIMEOUT_MS = 400;
/** Loopback or one data centre. */
const CONNECT_TIMEOUT_MS = 1_000;
/** An API server opens a connection a request in flight: its own default is 400 + 200 requests in flight, and there may be three. */
const CONNECTIONS_MAX = 2_000;

/** Starts listening and probing; resolves when every node was probed once. Rejects with the listen error, or RangeError on bad options. */
export async function startFailover(options: FailoverOptions): Promise<Failover> {
  const failover = new TcpFailover(options);
  await failover.start();
  return failover;
}

interface Backend {
  readonly options: FailoverBackend;
  ready: boolean | null;
  detail: string;
  probesFailed: number;
  cut: number;
  readonly clients: Set<Pipe>;
}

/** A client's socket and the one to the node; ended together. */
interface Pipe {
  readonly client: Socket;
  readonly upstream: Socket;
}

class TcpFailover implements Failover {
  readonly #options: Required<Omit<FailoverOptions, 'logger'>> & Pick<FailoverOptions, 'logger'>;
  readonly #backends: readonly Backend[];
  readonly #server: Server;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #probing = new Set<Promise<void>>();
  #current: Backend | undefined;
  #stopped = false;
  #accepted = 0;
  readonly #refused = { notReady: 0, tooMany: 0, unreachable: 0 };

  constructor(options: FailoverOptions) {
    this.#options = {
      probeIntervalMs: PROBE_INTERVAL_MS,
      probeTimeoutMs: PROBE_TIMEOUT_MS,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      connectionsMax: CONNECTIONS_MAX,
      ...options,
    };
    if (options.backends.length === 0) throw new RangeError('a failover needs at least one node');
    if (this.#options.probeTimeoutMs > this.#options.probeIntervalMs) throw new RangeError('a probe must end before the next one');
    this.#backends = options.backends.map((backend) => ({
      options: backend,
      ready: null,
      detail: 'not probed yet',
      probesFailed: 0,
      cut: 0,
      clients: new Set<Pipe>(),
    }));
    // Half-open: a client that has sent all may still wait for the answer; TLS closes the same way.
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#accept(client));
  }

  get address(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  }

  async start(): Promise<void> {
    const { listenHost: host, listenPort: port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    // For instance no file descriptor for one more connection: that one is lost, the others go on.
    this.#server.on('error', (error) => this.#options.logger?.info({ err: error }, 'failover could not accept a connection'));
    await Promise.all(this.#backends.map((backend) => this.#probe(backend)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const backend of this.#backends) this.#cut(backend);
    await Promise.all([closed, ...this.#probing]);
  }

  status(): FailoverStatus {
    return {
      backends: this.#backends.map(({ options, ready, detail, clients, probesFailed, cut }) => ({
        address: `${options.host}:${options.port}`,
        ready,
        detail,
        connections: clients.size,
        probesFailed,
        cut,
      })),
      current: this.#current === undefined ? null : this.#backends.indexOf(this.#current),
      connections: this.#connections(),
      accepted: this.#accepted,
      refused: { ...this.#refused },
    };
  }

  #connections(): number {
    return this.#backends.reduce((sum, backend) => sum + backend.clients.size, 0);
  }

  // Probing

  /** Probes now and every interval after, counted from the start of one to the start of the next. */
  async #probe(backend: Backend): Promise<void> {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const next = this.#probe(backend);
      this.#probing.add(next);
      void next.finally(() => this.#probing.delete(next));
    }, this.#options.probeIntervalMs);
    this.#timers.add(timer);
    const result = await probeReadiness(backend.options.probe, this.#options.probeTimeoutMs);
    if (this.#stopped) return;
    const before = backend.ready;
    backend.ready = result.ready;
    backend.detail = result.ready ? '' : result.detail;
    if (!result.ready) backend.probesFailed += 1;
    if (before === result.ready) return;
    const { host, port } = backend.options;
    this.#options.logger?.info({ node: `${host}:${port}`, ready: result.ready, detail: backend.detail }, 'readiness of a node changed');
    this.#choose();
    if (!result.ready) this.#cut(backend);
  }

  /** Sticky: a node that comes back takes over only when the current one fails. */
  #choose(): void {
    if (this.#current?.ready === true) return;
    this.#current = this.#backends.find((backend) => backend.ready === true);
  }

  #cut(backend: Backend): void {
    for (const { client, upstream } of [...backend.clients]) {
      backend.cut += 1;
      client.destroy();
      upstream.destroy();
    }
  }

  // Piping

  #accept(client: Socket): void {
    client.on('error', () => undefined);
    const backend = this.#current;
    if (this.#stopped || backend === undefined) {
      this.#refused.notReady += 1;
      client.destroy();
    } else if (this.#connections() >= this.#options.connectionsMax) {
      this.#refused.tooMany += 1;
      client.destroy();
    } else {
      this.#accepted += 1;
      this.#pipe(client, backend);
    }
  }

  #pipe(client: Socket, backend: Backend): void {
    const { host, port } = backend.options;
    const upstream = connect({ host, port, noDelay: true, allowHalfOpen: true });
    const pipe: Pipe = { client, upstream };
    backend.clients.add(pipe);
    let connected = false;
    const timer = setTimeout(() => upstream.destroy(), this.#options.connectTimeoutMs);
    upstream.on('error', () => undefined);
    upstream.once('connect', () => {
      connected = true;
      clearTimeout(timer);
    });
    upstream.once('close', () => {
      clearTimeout(timer);
      if (!connected && !client.destroyed) this.#refused.unreachable += 1;
      backend.clients.delete(pipe);
      // What the node sent last may still be on its way to the client; an aborted one is aborted here too.
      if (upstream.readableEnded) client.end();
      else client.destroy();
    });
    client.once('close', () => {
      if (client.readableEnded && client.writableFinished) upstream.end();
      else upstream.destroy();
    });
    client.pipe(upstream);
    upstream.pipe(client);
  }
}
