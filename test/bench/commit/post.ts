import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

const TIMEOUT_MS = 15_000;

/** POSTs over kept connections to one server of this machine. Status 0: no answer. */
export class Poster {
  readonly #agent: HttpAgent;
  readonly #port: number;
  readonly #request: typeof httpRequest;
  readonly #type: string;

  /** `ca`: TLS with this authority. */
  constructor(port: number, type: string, ca?: string) {
    this.#port = port;
    this.#type = type;
    this.#request = ca === undefined ? httpRequest : httpsRequest;
    this.#agent = ca === undefined ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true, ca });
  }

  post(path: string, body: Uint8Array | string): Promise<Answer> {
    return new Promise((resolve) => {
      const fail = (): void => resolve({ status: 0, text: '' });
      const headers = { 'content-type': this.#type, 'content-length': Buffer.byteLength(body) };
      const outgoing = this.#request(
        { host: '127.0.0.1', port: this.#port, method: 'POST', path, agent: this.#agent, headers, timeout: TIMEOUT_MS },
        (incoming) => {
          let text = '';
          incoming.setEncoding('utf8').on('data', (part: string) => (text += part));
          incoming.once('error', fail);
          incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
        },
      );
      outgoing.once('timeout', () => outgoing.destroy());
      outgoing.once('error', fail);
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
