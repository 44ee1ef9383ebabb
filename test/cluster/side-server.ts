import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createAuthority, issue } from '../control-plane/pki.ts';

export interface SideRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Undefined if there is no body. */
  readonly body: unknown;
}

export interface SideAnswer {
  readonly status?: number;
  readonly body: unknown;
}

export interface SideServer {
  readonly port: number;
  /** For `caBundle`: PEM in base64. */
  readonly caBundle: string;
}

/** Something of somebody else's that the API server calls: JSON over HTTPS at 127.0.0.1 and localhost. It never keeps a test from ending. */
export async function startSideServer(answer: (request: SideRequest) => SideAnswer): Promise<SideServer> {
  const authority = await createAuthority('side-server-ca');
  const { certificate, privateKey } = await issue(authority, { commonName: 'side', hosts: ['127.0.0.1', 'localhost'] });
  const server = createServer({ cert: certificate, key: privateKey }, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.once('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const { method = 'GET', url = '/' } = incoming;
      const { status = 200, body } = answer({ method, path: url, body: text === '' ? undefined : JSON.parse(text) });
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  server.on('connection', (socket: Socket) => socket.unref());
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, caBundle: Buffer.from(authority.certificate).toString('base64') };
}
