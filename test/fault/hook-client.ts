import { Agent, request } from 'node:https';

export interface HookTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What a hook answered to one review, or why there was no answer. */
export interface HookAnswer {
  readonly org: string;
  readonly isAllowed: boolean;
  /** Of an allowed one: where its decision stands. */
  readonly leaf: number | null;
  readonly height: number | null;
  /** Acknowledged from the spool. */
  readonly isSpooled: boolean;
  /** First cause of a refusal; NO_ANSWER if the connection failed. */
  readonly code: string;
  readonly message: string;
  readonly ms: number;
}

interface ReviewResponse {
  /** Of what was turned away before it was read, which has no review to answer with. */
  readonly code?: string;
  readonly message?: string;
  readonly response?: {
    readonly allowed: boolean;
    readonly auditAnnotations?: Readonly<Record<string, string>>;
    readonly status?: {
      readonly message: string;
      readonly details: { readonly causes: { readonly reason: string }[] };
    };
  };
}

/** As long as an API server waits for the gate and for the record hook. */
export const HOOK_TIMEOUT_MS = 10_000;
const RECORD_TIMEOUT_MS = 2_000;
/** An API server would not wait so long; here it shows how late an answer is. */
const RECORD_PATIENCE_MS = 60_000;

/** Asks one node's webhook like an API server: HTTP/1.1, kept connections, its client certificate. */
export class HookClient {
  readonly #org: string;
  readonly #port: number;
  readonly #agent: Agent;

  constructor(org: string, port: number, tls: HookTls) {
    this.#org = org;
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, ...tls });
  }

  /** `timeoutMs` is told to the hook, which answers 1.5 s earlier. */
  ask(review: string, timeoutMs = HOOK_TIMEOUT_MS): Promise<HookAnswer> {
    return this.#answerOf(review, `/admit?timeout=${timeoutMs / 1_000}s`, timeoutMs);
  }

  /** Asks the record hook. */
  record(review: string): Promise<HookAnswer> {
    return this.#answerOf(review, `/record?timeout=${RECORD_TIMEOUT_MS / 1_000}s`, RECORD_PATIENCE_MS);
  }

  async #answerOf(review: string, path: string, patienceMs: number): Promise<HookAnswer> {
    const startedMs = performance.now();
    const answer = { org: this.#org, isAllowed: false, leaf: null, height: null, isSpooled: false };
    const ms = () => Math.round(performance.now() - startedMs);
    try {
      const { response, code, message } = JSON.parse(await this.#post(review, path, patienceMs)) as ReviewResponse;
      if (response === undefined) return { ...answer, code: code ?? '', message: message ?? '', ms: ms() };
      if (response.allowed) {
        const { leaf, height, spooled } = response.auditAnnotations ?? {};
        return {
          ...answer,
          isAllowed: true,
          leaf: numberOf(leaf),
          height: numberOf(height),
          isSpooled: spooled === 'true',
          code: '',
          message: '',
          ms: ms(),
        };
      }
      const { status } = response;
      return { ...answer, code: status?.details.causes[0]?.reason ?? '', message: status?.message ?? '', ms: ms() };
    } catch (error) {
      return { ...answer, code: 'NO_ANSWER', message: (error as Error).message, ms: ms() };
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(review: string, path: string, patienceMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => outgoing.destroy(new Error(`no answer within ${patienceMs} ms`)), patienceMs);
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(review) };
      const options = { host: '127.0.0.1', port: this.#port, method: 'POST', agent: this.#agent, headers };
      const outgoing = request({ ...options, path }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (part: string) => (text += part));
        incoming.once('error', fail);
        incoming.once('end', () => {
          clearTimeout(timer);
          resolve(text);
        });
      });
      outgoing.once('error', fail);
      outgoing.end(review);
    });
  }
}

function numberOf(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}
