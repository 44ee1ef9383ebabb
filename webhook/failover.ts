import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Pipe } from './failover-pipe.ts';
import { probeReadiness, type Probe } from './failover-probe.ts';
import { Silence } from './failover-silence.ts';

/**
 * The one address of a hook's group outside a cluster: plain TCP in front of the group's nodes. TLS ends in the nodes, so nothing here can
 * answer in their place. The first ready node in order gets every connection for as long as it is ready. A stopped process still accepts and keeps TCP
 * connections: those of a silent node are closed, at once where nothing waits, and where something was asked as soon as it can no longer be answered in time.
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
  readonly halfOpenTimeoutMs?: number;
  /** What was not answered so long after it was asked will never be. */
  readonly answerTimeoutMs?: number;
  /** A node that says itself that it is not ready keeps the connections that it has for so long, those on which something was asked until it is answered. */
  readonly drainMs?: number;
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
  /** Closed at once because no node was ready, or there were too many. */
  readonly refused: { readonly notReady: number; readonly tooMany: number };
}

export interface Failover {
  /** host:port. */
  readonly address: string;
  status(): FailoverStatus;
  /** The nodes' certificates are taken from these authorities from the next probe on, by the probe's URL. */
  trust(probes: readonly Probe[]): void;
  /** Closes everything; resolves when nothing is left. */
  stop(): Promise<void>;
}

/** A node that refuses or says no is left within this. */
const PROBE_INTERVAL_MS = 500;
const PROBE_TIMEOUT_MS = 400;
/** Loopback or one data centre. */
const CONNECT_TIMEOUT_MS = 1_000;
/** As long as the longest admission call. */
const HALF_OPEN_TIMEOUT_MS = 30_000;
/** A node answers within 8 s; the API server gives up after 10 s, and shall hear before that there is no answer. */
const ANSWER_TIMEOUT_MS = 8_500;
/** A node that stops answers what it has taken, which may wait for the chain as long as an admission call does, and ends its connections itself; one that hangs there holds them no longer. */
const DRAIN_MS = 12_000;
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
  probe: Probe;
  ready: boolean | null;
  detail: string;
  probesFailed: number;
  readonly silence: Silence;
  /** Of `performance`; null while it is ready. */
  unreadySinceMs: number | null;
  cut: number;
  readonly pipes: Set<Pipe>;
  /** What the connections that are over have brought from the node. */
  bytesBefore: number;
}

class TcpFailover implements Failover {
  readonly #options: Required<Omit<FailoverOptions, 'logger'>> & Pick<FailoverOptions, 'logger'>;
  readonly #backends: readonly Backend[];
  readonly #server: Server;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #probing = new Set<Promise<void>>();
  #current: Backend | undefined;
  /** Every node was probed once: before, the order counts, whoever is the first to answer. */
  #settled = false;
  #stopped = false;
  #accepted = 0;
  readonly #refused = { notReady: 0, tooMany: 0 };

  constructor(options: FailoverOptions) {
    this.#options = {
      probeIntervalMs: PROBE_INTERVAL_MS,
      probeTimeoutMs: PROBE_TIMEOUT_MS,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      halfOpenTimeoutMs: HALF_OPEN_TIMEOUT_MS,
      answerTimeoutMs: ANSWER_TIMEOUT_MS,
      drainMs: DRAIN_MS,
      connectionsMax: CONNECTIONS_MAX,
      ...options,
    };
    if (options.backends.length === 0) throw new RangeError('a failover needs at least one node');
    if (this.#options.probeTimeoutMs > this.#options.probeIntervalMs)
      throw new RangeError('a probe must end before the next one');
    this.#backends = options.backends.map((backend) => ({
      options: backend,
      probe: backend.probe,
      ready: null,
      detail: 'not probed yet',
      probesFailed: 0,
      silence: new Silence(this.#options.answerTimeoutMs),
      unreadySinceMs: null,
      cut: 0,
      pipes: new Set<Pipe>(),
      bytesBefore: 0,
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
    this.#server.on('error', (error) =>
      this.#options.logger?.info({ err: error }, 'failover could not accept a connection'),
    );
    await Promise.all(this.#backends.map((backend) => this.#probe(backend)));
    this.#settled = true;
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
      backends: this.#backends.map(({ options, ready, detail, pipes, probesFailed, cut }) => ({
        address: `${options.host}:${options.port}`,
        ready,
        detail,
        connections: pipes.size,
        probesFailed,
        cut,
      })),
      current: this.#current === undefined ? null : this.#backends.indexOf(this.#current),
      connections: this.#connections(),
      accepted: this.#accepted,
      refused: { ...this.#refused },
    };
  }

  trust(probes: readonly Probe[]): void {
    for (const backend of this.#backends) {
      backend.probe = probes.find(({ url }) => url === backend.probe.url) ?? backend.probe;
    }
  }

  #connections(): number {
    return this.#backends.reduce((sum, backend) => sum + backend.pipes.size, 0);
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
    const heard = bytesFrom(backend);
    const result = await probeReadiness(backend.probe, this.#options.probeTimeoutMs);
    if (this.#stopped) return;
    if (!result.ready) backend.probesFailed += 1;
    const hearing = backend.silence.note(result, bytesFrom(backend) !== heard, performance.now());
    if (hearing === 'busy' && backend.ready === true) return;
    this.#judge(backend, result.ready, result.ready ? '' : result.detail);
    const { unreadySinceMs } = backend;
    const isDrained = unreadySinceMs !== null && performance.now() - unreadySinceMs >= this.#options.drainMs;
    if (hearing === 'silent' || isDrained) this.#cutIdle(backend);
  }

  #judge(backend: Backend, ready: boolean, detail: string): void {
    const before = backend.ready;
    backend.ready = ready;
    backend.detail = detail;
    if (before === ready) return;
    backend.unreadySinceMs = ready ? null : performance.now();
    const { host, port } = backend.options;
    this.#options.logger?.info({ node: `${host}:${port}`, ready, detail }, 'readiness of a node changed');
    this.#choose();
  }

  /**
   * Asked after each probe of a node that is silent or was not ready for long: what was asked on a connection that it has is waited for as long as it can be answered in
   * time. A process that is gone has closed its connections itself, and one that only stopped listening is about to answer what it took.
   */
  #cutIdle(backend: Backend): void {
    const nowMs = performance.now();
    for (const pipe of backend.pipes) {
      if (pipe.isAwaiting(nowMs)) continue;
      backend.cut += 1;
      pipe.destroy();
    }
  }

  /** Sticky: a node that comes back takes over only when the current one fails. */
  #choose(): void {
    if (this.#settled && this.#current?.ready === true) return;
    this.#current = this.#backends.find((backend) => backend.ready === true);
  }

  #cut(backend: Backend): void {
    for (const pipe of backend.pipes) pipe.destroy();
  }

  // Piping

  #accept(client: Socket): void {
    client.on('error', () => undefined);
    this.#accepted += 1;
    if (this.#connections() < this.#options.connectionsMax) return this.#assign(client);
    this.#refused.tooMany += 1;
    client.destroy();
  }

  #assign(client: Socket): void {
    const backend = this.#current;
    if (this.#stopped || backend === undefined) {
      this.#refused.notReady += 1;
      client.destroy();
      return;
    }
    const { host, port } = backend.options;
    const { connectTimeoutMs, halfOpenTimeoutMs, answerTimeoutMs } = this.#options;
    const pipe: Pipe = new Pipe(client, {
      host,
      port,
      connectTimeoutMs,
      halfOpenTimeoutMs,
      answerTimeoutMs,
      onGone: () => {
        backend.pipes.delete(pipe);
        backend.bytesBefore += pipe.bytesFromNode;
      },
      // A killed process refuses before the next probe finds out. The client has lost nothing yet, so it goes to the next node.
      onUnreachable: (waiting, detail) => {
        this.#judge(backend, false, detail);
        this.#assign(waiting);
      },
    });
    backend.pipes.add(pipe);
  }
}

function bytesFrom({ pipes, bytesBefore }: Backend): number {
  return [...pipes].reduce((sum, pipe) => sum + pipe.bytesFromNode, bytesBefore);
}
