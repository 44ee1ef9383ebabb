import { randomBytes } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Hash, ValidatorId } from '../types/brand.ts';
import type { Channel, PeerHandlers, PeerNetwork } from '../ports/network.ts';
import { ChainError } from '../errors/chain-error.ts';
import type { ErrorCode } from '../errors/registry.ts';
import { formatAddress, parseAddress, type Address } from './address.ts';
import { Backoff } from './backoff.ts';
import { readCredentials, type Credentials } from './credentials.ts';
import { Dial } from './dial.ts';
import { encodeFrame, FRAME_TYPE, type EncodedFrame } from './frame.ts';
import { FramedSocket, type Closing } from './framed-socket.ts';
import { identityOf } from './identity.ts';
import { faultOf, Introduction, type Self } from './introduction.ts';
import { PROTOCOL_VERSION, resolveLimits, type NetLimits } from './limits.ts';
import { PeerListener, type Unfinished } from './listener.ts';
import { NetObserver, type NetEvent, type NetLogger, type NetStats } from './observer.ts';
import { encodeHello, type Hello } from './payload.ts';
import { encodeMessage, PeerLink } from './peer-link.ts';

export interface MeshOptions {
  readonly self: ValidatorId;
  /** Own Ed25519 key (PKCS #8) and the self-signed certificate of it; the key is the validator's tlsKey. */
  readonly privateKeyPem: string;
  readonly certificatePem: string;
  readonly listenHost: string;
  /** 0 takes a free one: see `address`. */
  readonly listenPort: number;
  /** Genesis hash. */
  readonly chain: Hash;
  readonly handlers: PeerHandlers;
  readonly limits?: Partial<NetLimits>;
  readonly logger?: NetLogger;
  readonly metrics?: (event: NetEvent) => void;
  /** In [0, 1); for jitter. */
  readonly random?: () => number;
  /** Monotonic. */
  readonly nowMs?: () => number;
}

export interface Mesh extends PeerNetwork {
  /** host:port where peers are accepted, once started. */
  readonly address: string;
  stats(): NetStats;
}

/** A peer's dial that waits for ours to be decided. */
interface Held {
  readonly accept: () => void;
  readonly refuse: (detail: string) => void;
}

interface Peer {
  readonly id: ValidatorId;
  readonly tlsKey: string;
  address: Address;
  readonly backoff: Backoff;
  readonly dropped: Record<Channel, number>;
  link: PeerLink | undefined;
  dial: Dial | undefined;
  redial: NodeJS.Timeout | undefined;
  held: Held | undefined;
  /** Until then its dials are refused, because it was dropped. */
  blockedUntilMs: number;
}

/** Throws NET_CREDENTIALS or RangeError (limits). Nothing is opened before `start`. */
export function createMesh(options: MeshOptions): Mesh {
  return new TlsMesh(options);
}

class TlsMesh implements Mesh {
  readonly #options: MeshOptions;
  readonly #limits: NetLimits;
  readonly #credentials: Credentials;
  readonly #self: Self;
  readonly #observer: NetObserver;
  readonly #random: () => number;
  readonly #nowMs: () => number;
  readonly #listener: PeerListener;
  readonly #peers = new Map<ValidatorId, Peer>();
  readonly #idByKey = new Map<string, ValidatorId>();
  /** Sockets that still exist, for `stop`. */
  readonly #lingering = new Set<Promise<void>>();
  #state: 'new' | 'running' | 'stopped' = 'new';
  #bound: Address | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #tickedMs = 0;
  #helloCounter = 0;

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#limits = resolveLimits(options.limits);
    this.#credentials = readCredentials(options.privateKeyPem, options.certificatePem);
    this.#self = {
      id: options.self,
      chain: options.chain,
      instance: randomBytes(16).toString('hex'),
      key: this.#credentials.key,
    };
    this.#observer = new NetObserver(options.metrics, options.logger);
    this.#random = options.random ?? Math.random;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#listener = new PeerListener({
      credentials: this.#credentials,
      limits: this.#limits,
      onSecure: (socket, unfinished) => this.#onSecure(socket, unfinished),
      onRejected: (remote, closing) => this.#observer.rejected(remote, closing),
    });
  }

  get address(): string {
    return this.#bound === undefined ? '' : formatAddress(this.#bound);
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error('a mesh starts once');
    this.#bound = await this.#listener.listen(this.#options.listenHost, this.#options.listenPort);
    this.#state = 'running';
    this.#tickedMs = this.#nowMs();
    this.#ticker = setInterval(() => this.#tick(), Math.max(1, Math.floor(this.#limits.pingIdleMs / 4)));
    for (const peer of this.#peers.values()) this.#dial(peer);
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    clearInterval(this.#ticker);
    for (const peer of this.#peers.values()) this.#remove(peer, 'NET_STOPPING', 'shutdown');
    await this.#listener.close();
    await Promise.all(this.#lingering);
  }

  /** Throws NET_ADDRESS, before anything is changed. Connections of peers whose key stays the same stay. */
  setPeers(peers: readonly { readonly id: ValidatorId; readonly tlsKey: string; readonly address: string }[]): void {
    const others = peers.filter((peer) => peer.id !== this.#options.self);
    const wanted = new Map(others.map((peer) => [peer.id, { ...peer, address: parseAddress(peer.address) }]));
    for (const peer of this.#peers.values()) {
      if (wanted.get(peer.id)?.tlsKey !== peer.tlsKey) this.#remove(peer, 'NET_NOT_A_PEER', 'left the validator set');
    }
    for (const { id, tlsKey, address } of wanted.values()) {
      const known = this.#peers.get(id);
      if (known !== undefined) known.address = address;
      else this.#add(id, tlsKey, address);
    }
  }

  connected(): readonly ValidatorId[] {
    return [...this.#peers.values()].filter((peer) => peer.link !== undefined).map((peer) => peer.id);
  }

  send(to: ValidatorId, channel: Channel, bytes: Uint8Array): void {
    const peer = this.#peers.get(to);
    if (peer !== undefined) this.#sendFrame(peer, channel, encodeMessage(channel, bytes));
  }

  broadcast(channel: Channel, bytes: Uint8Array): void {
    const frame = encodeMessage(channel, bytes);
    for (const peer of this.#peers.values()) this.#sendFrame(peer, channel, frame);
  }

  request(to: ValidatorId, method: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const link = this.#peers.get(to)?.link;
    if (link !== undefined) return link.request(method, bytes, timeoutMs);
    const detail = this.#peers.has(to) ? 'not connected' : 'not in the validator set';
    return Promise.reject(new ChainError('NET_UNREACHABLE', { peer: to, detail }));
  }

  drop(id: ValidatorId, reason: string): void {
    const peer = this.#peers.get(id);
    if (peer?.link === undefined) return;
    const delayMs = Math.max(this.#limits.dropBackoffMinMs, peer.backoff.nextDelayMs());
    peer.blockedUntilMs = this.#nowMs() + delayMs;
    peer.link.socket.close('NET_DROPPED', reason);
    this.#redialAfter(peer, delayMs);
  }

  stats(): NetStats {
    const nowMs = this.#nowMs();
    const peers = [...this.#peers.values()].map(({ id, link, dropped }) => ({
      id,
      connected: link !== undefined,
      uptimeMs: link === undefined ? 0 : nowMs - link.upSinceMs,
      unsentBytes: link?.socket.unsentBytes ?? 0,
      sentBytes: link?.socket.sent.bytes ?? 0,
      sentFrames: link?.socket.sent.frames ?? 0,
      receivedBytes: link?.socket.received.bytes ?? 0,
      receivedFrames: link?.socket.received.frames ?? 0,
      dropped: { ...dropped },
    }));
    return { peers, closed: { ...this.#observer.closed }, unfinished: this.#listener.unfinished };
  }

  #sendFrame(peer: Peer, channel: Channel, frame: EncodedFrame): void {
    // What the peer would close the connection for is not sent at all.
    const sendable = peer.link !== undefined && frame.bytes <= this.#limits.frameBytesMax;
    const dropped = sendable ? (peer.link?.socket.sendMessage(channel, frame) ?? 1) : 1;
    if (dropped === 0) return;
    peer.dropped[channel] += dropped;
    this.#observer.dropped(peer.id, channel, dropped);
  }

  // Membership

  #add(id: ValidatorId, tlsKey: string, address: Address): void {
    const peer: Peer = {
      id,
      tlsKey,
      address,
      backoff: new Backoff(this.#limits, this.#random),
      dropped: { consensus: 0, transaction: 0, control: 0 },
      link: undefined,
      dial: undefined,
      redial: undefined,
      held: undefined,
      blockedUntilMs: -Infinity,
    };
    this.#peers.set(id, peer);
    this.#idByKey.set(tlsKey, id);
    this.#dial(peer);
  }

  #remove(peer: Peer, code: ErrorCode, detail: string): void {
    this.#peers.delete(peer.id);
    if (this.#idByKey.get(peer.tlsKey) === peer.id) this.#idByKey.delete(peer.tlsKey);
    clearTimeout(peer.redial);
    peer.dial?.abort(code, detail);
    peer.held?.refuse(detail);
    peer.link?.socket.close(code, detail);
  }

  #isCurrent(peer: Peer): boolean {
    return this.#state === 'running' && this.#peers.get(peer.id) === peer;
  }

  // Dialling

  #dial(peer: Peer): void {
    clearTimeout(peer.redial);
    if (!this.#isCurrent(peer) || peer.link !== undefined || peer.dial !== undefined) return;
    const dial = new Dial({
      target: peer,
      self: this.#self,
      counter: this.#nextCounter(),
      credentials: this.#credentials,
      limits: this.#limits,
      onEstablished: (socket, hello) => {
        peer.dial = undefined;
        peer.held?.refuse('the dial of the lower id has won');
        this.#establish(peer, socket, hello, 'self');
      },
      onFailed: (closing) => {
        peer.dial = undefined;
        this.#observer.rejected(peer.id, closing);
        this.#redialAfter(peer, peer.backoff.nextDelayMs());
        peer.held?.accept();
      },
    });
    peer.dial = dial;
    this.#linger(dial.gone);
  }

  #redialAfter(peer: Peer, delayMs: number): void {
    clearTimeout(peer.redial);
    if (this.#isCurrent(peer)) peer.redial = setTimeout(() => this.#dial(peer), delayMs);
  }

  // Accepting

  #onSecure(socket: TLSSocket, unfinished: Unfinished): void {
    let refused = false;
    const introduction = new Introduction(
      (hello) => {
        const peer = this.#peers.get(provenId ?? ('' as ValidatorId));
        if (peer === undefined) return framed.close('NET_NOT_A_PEER', 'left the validator set');
        const fault = faultOf(hello, this.#self, peer.id);
        if (fault !== undefined) return framed.close(fault.code, fault.detail);
        this.#judge(peer, framed, hello, unfinished);
      },
      (closing) => {
        refused = true;
        unfinished.finish();
        this.#observer.rejected(unfinished.remote, closing);
      },
    );
    const framed = new FramedSocket(socket, this.#limits, introduction);
    this.#linger(framed.gone);
    unfinished.onDeadline = () =>
      framed.close('NET_HANDSHAKE_TIMEOUT', `not within ${this.#limits.handshakeTimeoutMs} ms`);
    const identity = identityOf(socket);
    const provenId = identity.ok ? this.#idByKey.get(identity.key) : undefined;
    if (!identity.ok) framed.close('NET_TLS', identity.detail);
    else if (identity.key === this.#self.key) framed.close('NET_SELF', 'has the key of this node');
    else if (provenId === undefined) framed.close('NET_NOT_A_PEER', `key ${identity.key}`);
    if (!refused && this.#state !== 'running') framed.close('NET_STOPPING', 'shutdown');
  }

  /**
   * One connection a pair. The acceptor alone decides, so both sides come to the same one: a hello is answered only when the
   * connection is taken. While our own dial is on its way and wins (lower id), the peer's dial waits for it, but not for long:
   * ours may be stuck where the peer's is not.
   */
  #judge(peer: Peer, socket: FramedSocket, hello: Hello, unfinished: Unfinished): void {
    const { link, dial } = peer;
    if (this.#nowMs() < peer.blockedUntilMs) return socket.close('NET_BACKOFF', 'dropped a moment ago');
    if (link !== undefined) {
      // A hello older than what the peer said on the connection that stands lost a race; a newer one, or one of another
      // process, says that the peer has lost that connection, whether or not we have noticed.
      const stale = link.hello.instance === hello.instance && hello.counter <= link.hello.counter;
      if (stale) return socket.close('NET_DUPLICATE', 'the other connection of the pair is newer');
      link.socket.close('NET_DUPLICATE', 'replaced by a newer connection');
    }
    if (dial !== undefined && this.#self.id < peer.id) return this.#hold(peer, socket, hello, unfinished);
    this.#accept(peer, socket, hello, unfinished);
  }

  #hold(peer: Peer, socket: FramedSocket, hello: Hello, unfinished: Unfinished): void {
    peer.held?.refuse('a newer dial of the same peer');
    const release = () => {
      clearTimeout(timer);
      if (peer.held === held) peer.held = undefined;
    };
    const held: Held = {
      accept: () => {
        release();
        if (this.#isCurrent(peer)) this.#accept(peer, socket, hello, unfinished);
      },
      refuse: (detail) => {
        release();
        socket.close('NET_DUPLICATE', detail);
      },
    };
    const timer = setTimeout(held.accept, this.#limits.holdMs);
    peer.held = held;
  }

  #accept(peer: Peer, socket: FramedSocket, hello: Hello, unfinished: Unfinished): void {
    if (socket.closed) return;
    peer.dial?.abort('NET_DUPLICATE', 'the other dial has won');
    peer.dial = undefined;
    unfinished.finish();
    const { id, chain, instance } = this.#self;
    const answer = encodeHello({ version: PROTOCOL_VERSION, id, chain, instance, counter: this.#nextCounter() });
    socket.send('urgent', encodeFrame(FRAME_TYPE.hello, 0, answer));
    this.#establish(peer, socket, hello, 'peer');
  }

  // Connections

  #establish(peer: Peer, socket: FramedSocket, hello: Hello, dialledBy: 'self' | 'peer'): void {
    clearTimeout(peer.redial);
    const { handlers } = this.#options;
    const link: PeerLink = new PeerLink(socket, hello, this.#limits, this.#nowMs, {
      onMessage: (channel, payload) => handlers.onMessage(peer.id, channel, payload),
      onRequest: (method, body) => handlers.onRequest(peer.id, method, body),
      onClosed: (closing) => this.#onLinkClosed(peer, link, closing),
      onDefect: (where, error) => this.#observer.defect(peer.id, where, error),
    });
    peer.link = link;
    this.#observer.up(peer.id, dialledBy);
    this.#guard(peer, () => handlers.onPeerUp(peer.id));
  }

  #onLinkClosed(peer: Peer, link: PeerLink, closing: Closing): void {
    peer.link = undefined;
    peer.backoff.connectionEnded(this.#nowMs() - link.upSinceMs);
    this.#observer.down(peer.id, closing);
    this.#redialAfter(peer, peer.backoff.nextDelayMs());
    this.#guard(peer, () => this.#options.handlers.onPeerDown(peer.id));
  }

  #guard(peer: Peer, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#observer.defect(peer.id, 'up or down', error);
    }
  }

  #tick(): void {
    const nowMs = this.#nowMs();
    // After a stop or a long pause of this process, whatever the peers sent is still unread: judge them later.
    const late = nowMs - this.#tickedMs > this.#limits.silenceMaxMs / 2;
    this.#tickedMs = nowMs;
    for (const { link } of this.#peers.values()) {
      if (late) link?.forgiveSilence();
      else link?.tick();
    }
  }

  #nextCounter(): number {
    this.#helloCounter += 1;
    return this.#helloCounter;
  }

  #linger(gone: Promise<void>): void {
    this.#lingering.add(gone);
    void gone.then(() => this.#lingering.delete(gone));
  }
}
