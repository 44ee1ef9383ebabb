import { deriveClusterKeys, exclusionsFor, type AttestContext, type Exclusion } from '../src/change/index.ts';
import type { WebhookLimits, WebhookOptions } from './options.ts';
import { readReview, type Hook, type ReadOutcome, type ReviewReader } from './reading.ts';

type Options = Pick<WebhookOptions, 'ledger' | 'cluster' | 'sha256' | 'hmacSha256' | 'exclusions' | 'reader'>;

/** Reads small reviews where it is called, in the event loop, and gives large ones, which would hold it for long, to `options.reader`. */
export class SizedReader implements ReviewReader {
  readonly #options: Options;
  readonly #inlineBytesMax: number;
  readonly #exclusions: readonly Exclusion[];

  constructor(options: Options, { inlineBytesMax }: Pick<WebhookLimits, 'inlineBytesMax'>) {
    this.#options = options;
    this.#inlineBytesMax = inlineBytesMax;
    this.#exclusions = exclusionsFor(options.exclusions);
  }

  async read(bytes: Uint8Array<ArrayBuffer>, answerByMs: number, hook: Hook): Promise<ReadOutcome> {
    const { reader } = this.#options;
    if (reader === undefined || bytes.length <= this.#inlineBytesMax)
      return readReview(bytes, { hook, exclusions: this.#exclusions, attest: this.#attestContext() });
    return reader.read(bytes, answerByMs, hook);
  }

  #attestContext(): AttestContext | undefined {
    const { ledger, cluster, sha256, hmacSha256 } = this.#options;
    const found = ledger.clusterKey();
    if (found === undefined) return undefined;
    return { cluster, keys: deriveClusterKeys(found.key, sha256, hmacSha256), sha256, hmacSha256 };
  }
}
