import type { AddressInfo } from 'node:net';
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { constants } from 'node:crypto';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import {
  admissionUidOf,
  decodeReview,
  deriveClusterKeys,
  exclusionsFor,
  type AttestContext,
  type DecodedReview,
} from '../src/change/index.ts';
import { ChainError, isChainError } from '../src/errors/chain-error.ts';
import { admissionReview, type Answer } from './answer.ts';
import { BodyBudget, readBody, type Reservation } from './body-budget.ts';
import { refuseCaller } from './caller.ts';
import { answerTimeoutMs } from './deadline.ts';
import { failureAnswer, handleReview } from './handle.ts';
import { noMetrics, type Refusal } from './metrics.ts';
import {
  ADMISSION_PATH,
  checkOptions,
  CLIENT_COMMON_NAME,
  systemClock,
  type WebhookOptions,
  type WebhookTls,
} from './options.ts';
import type { StepContext } from './steps/step.ts';
import { overloadedAnswer } from './wording.ts';

export interface Webhook {
  /** Port 0 takes a free one. Resolves with what it listens on. */
  listen(address: {
    readonly host: string;
    readonly port: number;
  }): Promise<{ readonly host: string; readonly port: number }>;
  /** New connections get the new certificate and authority; those that exist go on. */
  setTls(tls: WebhookTls): void;
  /** Takes no new connections, answers what is in progress for up to `drainTimeoutMs`, then closes what is left. */
  close(): Promise<void>;
}

type Server = FastifyInstance<Http2SecureServer, Http2ServerRequest, Http2ServerResponse>;
type Request = FastifyRequest<object, Http2SecureServer, Http2ServerRequest>;
type Reply = FastifyReply<object, Http2SecureServer, Http2ServerRequest, Http2ServerResponse>;

/** What is known of a call before its review is read. */
interface Call {
  readonly receivedMs: number;
  readonly reservation: Reservation;
}

/** Seconds after which the API server repeats a POST that was turned away for load, within its own timeout. */
const RETRY_AFTER_SECONDS = 1;
const HEADERS_TIMEOUT_MS = 5_000;
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Large bodies over one h2 session: the default of 10 MB would end it. */
const H2_SESSION_MEMORY_MB = 64;
const H2_STREAMS_MAX = 256;

const REFUSAL_OF = {
  WEBHOOK_CONTENT_TYPE: 'content-type',
  WEBHOOK_BODY_TOO_LARGE: 'body-size',
  WEBHOOK_BODY_SLOW: 'body-slow',
  WEBHOOK_BODIES_FULL: 'bodies-full',
} as const satisfies Partial<Record<string, Refusal>>;

/** The admission server: TLS 1.3, HTTP/1.1 and h2 (which the API server picks for a url on localhost). */
export function createWebhook(options: WebhookOptions): Webhook {
  const limits = checkOptions(options);
  const { clock = systemClock, metrics = noMetrics, logger } = options;
  const app = newServer(
    options.tls,
    limits.keepAliveTimeoutMs,
    limits.bodyTimeoutMs + HEADERS_TIMEOUT_MS,
    limits.bodyBytesMax,
  );
  app.server.maxConnections = limits.connectionsMax;
  const sockets = trackSockets(app);
  const budget = new BodyBudget(limits.bodiesBytesMax);
  const calls = new WeakMap<Request, Call>();
  let asksForCertificate = options.tls.clientCa !== undefined;
  let reviews = 0;
  const context: StepContext = {
    ledger: options.ledger,
    cluster: options.cluster,
    hookName: options.hookName,
    exclusions: exclusionsFor(options.exclusions),
    attestContext: () => attestContextOf(options),
  };

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', async (request: Request) => {
    const reservation = calls.get(request)?.reservation ?? budget.reserve();
    return readBody(request.raw, announcedBytes(request), reservation, limits, clock);
  });
  app.addContentTypeParser('*', async () => {
    throw new ChainError('WEBHOOK_CONTENT_TYPE', {});
  });
  const release = (request: Request): void => calls.get(request)?.reservation.release();
  // Fastify ends the connection after a body that could not be read; in h2 there is no such header.
  app.addHook('onSend', async (request, reply) => {
    if (request.raw.httpVersionMajor > 1) reply.removeHeader('connection');
  });
  app.addHook('onResponse', async (request) => release(request));
  app.addHook('onRequestAbort', async (request) => release(request));

  const admit = async (request: Request, reply: Reply): Promise<object> => {
    const receivedMs = calls.get(request)?.receivedMs ?? clock.nowMs();
    const timeoutMs = answerTimeoutMs((request.query as { timeout?: unknown }).timeout, limits.answerTimeoutMs);
    const { uid, answer } = await answerBytes(request.body as Buffer, receivedMs + timeoutMs);
    metrics.answered(answer.outcome, clock.nowMs() - receivedMs);
    void reply.header('content-type', 'application/json');
    return admissionReview(uid, answer);
  };

  const answerBytes = async (bytes: Buffer, answerByMs: number): Promise<{ uid: string; answer: Answer }> => {
    let review: DecodedReview;
    try {
      review = decodeReview(bytes);
    } catch (error) {
      // Without a uid there is no AdmissionReview to answer with: then it is an HTTP error.
      const uid = isChainError(error) && error.code.startsWith('CHANGE_') ? admissionUidOf(bytes) : '';
      if (uid === '') throw error;
      return { uid, answer: failureAnswer(error, logger) };
    }
    const uid = review.admissionUid;
    if (reviews >= limits.reviewsMax) return { uid, answer: overloadedAnswer('WEBHOOK_BUSY') };
    reviews++;
    try {
      metrics.load(reviews, budget.used);
      return { uid, answer: await handleReview(review, answerByMs, context, clock, logger) };
    } finally {
      reviews--;
      metrics.load(reviews, budget.used);
    }
  };

  const authenticate = async (request: Request): Promise<void> => {
    const secret = (request.params as { secret?: string }).secret ?? '';
    const rule = {
      commonName: asksForCertificate ? (options.clientCommonName ?? CLIENT_COMMON_NAME) : undefined,
      pathSecret: options.pathSecret,
    };
    const refusal = refuseCaller(socketOf(request), secret, rule);
    if (refusal !== undefined) {
      metrics.turnedAway(refusal);
      logger.warn({ reason: refusal, remote: request.ip }, 'caller refused');
      throw new ChainError('WEBHOOK_CALLER', { reason: refusal });
    }
    calls.set(request, { receivedMs: clock.nowMs(), reservation: budget.reserve() });
  };
  for (const url of [ADMISSION_PATH, `${ADMISSION_PATH}/:secret`]) {
    app.route({ method: 'POST', url, onRequest: authenticate, handler: admit });
  }

  app.get('/livez', async () => ({ ok: true }));
  app.get('/readyz', async (_request, reply) => {
    const { ready, reasons } = options.ready();
    return reply.code(ready ? 200 : 503).send({ ready, reasons });
  });
  app.setNotFoundHandler(async () => {
    metrics.turnedAway('wrong-path');
    throw new ChainError('WEBHOOK_NOT_FOUND', {});
  });
  app.setErrorHandler(async (error, request, reply) => {
    release(request);
    const coded = codedError(error);
    if (coded === undefined) logger.error({ error: error instanceof Error ? error.name : typeof error }, 'call failed');
    const shown = coded ?? new ChainError('WEBHOOK_INTERNAL', {});
    if (Object.hasOwn(REFUSAL_OF, shown.code)) metrics.turnedAway(REFUSAL_OF[shown.code as keyof typeof REFUSAL_OF]);
    // The rest of a body that was not read would be taken for the next request.
    if (request.raw.httpVersionMajor === 1) void reply.header('connection', 'close');
    if (shown.httpStatus === 429) void reply.header('retry-after', String(RETRY_AFTER_SECONDS));
    return reply.code(shown.httpStatus).send({ code: shown.code, message: shown.message, remedy: shown.remedy });
  });

  return {
    listen: async ({ host, port }) => {
      await app.listen({ host, port });
      const address = app.server.address() as AddressInfo;
      return { host: address.address, port: address.port };
    },
    setTls: (tls) => {
      if (tls.clientCa === undefined && asksForCertificate) {
        throw new ChainError('WEBHOOK_OPTIONS', { problem: 'a client CA can be replaced, not taken away' });
      }
      app.server.setSecureContext(secureContextOf(tls));
      asksForCertificate = tls.clientCa !== undefined;
    },
    close: async () => {
      const cancel = clock.after(limits.drainTimeoutMs, () => {
        for (const socket of sockets) socket.destroy();
      });
      try {
        await app.close();
      } finally {
        cancel();
      }
    },
  };
}

function newServer(tls: WebhookTls, keepAliveTimeoutMs: number, requestTimeoutMs: number, bodyLimit: number): Server {
  const https = {
    ...secureContextOf(tls),
    allowHTTP1: true,
    requestCert: tls.clientCa !== undefined,
    // Probes have no certificate; who may ask is decided for each call.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3' as const,
    // A resumed session would carry an old decision about its certificate.
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    maxSessionMemory: H2_SESSION_MEMORY_MB,
    settings: { maxConcurrentStreams: H2_STREAMS_MAX },
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
  };
  return fastify({
    http2: true,
    https,
    http2SessionTimeout: keepAliveTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: requestTimeoutMs,
    bodyLimit,
    // While draining, what still comes on open connections is answered like before.
    return503OnClosing: false,
    logger: false,
    routerOptions: { maxParamLength: 256 },
  }) as unknown as Server;
}

function secureContextOf(tls: WebhookTls): { key: string; cert: string; ca?: string } {
  return { key: tls.key, cert: tls.cert, ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa }) };
}

function trackSockets(app: Server): Set<TLSSocket> {
  const sockets = new Set<TLSSocket>();
  app.server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

function socketOf(request: Request): TLSSocket {
  return request.raw.socket as TLSSocket;
}

function announcedBytes(request: Request): number | undefined {
  const header = request.headers['content-length'];
  const bytes = header === undefined ? Number.NaN : Number(header);
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : undefined;
}

function attestContextOf({ ledger, cluster, sha256, hmacSha256 }: WebhookOptions): AttestContext | undefined {
  const found = ledger.clusterKey();
  if (found === undefined) return undefined;
  return { cluster, keys: deriveClusterKeys(found.key, sha256, hmacSha256), sha256, hmacSha256 };
}

/** Our own errors, and Fastify's few that a caller can cause. */
function codedError(error: unknown): ChainError | undefined {
  if (isChainError(error)) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new ChainError('WEBHOOK_CONTENT_TYPE', {});
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY')
    return new ChainError('CHANGE_REVIEW_SHAPE', { path: '', expected: 'JSON' });
  return undefined;
}
