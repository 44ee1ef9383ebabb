import { X509Certificate } from 'node:crypto';
import type { Logger } from 'pino';
import { createApi, type ChainApi } from '../api/server.ts';
import type { ApiBackend } from '../ports/api-backend.ts';
import type { Hash } from '../types/brand.ts';
import { hostAndPort, type NodeConfig } from './config.ts';
import type { CertificateFiles } from './identity.ts';
import { listening } from './listen.ts';
import type { NodeMetrics } from './metrics.ts';
import type { Ready } from './readiness.ts';

interface Deps {
  readonly config: NodeConfig;
  readonly tls: CertificateFiles;
  readonly backend: ApiBackend;
  readonly readiness: () => Ready;
  readonly metrics: NodeMetrics;
  readonly log: Logger;
}

/** The query API's door, and what callers have seen of its certificates. */
export class ApiService {
  readonly #d: Deps;
  #api: ChainApi | undefined;
  /** Newest first. */
  #certificates: readonly Hash[];

  constructor(deps: Deps) {
    this.#d = deps;
    this.#certificates = [certificateHash(deps.tls.cert)];
  }

  /** SHA-256 of the certificate that is shown and of the one before: connections that exist go on with that. */
  get certificates(): readonly Hash[] {
    return this.#certificates;
  }

  /** Throws NODE_PORT_IN_USE. */
  async start(): Promise<void> {
    const { config, tls, backend, readiness, metrics, log } = this.#d;
    const { listen } = config.api;
    this.#api = await createApi({
      backend,
      tls,
      readiness,
      onRequest: (route, status) => metrics.apiRequests.inc({ route, status }),
      onTurned: (reason) => metrics.apiTurned.inc({ reason }),
      onError: (error, id) => log.error({ err: error, id }, 'API request failed'),
    });
    await listening('the API', listen, this.#api.listen(hostAndPort(listen)));
  }

  async stop(): Promise<void> {
    await this.#api?.close();
  }

  setTls(tls: CertificateFiles): void {
    this.#api?.setTls(tls);
    this.#certificates = [certificateHash(tls.cert), ...this.#certificates].slice(0, 2);
  }
}

/** Of the first certificate of a chain in PEM, which is the server's own. */
function certificateHash(pem: string): Hash {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase() as Hash;
}
