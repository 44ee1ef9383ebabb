import https from 'node:https';
import type { TLSSocket } from 'node:tls';
import { ChainError } from '../errors/chain-error.ts';
import type { Hash } from '../types/brand.ts';

/** A page of 500 records of 65,535 bytes in base64, and then some. */
const answerBytesMax = 64 * 1024 * 1024;

/** Connections to one node. A TLS handshake takes both sides more time than some answers on a connection that is there. */
const socketsMax = 2;

/** What turned a request away for load is asked again this often. */
const waitsMax = 3;
const waitSecondsMax = 5;

export interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

export interface TransportOptions {
  /** PEM; empty for the system's. */
  readonly caBundle: string;
  /** Of endpoints that have an authority of their own; no other one counts for them. */
  readonly caBundles?: ReadonlyMap<string, string>;
  readonly timeoutMs: number;
}

export interface Transport {
  get(endpoint: string, path: string): Promise<Answer>;
  post(endpoint: string, path: string, body: Uint8Array): Promise<Answer>;
  /** SHA-256 of the certificate that the node shows now. */
  certificate(endpoint: string): Promise<Hash>;
  close(): void;
}

/** HTTPS with the chain's own CA bundle and kept-alive connections. Rejects with CLIENT_UNREACHABLE. */
export function httpsTransport(options: TransportOptions): Transport {
  const agentFor = (caBundle: string): https.Agent =>
    new https.Agent({
      keepAlive: true,
      maxSockets: socketsMax,
      maxCachedSessions: 0,
      ...(caBundle === '' ? {} : { ca: caBundle }),
    });
  const common = agentFor(options.caBundle);
  const own = new Map([...(options.caBundles ?? [])].map(([endpoint, caBundle]) => [endpoint, agentFor(caBundle)]));
  const agentOf = (endpoint: string): https.Agent => own.get(endpoint) ?? common;
  const request = (
    method: 'GET' | 'POST',
    endpoint: string,
    path: string,
    body?: Uint8Array,
  ): Promise<Answer & { readonly retryAfterSeconds?: number }> =>
    new Promise((resolve, reject) => {
      let wasSent = false;
      const fail = (cause: Error): void => {
        reject(
          new ChainError('CLIENT_UNREACHABLE', { endpoints: endpoint, reason: cause.message, wasSent }, { cause }),
        );
      };
      let url: URL;
      try {
        url = new URL(path, endpoint);
      } catch (cause) {
        return fail(cause as Error);
      }
      const headers =
        body === undefined ? {} : { 'content-type': 'application/octet-stream', 'content-length': body.length };
      const sent = https.request(url, { method, agent: agentOf(endpoint), headers }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > answerBytesMax) response.destroy(new Error('the answer is too long'));
          chunks.push(chunk);
        });
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          const seconds = status === 429 ? Number(response.headers['retry-after']) : Number.NaN;
          const wait = seconds > 0 ? { retryAfterSeconds: seconds } : {};
          resolve({ status, body: Buffer.concat(chunks), ...wait });
        });
        response.on('error', fail);
      });
      sent.on('finish', () => {
        wasSent = true;
      });
      sent.setTimeout(options.timeoutMs, () => sent.destroy(new Error(`no answer in ${options.timeoutMs} ms`)));
      sent.on('error', fail);
      sent.end(body);
    });
  /** A node that is asked too much says how long to wait: that is done, a few times. Nothing was done with what it turned away. */
  const politely = async (...asked: Parameters<typeof request>): Promise<Answer> => {
    for (let times = 0; ; times += 1) {
      const { retryAfterSeconds, ...answer } = await request(...asked);
      if (retryAfterSeconds === undefined || times >= waitsMax) return answer;
      await new Promise((resolve) => setTimeout(resolve, Math.min(retryAfterSeconds, waitSecondsMax) * 1_000));
    }
  };
  const certificate = (endpoint: string): Promise<Hash> =>
    new Promise((resolve, reject) => {
      const fail = (cause: Error): void =>
        reject(
          new ChainError(
            'CLIENT_UNREACHABLE',
            { endpoints: endpoint, reason: cause.message, wasSent: false },
            { cause },
          ),
        );
      const sent = https.request(new URL('/livez', endpoint), { agent: agentOf(endpoint) }, (response) => {
        const { fingerprint256 } = (response.socket as TLSSocket).getPeerCertificate();
        response.resume();
        resolve(fingerprint256.replaceAll(':', '').toLowerCase() as Hash);
      });
      sent.setTimeout(options.timeoutMs, () => sent.destroy(new Error(`no answer in ${options.timeoutMs} ms`)));
      sent.on('error', fail).end();
    });
  return {
    certificate,
    get: (endpoint, path) => politely('GET', endpoint, path),
    post: (endpoint, path, body) => politely('POST', endpoint, path, body),
    close: () => {
      for (const agent of [common, ...own.values()]) agent.destroy();
    },
  };
}
