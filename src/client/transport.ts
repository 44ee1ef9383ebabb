import https from 'node:https';
import { ChainError } from '../errors/chain-error.ts';

/** A page of 500 records of 65,535 bytes in base64, and then some. */
const answerBytesMax = 64 * 1024 * 1024;

export interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

export interface Transport {
  get(endpoint: string, path: string): Promise<Answer>;
  post(endpoint: string, path: string, body: Uint8Array): Promise<Answer>;
  close(): void;
}

/** HTTPS with the chain's own CA bundle and kept-alive connections. Rejects with CLIENT_UNREACHABLE. */
export function httpsTransport(options: { readonly caBundle: string; readonly timeoutMs: number }): Transport {
  const agent = new https.Agent({ keepAlive: true, ...(options.caBundle === '' ? {} : { ca: options.caBundle }) });
  const request = (method: 'GET' | 'POST', endpoint: string, path: string, body?: Uint8Array): Promise<Answer> =>
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
      const sent = https.request(url, { method, agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > answerBytesMax) response.destroy(new Error('the answer is too long'));
          chunks.push(chunk);
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
        response.on('error', fail);
      });
      sent.on('finish', () => {
        wasSent = true;
      });
      sent.setTimeout(options.timeoutMs, () => sent.destroy(new Error(`no answer in ${options.timeoutMs} ms`)));
      sent.on('error', fail);
      sent.end(body);
    });
  return {
    get: (endpoint, path) => request('GET', endpoint, path),
    post: (endpoint, path, body) => request('POST', endpoint, path, body),
    close: () => agent.destroy(),
  };
}
