import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { PairFiles } from './layout.ts';

export interface RequestInit {
  /** Default: GET. */
  readonly method?: string;
  /** A string or bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown;
  /** Default: `application/json`, when there is a body. */
  readonly contentType?: string;
  /** A list is sent as several headers of one name. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Until the whole answer is there. Default: 30,000. */
  readonly timeoutMs?: number;
}

export interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** @throws SyntaxError if the body is not JSON. */
  json<T = unknown>(): T;
}

export interface HttpsClient {
  /** Any status is an answer. @throws the connection's error, or Error after the timeout. */
  request(path: string, init?: RequestInit): Promise<Response>;
  close(): void;
}

const TIMEOUT_MS_DEFAULT = 30_000;

/** HTTP/1.1 over TLS with a client certificate; connections are kept. `baseUrl` is like `https://127.0.0.1:6443`. */
export function createHttpsClient(baseUrl: string, caFile: string, client: PairFiles): HttpsClient {
  const agent = new Agent({
    keepAlive: true,
    ca: readFileSync(caFile),
    cert: readFileSync(client.certFile),
    key: readFileSync(client.keyFile),
  });
  return {
    request: (path, init = {}) => send(new URL(path, baseUrl), agent, init),
    close: () => agent.destroy(),
  };
}

function send(url: URL, agent: Agent, init: RequestInit): Promise<Response> {
  const timeoutMs = init.timeoutMs ?? TIMEOUT_MS_DEFAULT;
  const method = init.method ?? 'GET';
  const body = encodeBody(init.body);
  const headers: Record<string, string | number | string[]> = { accept: 'application/json' };
  if (body !== undefined) {
    headers['content-type'] = init.contentType ?? 'application/json';
    headers['content-length'] = body.byteLength;
  }
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(url, { method, agent, headers: { ...headers, ...init.headers } }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', fail);
      incoming.once('end', () => {
        clearTimeout(timer);
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text,
          json: <T>() => JSON.parse(text) as T,
        });
      });
    });
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`${method} ${url.pathname}: no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    function fail(error: Error): void {
      clearTimeout(timer);
      reject(error);
    }
    outgoing.once('error', fail);
    outgoing.end(body);
  });
}

function encodeBody(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined;
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8');
}
