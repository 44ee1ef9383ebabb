import { ChainError, isChainError } from '../errors/chain-error.ts';
import type { Hash } from '../types/brand.ts';
import { accepted, isLie } from './answer.ts';
import type { Answer, Transport } from './transport.ts';

/** A node whose answer did not verify. */
export interface Liar {
  readonly endpoint: string;
  readonly code: string;
  readonly message: string;
}

/** What a node answers only to whoever signs the question. */
export type SignedPath = '/v1/bodies' | '/v1/canonicalize' | '/v1/details';

/** This node cannot, another may. */
const retryElsewhere = new Set<string>([
  'NODE_NOT_READY',
  'STATE_DIVERGENCE',
  'MEMPOOL_FULL',
  'NO_QUORUM',
  'API_OVERLOADED',
  'API_TOO_FAST',
]);

/** Whom a reader asks, in which order, and what it makes of those who refuse, are silent, or lie. */
export class Asking {
  readonly #all: readonly string[];
  readonly #transport: Transport;
  readonly #liars: Liar[] = [];
  /** Whoever answered well is asked first. */
  #endpoints: readonly string[];

  /** `endpoints` in the order of preference. */
  constructor(endpoints: readonly string[], transport: Transport) {
    this.#all = endpoints;
    this.#transport = transport;
    this.#endpoints = [...endpoints];
  }

  get endpoints(): readonly string[] {
    return this.#endpoints;
  }

  get liars(): readonly Liar[] {
    return this.#liars;
  }

  close(): void {
    this.#transport.close();
  }

  /** Asks one node after the other until an answer passes `check`. */
  async ask<T>(path: string, check: (answer: Answer, endpoint: string) => Promise<T>): Promise<T> {
    const failures: ChainError[] = [];
    for (const endpoint of this.#endpoints) {
      try {
        const value = await check(await this.get(endpoint, path), endpoint);
        this.#prefer(endpoint);
        return value;
      } catch (error) {
        if (!isChainError(error)) throw error;
        if (isLie(error)) this.blame(endpoint, error);
        failures.push(error);
      }
    }
    throw this.#verdict(failures);
  }

  /** What to say when no node gave a good answer: a lie before a refusal before silence. */
  #verdict(failures: readonly ChainError[]): ChainError {
    const lie = failures.find(isLie);
    const endpoints = this.#all.join(', ');
    if (lie !== undefined) {
      return new ChainError(
        'CLIENT_NO_VERIFIED_ANSWER',
        { endpoints, reason: `${lie.message} [${lie.code}]` },
        { cause: lie },
      );
    }
    const coded = failures.find((error) => error.code !== 'CLIENT_UNREACHABLE');
    return coded ?? this.#unreachable(failures);
  }

  #unreachable(failures: readonly ChainError[]): ChainError {
    const reasons = failures.map((error) =>
      isChainError(error, 'CLIENT_UNREACHABLE') ? error.payload.reason : error.message,
    );
    const reason = [...new Set(reasons)].join('; ') || 'no endpoint is configured';
    return new ChainError('CLIENT_UNREACHABLE', { endpoints: this.#all.join(', '), reason });
  }

  /** Its answer does not verify. */
  blame(endpoint: string, error: ChainError): void {
    if (!this.#liars.some((liar) => liar.endpoint === endpoint))
      this.#liars.push({ endpoint, code: error.code, message: error.message });
  }

  async get(endpoint: string, path: string): Promise<Answer> {
    return accepted(await this.#transport.get(endpoint, path));
  }

  /**
   * A node that is not there, or says that it cannot, is passed over. Giving the same envelope to the next one is harmless: its
   * natural key has one result. If nobody answers, whoever got it may still have recorded it.
   */
  async post(path: string, body: Uint8Array, tx: Hash): Promise<Answer> {
    const failures: ChainError[] = [];
    for (const endpoint of this.#endpoints) {
      try {
        const answer = accepted(await this.#transport.post(endpoint, path, body));
        this.#prefer(endpoint);
        return answer;
      } catch (error) {
        if (!isChainError(error)) throw error;
        failures.push(error);
        const isElsewhereBetter =
          error.code === 'CLIENT_UNREACHABLE' ||
          (isChainError(error, 'CLIENT_REFUSED') && retryElsewhere.has(error.payload.code));
        if (!isElsewhereBetter) throw error;
      }
    }
    const refusal = failures.find((error) => error.code === 'CLIENT_REFUSED');
    if (refusal !== undefined) throw refusal;
    if (failures.some((error) => isChainError(error, 'CLIENT_UNREACHABLE') && error.payload.wasSent === true)) {
      throw new ChainError('CLIENT_OUTCOME_UNKNOWN', { tx });
    }
    throw this.#unreachable(failures);
  }

  /** Asks these endpoints (default: all) with a request signed for each, one after the other, until an answer passes `check`. */
  async signed<T>(
    path: SignedPath,
    sign: (audience: Hash) => Promise<Uint8Array>,
    check: (body: Uint8Array) => T,
    endpoints: readonly string[] = this.#endpoints,
  ): Promise<T> {
    const errors: ChainError[] = [];
    for (const endpoint of endpoints) {
      try {
        const envelope = await sign(await this.#transport.certificate(endpoint));
        return check(accepted(await this.#transport.post(endpoint, path, envelope)).body);
      } catch (error) {
        if (!isChainError(error)) throw error;
        if (isLie(error)) this.blame(endpoint, error);
        errors.push(error);
      }
    }
    throw this.#verdict(errors);
  }

  #prefer(endpoint: string): void {
    this.#endpoints = [endpoint, ...this.#endpoints.filter((other) => other !== endpoint)];
  }
}
