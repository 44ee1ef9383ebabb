import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { KeyPairPem } from '../../control-plane/pki.ts';

/** A TLS connection over which a test sends whatever bytes it likes. */
export class RawClient {
  readonly socket: TLSSocket;
  readonly closed: Promise<void>;
  received = '';
  isClosed = false;

  constructor(port: number, client: KeyPairPem | undefined, options: ConnectionOptions = {}) {
    const pair = client === undefined ? {} : { key: client.privateKey, cert: client.certificate };
    this.socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...pair, ...options });
    this.socket.on('error', () => undefined);
    this.socket.on('data', (data: Buffer) => (this.received += data.toString('latin1')));
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        this.isClosed = true;
        resolve();
      }),
    );
    onTestFinished(() => void this.socket.destroy());
  }

  write(...parts: readonly (string | Uint8Array)[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
  }

  /** One byte each few milliseconds, until the other side has enough. */
  async drip(bytes: string, everyMs: number): Promise<void> {
    for (const byte of bytes) {
      if (this.isClosed) return;
      this.write(byte);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}

export function rawHttp1(port: number, client: KeyPairPem | undefined): RawClient {
  return new RawClient(port, client, { ALPNProtocols: ['http/1.1'] });
}

export const H2_FRAME = { headers: 1, reset: 3, settings: 4, ping: 6, continuation: 9 } as const;

/** RFC 9113, 4.1. */
export function h2Frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** HPACK without table and without Huffman (RFC 7541, 6.2.2): literal names and values. */
export function h2Headers(fields: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value);
    return Buffer.concat([hpackLength(bytes.length), bytes]);
  };
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** An integer with a prefix of 7 bits. */
function hpackLength(length: number): Buffer {
  if (length < 127) return Buffer.from([length]);
  const bytes = [127];
  for (let rest = length - 127; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}

export const ADMIT_FIELDS: readonly (readonly [string, string])[] = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':path', '/admit?timeout=10s'],
  [':authority', 'x'],
  ['content-type', 'application/json'],
];

export function rawH2(port: number, client: KeyPairPem | undefined): RawClient {
  const raw = new RawClient(port, client, { ALPNProtocols: ['h2'] });
  raw.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', h2Frame(H2_FRAME.settings, 0, 0));
  return raw;
}
