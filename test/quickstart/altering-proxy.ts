import { readFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface AlteringProxyOptions {
  /** API of the node that it stands for. */
  readonly target: string;
  /** Certificate, key and authority of that node's API: a node that lies has its own keys. */
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** The change: each occurrence of `from` in the payload of a record becomes `to`. */
  readonly from: string;
  readonly to: string;
}

export interface AlteringProxy {
  readonly url: string;
  /** Records that it changed so far. */
  readonly altered: () => number;
  readonly stop: () => Promise<void>;
}

/** A node that serves changed records: it passes every answer on, except that what stands in records is replaced. */
export async function startAlteringProxy(options: AlteringProxyOptions): Promise<AlteringProxy> {
  const ca = readFileSync(options.caFile);
  let altered = 0;

  const alterLeaf = (leaf: string): string => {
    const text = Buffer.from(leaf, 'base64').toString('utf8');
    const record = JSON.parse(text) as { tx?: { payload: string } };
    if (record.tx === undefined) return leaf;
    const payload = Buffer.from(record.tx.payload, 'base64').toString('utf8');
    if (!payload.includes(options.from)) return leaf;
    altered += 1;
    const changed = Buffer.from(payload.replaceAll(options.from, options.to)).toString('base64');
    return Buffer.from(text.replace(record.tx.payload, changed)).toString('base64');
  };

  const server: Server = createServer(
    { cert: readFileSync(options.certificateFile), key: readFileSync(options.keyFile) },
    (incoming, outgoing) => {
      const { url = '/', method = 'GET', headers } = incoming;
      const forwarded = request(new URL(url, options.target), { method, headers, ca }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const body = text.replaceAll(
            /"leaf":"([A-Za-z0-9+/=]+)"/g,
            (_, leaf: string) => `"leaf":"${alterLeaf(leaf)}"`,
          );
          const type = answer.headers['content-type'] ?? 'application/json';
          outgoing.writeHead(answer.statusCode ?? 502, { 'content-type': type }).end(body);
        });
      });
      forwarded.on('error', () => outgoing.destroy());
      incoming.pipe(forwarded);
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    altered: () => altered,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
