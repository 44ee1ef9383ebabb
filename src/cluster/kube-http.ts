import https from 'node:https';
import type { IncomingMessage } from 'node:http';
import { KubeConfig } from '@kubernetes/client-node';
import { canonicalText, parseJson } from '../codec/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import type { Json } from '../types/json.ts';

/** Longest answer that is read whole: a page of a list. */
const answerBytesMax = 64 * 1024 * 1024;
const requestTimeoutMs = 15_000;
/** Longest line of a watch: one object, escaped at worst six-fold. */
const watchLineBytesMax = 32 * 1024 * 1024;

export interface WatchHandlers {
  /** One event line, parsed without loss. */
  readonly onEvent: (event: Json) => void;
  /** The stream ended; null if the server closed it in order. */
  readonly onEnd: (error: Error | null) => void;
}

/**
 * Reads of a Kubernetes API server as bytes: numbers that a double cannot hold must arrive exactly, because digests are
 * compared. Credentials come from a kubeconfig, through the client library.
 */
export class KubeHttp {
  readonly #config: KubeConfig;
  readonly #server: string;
  readonly #agent = new https.Agent({ keepAlive: true, maxSockets: 64 });

  /** Throws CLUSTER_KUBECONFIG. */
  constructor(kubeconfigFile: string, context?: string) {
    this.#config = new KubeConfig();
    try {
      this.#config.loadFromFile(kubeconfigFile);
      if (context !== undefined) this.#config.setCurrentContext(context);
    } catch (cause) {
      throw new ChainError('CLUSTER_KUBECONFIG', { file: kubeconfigFile, reason: (cause as Error).message }, { cause });
    }
    const cluster = this.#config.getCurrentCluster();
    if (cluster === null)
      throw new ChainError('CLUSTER_KUBECONFIG', { file: kubeconfigFile, reason: 'it has no current cluster' });
    this.#server = cluster.server;
  }

  /** The answer's JSON; undefined for 404. Throws CLUSTER_REQUEST. */
  async get(path: string): Promise<Json | undefined> {
    const response = await this.#open(path, requestTimeoutMs);
    const bytes = await readAll(response);
    if (response.statusCode === 404) return undefined;
    if (response.statusCode !== 200)
      throw new ChainError('CLUSTER_REQUEST', { path, reason: `HTTP ${response.statusCode ?? 0}` });
    return parseJson(bytes, { bytesMax: answerBytesMax });
  }

  /** A request with a body; any status is an answer. Throws CLUSTER_REQUEST if there is none. */
  async send(
    method: string,
    path: string,
    body: Json,
    contentType: string,
    timeoutMs: number,
  ): Promise<{ readonly status: number; readonly json: Json }> {
    const response = await this.#open(path, timeoutMs, { method, body: canonicalText(body), contentType });
    const bytes = await readAll(response);
    return { status: response.statusCode ?? 0, json: parseJson(bytes, { bytesMax: answerBytesMax }) };
  }

  /** Starts a watch; the returned function ends it, without a call of `onEnd`. */
  watch(path: string, handlers: WatchHandlers): () => void {
    let stopped = false;
    let response: IncomingMessage | undefined;
    const end = (error: Error | null): void => {
      if (stopped) return;
      stopped = true;
      response?.destroy();
      handlers.onEnd(error);
    };
    this.#open(path, 0).then(
      (opened) => {
        response = opened;
        if (stopped) return void opened.destroy();
        if (opened.statusCode !== 200)
          return end(new ChainError('CLUSTER_REQUEST', { path, reason: `HTTP ${opened.statusCode ?? 0}` }));
        readLines(
          opened,
          (line) => {
            if (!stopped) handlers.onEvent(parseJson(line, { bytesMax: watchLineBytesMax }));
          },
          end,
        );
      },
      (error: Error) => end(error),
    );
    return () => {
      stopped = true;
      response?.destroy();
    };
  }

  close(): void {
    this.#agent.destroy();
  }

  async #open(path: string, timeoutMs: number, sent?: Sent): Promise<IncomingMessage> {
    const headers = { accept: 'application/json', ...(sent && { 'content-type': sent.contentType }) };
    const options: https.RequestOptions = { agent: this.#agent, headers, method: sent?.method ?? 'GET' };
    await this.#config.applyToHTTPSOptions(options);
    options.agent = this.#agent;
    return new Promise((resolve, reject) => {
      const fail = (cause: Error): void =>
        reject(new ChainError('CLUSTER_REQUEST', { path, reason: cause.message }, { cause }));
      const request = https.request(new URL(path, this.#server), options, resolve);
      if (timeoutMs > 0)
        request.setTimeout(timeoutMs, () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)));
      request.on('error', fail);
      request.end(sent?.body);
    });
  }
}

interface Sent {
  readonly method: string;
  readonly body: string;
  readonly contentType: string;
}

function readAll(response: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > answerBytesMax) response.destroy(new Error('the answer is too long'));
      chunks.push(chunk);
    });
    response.on('end', () => resolve(Buffer.concat(chunks)));
    response.on('error', reject);
  });
}

function readLines(
  response: IncomingMessage,
  onLine: (line: Uint8Array) => void,
  onEnd: (error: Error | null) => void,
): void {
  let rest: Buffer[] = [];
  let restBytes = 0;
  response.on('data', (chunk: Buffer) => {
    try {
      let from = 0;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        rest.push(chunk.subarray(from, at));
        onLine(Buffer.concat(rest));
        rest = [];
        restBytes = 0;
        from = at + 1;
      }
      rest.push(chunk.subarray(from));
      restBytes += chunk.length - from;
      if (restBytes > watchLineBytesMax) throw new Error('a line of the watch is too long');
    } catch (error) {
      onEnd(error as Error);
    }
  });
  response.on('end', () => onEnd(null));
  response.on('error', onEnd);
  response.on('aborted', () => onEnd(new Error('the connection was lost')));
}
