import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import type { ApiBackend } from '../ports/api-backend.ts';
import { costOf, Door, doorLimits, isHeavy, type DoorLimits, type Turned } from './door.ts';
import { itemsAsked, type Query } from './parameters.ts';
import { readRoutes } from './read-routes.ts';
import { writeRoutes } from './write-routes.ts';

const connectionsMax = 1_024;
const headersTimeoutMs = 10_000;
/** Node looks for slow headers this often. */
const connectionsCheckMs = 1_000;
/** A heavy answer that its reader has not taken by then is given up: it holds one of few places. */
const heavyTimeoutMs = 30_000;
const retryAfterSeconds = 1;
/** Longest body: a canonicalisation request holds one object, which the API server bounds at 3 MiB, escaped at worst six-fold. */
const bodyBytesMax = 20 * 1024 * 1024;

export interface ApiOptions {
  readonly backend: ApiBackend;
  readonly tls: { readonly key: string; readonly cert: string };
  readonly readiness: () => { readonly ready: boolean; readonly reasons: readonly string[] };
  readonly onRequest?: (route: string, status: number, durationMs: number) => void;
  /** A request that was turned away for load, by reason; a connection that was one too many. */
  readonly onTurned?: (reason: Turned | 'connections') => void;
  readonly limits?: Partial<DoorLimits>;
  readonly onError?: (error: unknown, id: string) => void;
}

export type ChainApi = FastifyInstance & {
  /** New connections get the new certificate; those that exist go on. */
  setTls(tls: ApiOptions['tls']): void;
};

/** The query and submit API of a node. Every refusal is `{code, message, remedy}` with the status of its code. */
export async function createApi(options: ApiOptions): Promise<ChainApi> {
  const { backend, tls, readiness } = options;
  const door = new Door(
    { ...doorLimits, ...options.limits },
    () => performance.now(),
    (reason) => options.onTurned?.(reason),
  );
  const app = Fastify({
    https: {
      ...secureContextOf(tls),
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: connectionsCheckMs,
    },
    bodyLimit: bodyBytesMax,
    routerOptions: { maxParamLength: 2_000 },
    genReqId: () => randomUUID(),
    keepAliveTimeout: 75_000,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    return503OnClosing: false,
  });

  app.server.maxConnections = connectionsMax;
  app.server.on('drop', () => options.onTurned?.('connections'));
  app.addHook('onRequest', async (request, reply) => {
    const cost = costOfRequest(request);
    if (cost === undefined) return;
    const leave = door.enter(request.ip, cost);
    const timer = isHeavy(cost) ? setTimeout(() => reply.raw.destroy(), heavyTimeoutMs) : undefined;
    // Not in `onResponse`: that is never called for a caller who hung up, and some hundred of them would close the door for good.
    reply.raw.once('close', () => {
      clearTimeout(timer);
      leave();
    });
  });
  app.addHook('onResponse', async (request, reply) => {
    options.onRequest?.(request.routeOptions.url ?? 'unknown', reply.statusCode, reply.elapsedTime);
  });
  app.setErrorHandler(async (error, request, reply) => {
    const coded = toCoded(error, request.id);
    if (coded.code === 'API_INTERNAL') options.onError?.(error, request.id);
    if (coded.httpStatus === 429) void reply.header('retry-after', String(retryAfterSeconds));
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

/** Undefined for probes, which are always answered. */
function costOfRequest(request: FastifyRequest): number | undefined {
  const route = request.routeOptions.url ?? '';
  return route === '/livez' || route === '/readyz' ? undefined : costOf(itemsAsked(route, request.query as Query));
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
