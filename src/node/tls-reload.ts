import { isChainError } from '../errors/chain-error.ts';
import type { NodeConfig } from './config.ts';
import { serverFiles, type NodeIdentity } from './identity.ts';

/** Certificates last for months; a few seconds until a new one is taken are nothing, and reading four small files costs nothing. */
const everyMs = 2_000;

type ServerFiles = Pick<NodeIdentity, 'api' | 'webhook'>;

interface Deps {
  readonly config: NodeConfig;
  /** As they are served now. */
  readonly current: ServerFiles;
  readonly apply: (files: ServerFiles) => void;
  readonly info: (message: string, details: object) => void;
  readonly warn: (message: string, details: object) => void;
}

/**
 * Takes new certificates of the API and the webhook while the node serves: when a file changes, or at once when it is told to. Key and certificate are
 * two files, so one may be new while the other is not yet: such a pair is left alone until it fits, and what was served goes on.
 */
export class TlsReload {
  readonly #d: Deps;
  #served: string;
  #refused = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: Deps) {
    this.#d = deps;
    this.#served = JSON.stringify(deps.current);
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    try {
      const files = serverFiles(this.#d.config);
      const text = JSON.stringify(files);
      if (text === this.#served) return;
      this.#d.apply(files);
      this.#served = text;
      this.#refused = '';
      this.#d.info('new certificates are served', {});
    } catch (error) {
      if (!isChainError(error)) throw error;
      if (error.message !== this.#refused)
        this.#d.warn('new certificates are not taken yet', { reason: error.message });
      this.#refused = error.message;
    }
  }
}
