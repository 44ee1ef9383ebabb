import { createHash } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import { makePeerCertificate, type PeerCertificate } from '../../../src/cluster/certificates.ts';
import { createMesh, type Mesh, type NetEvent, type NetLimits } from '../../../src/net/index.ts';
import { encodeFrame, FrameDecoder, FRAME_TYPE, type Frame } from '../../../src/net/frame.ts';
import { ALPN_PROTOCOL } from '../../../src/net/limits.ts';
import { decodeReason, encodeHello, type Hello } from '../../../src/net/payload.ts';
import type { Channel, PeerHandlers } from '../../../src/ports/network.ts';
import type { Hash, ValidatorId } from '../../../src/types/brand.ts';

export const CHAIN = 'ab'.repeat(32) as Hash;
export const OTHER_CHAIN = 'cd'.repeat(32) as Hash;
/** Fast enough for a test, slow enough for a loaded machine where nothing is being timed out on purpose. */
export const TEST_LIMITS: Partial<NetLimits> = {
  backoffMinMs: 10,
  backoffMaxMs: 50,
  closeGraceMs: 200,
  dropBackoffMinMs: 100,
};

const certificates = new Map<string, Promise<PeerCertificate>>();

/** Always the same key for the same name. */
export function certificateOf(name: string): Promise<PeerCertificate> {
  const made = certificates.get(name) ?? makePeerCertificate(createHash('sha256').update(name).digest());
  certificates.set(name, made);
  return made;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Received {
  readonly from: string;
  readonly channel: Channel;
  readonly bytes: Uint8Array;
}

export interface TestNode {
  readonly id: ValidatorId;
  readonly mesh: Mesh;
  readonly received: Received[];
  readonly events: NetEvent[];
  readonly ups: string[];
  readonly downs: string[];
}

export interface TestNodeOptions {
  readonly port?: number;
  readonly chain?: Hash;
  /** Whose key it has; its own unless said. */
  readonly keyOf?: string;
  readonly limits?: Partial<NetLimits>;
  readonly handlers?: Partial<PeerHandlers>;
}

/** A started mesh without peers, stopped when the test ends. */
export async function startNode(name: string, options: TestNodeOptions = {}): Promise<TestNode> {
  const certificate = await certificateOf(options.keyOf ?? name);
  const received: Received[] = [];
  const events: NetEvent[] = [];
  const ups: string[] = [];
  const downs: string[] = [];
  const mesh = createMesh({
    self: name as ValidatorId,
    privateKeyPem: certificate.privateKeyPem,
    certificatePem: certificate.certificatePem,
    listenHost: '127.0.0.1',
    listenPort: options.port ?? 0,
    chain: options.chain ?? CHAIN,
    limits: { ...TEST_LIMITS, ...options.limits },
    metrics: (event) => events.push(event),
    handlers: {
      onMessage: (from, channel, bytes) => received.push({ from, channel, bytes }),
      onRequest: (_from, method, bytes) => Promise.resolve(Buffer.concat([Buffer.from(`${method}:`), bytes])),
      onPeerUp: (peer) => ups.push(peer),
      onPeerDown: (peer) => downs.push(peer),
      ...options.handlers,
    },
  });
  await mesh.start();
  onTestFinished(() => mesh.stop());
  return { id: name as ValidatorId, mesh, received, events, ups, downs };
}

/** The set entry of a validator that listens there, under its own key. */
export async function entryOf(name: string, address: string) {
  return { id: name as ValidatorId, tlsKey: (await certificateOf(name)).publicKey as string, address };
}

/** Makes each know all others. */
export async function introduce(...nodes: readonly TestNode[]): Promise<void> {
  const entries = await Promise.all(nodes.map((node) => entryOf(node.id, node.mesh.address)));
  for (const node of nodes) node.mesh.setPeers(entries);
}

/** Waits for a condition; the test's own time limit is the only clock. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export function isFullMesh(...nodes: readonly TestNode[]): boolean {
  return nodes.every((node) => node.mesh.connected().length === nodes.length - 1);
}

export function closedCount(node: TestNode, code: keyof ReturnType<Mesh['stats']>['closed']): number {
  return node.mesh.stats().closed[code] ?? 0;
}

/** A client of our own that speaks TLS like a peer and the rest as the test wants. */
export class RawPeer {
  readonly frames: Frame[] = [];
  readonly closed: Promise<void>;
  readonly #socket: TLSSocket;
  readonly #decoder = new FrameDecoder(64 * 1024 * 1024);

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk: Buffer) => {
      this.#decoder.push(chunk);
      for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) this.frames.push(frame);
    });
    onTestFinished(() => void socket.destroy());
  }

  write(...parts: readonly Uint8Array[]): void {
    for (const part of parts) this.#socket.write(part);
  }

  hello(hello: Partial<Hello> & { readonly id: string }): void {
    const whole = { version: 1, chain: CHAIN, instance: '11'.repeat(16), counter: 1, ...hello };
    const { header, payload } = encodeFrame(FRAME_TYPE.hello, 0, encodeHello(whole));
    this.write(header, payload);
  }

  pause(): void {
    this.#socket.pause();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Code with which the other side closed, once it has. */
  async reason(): Promise<string> {
    await this.closed;
    const close = this.frames.find((frame) => frame.type === FRAME_TYPE.close);
    return close === undefined ? 'none' : decodeReason(close.payload).code;
  }
}

export async function rawPeer(
  address: string,
  certificate: PeerCertificate | undefined,
  options: ConnectionOptions = {},
): Promise<RawPeer> {
  const [host, port] = address.split(':');
  const socket = connect({
    host,
    port: Number(port),
    ...(certificate && { key: certificate.privateKeyPem, cert: certificate.certificatePem }),
    rejectUnauthorized: false,
    ALPNProtocols: [ALPN_PROTOCOL],
    ...options,
  });
  const peer = new RawPeer(socket);
  await new Promise<void>((resolve) => {
    socket.once('secureConnect', resolve);
    socket.once('close', () => resolve());
  });
  return peer;
}
