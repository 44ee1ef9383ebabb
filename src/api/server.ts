import Fastify, { type FastifyInstance } from 'fastify';
import { randomUUID } from 'node:crypto';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import type { ApiBackend } from '../ports/api-backend.ts';
import { readRoutes } from './read-routes.ts';
import { writeRoutes } from './write-routes.ts';

/** Requests that are answered at once; a reader that floods the node must not stop its validator. */
const requestsMax = 256;
/** Longest body: a canonicalisation request holds one object, which the API server bounds at 3 MiB, escaped at worst six-fold. */
const bodyBytesMax = 20 * 1024 * 1024;

export interface ApiOptions {
  readonly backend: ApiBackend;
  readonly tls: { readonly key: string; readonly cert: string };
  readonly readiness: () => { readonly ready: boolean; readonly reasons: readonly string[] };
  readonly onRequest?: (route: string, status: number, durationMs: number) => void;
  readonly onError?: (error: unknown, id: string) => void;
}

export type ChainApi = FastifyInstance & {
  /** New connections get the new certificate; those that exist go on. */
  setTls(tls: ApiOptions['tls']): void;
};

/** The query and submit API of a node. Every refusal is `{code, message, remedy}` with the status of its code. */
export async function createApi(options: ApiOptions): Promise<ChainApi> {
  const { backend, tls, readiness } = options;
  let open = 0;
  const app = Fastify({
    https: secureContextOf(tls),
    bodyLimit: bodyBytesMax,
    routerOptions: { maxParamLength: 2_000 },
    genReqId: () => randomUUID(),
    keepAliveTimeout: 75_000,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    return503OnClosing: false,
  });

  app.addHook('onRequest', async (_request, reply) => {
    open += 1;
    // Not in `onResponse`: that is never called for a caller who hung up, and some hundred of them would close the door for good.
    reply.raw.once('close', () => (open -= 1));
    if (open > requestsMax) throw new ChainError('API_OVERLOADED', { requests: requestsMax });
  });
  app.addHook('onResponse', async (request, reply) => {
    options.onRequest?.(request.routeOptions.url ?? 'unknown', reply.statusCode, reply.elapsedTime);
  });
  app.setErrorHandler(async (error, request, reply) => {
    const coded = toCoded(error, request.id);
    if (coded.code === 'API_INTERNAL') options.onError?.(error, request.id);
    return reply.code(coded.httpStatus).send({ code: coded.code, message: coded.message, remedy: coded.remedy });
  });
  app.setNotFoundHandler(async () => {
    throw new ChainError('API_NOT_FOUND', { what: 'this path' });
  });
  // Envelopes and notes are bytes; nothing is parsed before its own strict decoder sees it.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.get('/livez', async () => ({ live: true }));
  app.get('/readyz', async (_request, reply) => {
    const state = readiness();
    return reply.code(state.ready ? 200 : 503).send(state);
  });
  await app.register(readRoutes, { backend });
  await app.register(writeRoutes, { backend });
  const setTls = (next: ApiOptions['tls']): void => app.server.setSecureContext(secureContextOf(next));
  return Object.assign(app as unknown as FastifyInstance, { setTls });
}

function secureContextOf({ key, cert }: ApiOptions['tls']): { key: string; cert: string; minVersion: 'TLSv1.3' } {
  return { key, cert, minVersion: 'TLSv1.3' };
}

function toCoded(error: unknown, id: string): ChainError {
  if (isChainError(error)) return error;
  const code = (error as { code?: string }).code;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new ChainError('API_TOO_LARGE', { bytesMax: bodyBytesMax });
  const status = (error as { statusCode?: number }).statusCode;
  if (status !== undefined && status < 500)
    return new ChainError('API_BAD_PARAMETER', { name: 'request', problem: (error as Error).message });
  return new ChainError('API_INTERNAL', { id });
}
