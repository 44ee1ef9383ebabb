import type { AddressInfo, Socket } from 'node:net';
import { constants as http2 } from 'node:http2';
import type {
  Http2SecureServer,
  Http2ServerRequest,
  Http2ServerResponse,
  Http2Session,
  ServerHttp2Session,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { constants } from 'node:crypto';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { deriveClusterKeys, exclusionsFor, type AttestContext } from '../src/change/index.ts';
import { ChainError, isChainError } from '../src/errors/chain-error.ts';
import { admissionReview, type Answer } from './answer.ts';
import { BodyBudget, readBody, type Reservation } from './body-budget.ts';
import { isTrusted, refuseCaller, type CallerRule } from './caller.ts';
import { Connections } from './connections.ts';
import { answerTimeoutMs, RECORD_RESERVE_MS } from './deadline.ts';
import { failureAnswer, handleReview } from './handle.ts';
import { Load } from './load.ts';
import { noMetrics, type Refusal, type WebhookMetrics } from './metrics.ts';
import { recordReview } from './record.ts';
import {
  ADMISSION_PATH,
  checkOptions,
  CLIENT_COMMON_NAME,
  RECORD_PATH,
  systemClock,
  type WebhookLimits,
  type WebhookOptions,
  type WebhookTls,
} from './options.ts';
import { readReview, uidInFront, userInFront, type Hook, type ReadOutcome } from './reading.ts';
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
  /**
   * Takes no new connections, answers what is in progress for up to `drainTimeoutMs`, then closes what is left. A caller hears that the connection ends
   * (GOAWAY, `connection: close`) and asks elsewhere; nothing that it sent is left without an answer.
   */
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
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** How often slow headers are looked for; Node's own default would be half a minute. */
const CONNECTIONS_CHECK_MS = 500;
/** An API server sends a dozen header fields. */
const HEADER_PAIRS_MAX = 64;
const HEADER_BYTES_MAX = 16 * 1024;
/** Streams that a caller opens in vain, until its session ends; resets are limited by nghttp2 itself. */
const H2_REJECTED_STREAMS_MAX = 50;
const H2_INVALID_FRAMES_MAX = 50;
const LOG_INTERVAL_MS = 1_000;
/** Large bodies over one h2 session: the default of 10 MB would end it. */
const H2_SESSION_MEMORY_MB = 64;
const H2_STREAMS_MAX = 256;
const STREAM_ID_MAX = 2 ** 31 - 1;
/** More than a round trip to the API server. */
const GOAWAY_NOTICE_MS = 300;

const REFUSAL_OF = {
  WEBHOOK_CONTENT_TYPE: 'content-type',
  WEBHOOK_CONTENT_ENCODING: 'content-encoding',
  WEBHOOK_BODY_BROKEN: 'body-broken',
  WEBHOOK_BUSY: 'busy',
  WEBHOOK_USER_BUSY: 'busy',
  WEBHOOK_BODY_TOO_LARGE: 'body-size',
  WEBHOOK_BODY_SLOW: 'body-slow',
  WEBHOOK_BODIES_FULL: 'bodies-full',
} as const satisfies Partial<Record<string, Refusal>>;

/** The admission server: TLS 1.3, HTTP/1.1 and h2 (which the API server picks for a url on localhost). */
export function createWebhook(options: WebhookOptions): Webhook {
  const limits = checkOptions(options);
  const { clock = systemClock, metrics = noMetrics, logger } = options;
  const app = newServer(options.tls, limits, () => metrics.turnedAway('http'));
  app.server.maxConnections = limits.connectionsMax;
  const rule = (): CallerRule => ({
    commonName: asksForCertificate ? (options.clientCommonName ?? CLIENT_COMMON_NAME) : undefined,
    pathSecret: options.pathSecret,
  });
  const connections = new Connections(
    app.server,
    limits,
    (socket) => isTrusted(socket, rule()),
    (reason) => metrics.turnedAway(reason),
  );
  countBroken(app, metrics);
  let closing = false;
  let left = false;
  const sessions = trackSessions(app, (session) => {
    // Its handshake began before: nobody else would tell it, and what it asks next would be cut off in the end.
    if (left) session.close();
  });
  const budget = new BodyBudget(limits.bodiesBytesMax, limits.inlineBytesMax);
  const load = new Load(limits.reviewsMax);
  const calls = new WeakMap<Request, Call>();
  let asksForCertificate = options.tls.clientCa !== undefined;
  let refusedLoggedMs = -Infinity;
  const context: StepContext = { ledger: options.ledger, hookName: options.hookName };
  const exclusions = exclusionsFor(options.exclusions);
  let recording = 0;

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', async (request: Request) => {
    if (request.headers['content-encoding'] !== undefined) throw new ChainError('WEBHOOK_CONTENT_ENCODING', {});
    const reservation = calls.get(request)?.reservation ?? budget.reserve();
    return readBody(request.raw, announcedBytes(request), reservation, limits, clock);
  });
  app.addContentTypeParser('*', async () => {
    throw new ChainError('WEBHOOK_CONTENT_TYPE', {});
  });
  const release = (request: Request): void => calls.get(request)?.reservation.release();
  // Fastify ends the connection after a body that could not be read; in h2 there is no such header.
  app.addHook('onSend', async (request, reply) => {
    const isLast = closing || (calls.has(request) && !options.ready().ready);
    if (request.raw.httpVersionMajor === 1) {
      if (isLast) void reply.header('connection', 'close');
      return;
    }
    reply.removeHeader('connection');
    // A kept connection would bring the next call here too, although another node could answer it.
    const { session } = request.raw.stream;
    if (isLast && session !== undefined) sayGoAway(session);
  });
  app.addHook('onRequest', async (request) => connections.heard(socketOf(request)));
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

  const record = async (request: Request, reply: Reply): Promise<object> => {
    const receivedMs = calls.get(request)?.receivedMs ?? clock.nowMs();
    const { timeout } = request.query as { timeout?: unknown };
    const answerByMs = receivedMs + answerTimeoutMs(timeout, limits.recordTimeoutMs, RECORD_RESERVE_MS);
    try {
      const { admissionUid, answer } = await recordBytes(request.body as Buffer, answerByMs);
      metrics.answered(answer.outcome, clock.nowMs() - receivedMs);
      void reply.header('content-type', 'application/json');
      return admissionReview(admissionUid, answer);
    } catch (error) {
      metrics.answered('lost', clock.nowMs() - receivedMs);
      throw error;
    }
  };

  const recordBytes = async (
    bytes: Buffer,
    answerByMs: number,
  ): Promise<{ readonly admissionUid: string; readonly answer: Answer }> => {
    // A count of its own: a flood at the gate takes nothing from the control plane.
    if (recording >= limits.reviewsMax) {
      options.records.missed();
      throw new ChainError('WEBHOOK_NOT_RECORDED', { reason: `${recording} are in progress` });
    }
    recording++;
    try {
      const read = await readBytes(bytes, answerByMs, 'record');
      if (!read.ok) throw read.error;
      const answer = await recordReview(read.review, answerByMs, options.records, clock);
      return { admissionUid: read.review.subject.admissionUid, answer };
    } catch (error) {
      if (isChainError(error, 'WEBHOOK_NOT_RECORDED')) throw error;
      options.records.missed();
      throw new ChainError('WEBHOOK_NOT_RECORDED', { reason: isChainError(error) ? error.code : 'the webhook failed' });
    } finally {
      recording--;
    }
  };

  const answerBytes = async (bytes: Buffer, answerByMs: number): Promise<{ uid: string; answer: Answer }> => {
    if (load.isFull) {
      const uid = uidInFront(bytes);
      // Without a uid there is no AdmissionReview to answer with: then it is an HTTP error.
      if (uid === '') throw new ChainError('WEBHOOK_BUSY', { max: limits.reviewsMax });
      return { uid, answer: overloadedAnswer('WEBHOOK_BUSY') };
    }
    load.reviews++;
    try {
      metrics.load(load.reviews, budget.used);
      // A flood costs the others least where it is turned away unread.
      const user = userInFront(bytes);
      if (user === '') return await handleBytes(bytes, answerByMs, (other, work) => load.ofUser(other, work));
      return await load.ofUser(user, () => handleBytes(bytes, answerByMs, (_user, work) => work()));
    } catch (error) {
      const uid = uidInFront(bytes);
      if (uid === '' || !isChainError(error, 'WEBHOOK_USER_BUSY')) throw error;
      return { uid, answer: overloadedAnswer('WEBHOOK_USER_BUSY') };
    } finally {
      load.reviews--;
      metrics.load(load.reviews, budget.used);
    }
  };

  const handleBytes = async (
    bytes: Buffer,
    answerByMs: number,
    within: (user: string, work: () => Promise<Answer>) => Promise<Answer>,
  ): Promise<{ uid: string; answer: Answer }> => {
    const read = await readBytes(bytes, answerByMs, 'gate');
    if (!read.ok) {
      if (read.uid === '') throw read.error;
      return { uid: read.uid, answer: failureAnswer(read.error, logger) };
    }
    const { review } = read;
    const answer = await within(review.subject.user, () => handleReview(review, answerByMs, context, clock, logger));
    return { uid: review.subject.admissionUid, answer };
  };

  const readBytes = (bytes: Buffer, answerByMs: number, hook: Hook): ReadOutcome | Promise<ReadOutcome> => {
    const { reader } = options;
    if (reader === undefined || bytes.length <= limits.inlineBytesMax)
      return readReview(bytes, { hook, exclusions, attest: attestContextOf(options) });
    return reader.read(bytes as Uint8Array<ArrayBuffer>, answerByMs, hook);
  };

  /** One line a second is enough to know of a flood; the metric has the number. */
  const logRefused = (reason: Refusal, remote: string): void => {
    if (performance.now() - refusedLoggedMs < LOG_INTERVAL_MS) return;
    refusedLoggedMs = performance.now();
    logger.warn({ reason, remote }, 'caller refused');
  };

  const authenticate = async (request: Request): Promise<void> => {
    const secret = (request.params as { secret?: string }).secret ?? '';
    const refusal = refuseCaller(socketOf(request), secret, rule());
    if (refusal !== undefined) {
      metrics.turnedAway(refusal);
      logRefused(refusal, request.ip);
      throw new ChainError('WEBHOOK_CALLER', { reason: refusal });
    }
    connections.know(socketOf(request));
    calls.set(request, { receivedMs: clock.nowMs(), reservation: budget.reserve() });
  };
  for (const [path, handler] of [[ADMISSION_PATH, admit] as const, [RECORD_PATH, record] as const]) {
    for (const url of [path, `${path}/:secret`]) app.route({ method: 'POST', url, onRequest: authenticate, handler });
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
    const turnedAway = refusalOf(shown.code);
    if (turnedAway !== undefined) metrics.turnedAway(turnedAway);
    // The rest of a body that was not read would be taken for the next request; a caller that may not ask shall not go on.
    const isEnd = shown.code === 'WEBHOOK_CALLER';
    if (request.raw.httpVersionMajor === 1) {
      if (isEnd || !request.raw.complete) void reply.header('connection', 'close');
    } else if (isEnd) reply.raw.once('close', () => request.raw.stream.session?.close());
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
      closing = true;
      for (const session of sessions) sayGoAway(session);
      if (sessions.size > 0) await new Promise<void>((resolve) => void clock.after(GOAWAY_NOTICE_MS, resolve));
      left = true;
      const cancel = clock.after(limits.drainTimeoutMs, () => {
        connections.destroyAll();
      });
      try {
        await app.close();
      } finally {
        cancel();
      }
    },
  };
}

function newServer(tls: WebhookTls, limits: WebhookLimits, onBroken: () => void): Server {
  const { keepAliveTimeoutMs, headersTimeoutMs, bodyTimeoutMs } = limits;
  const requestTimeoutMs = bodyTimeoutMs + headersTimeoutMs;
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
    settings: { maxConcurrentStreams: H2_STREAMS_MAX, maxHeaderListSize: HEADER_BYTES_MAX },
    maxHeaderListPairs: HEADER_PAIRS_MAX,
    maxSessionRejectedStreams: H2_REJECTED_STREAMS_MAX,
    maxSessionInvalidFrames: H2_INVALID_FRAMES_MAX,
  };
  const app = fastify({
    http2: true,
    https,
    http2SessionTimeout: keepAliveTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: requestTimeoutMs,
    bodyLimit: limits.bodyBytesMax,
    // While draining, what still comes on open connections is answered like before.
    return503OnClosing: false,
    logger: false,
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => {
      // Whoever hangs up breaks at most the body that was being read, which counts by itself.
      if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE') onBroken();
      endBroken(socket);
    },
  } as never) as unknown as Server;
  // An HTTP/2 server takes these for its HTTP/1.1 connections only here, not from its options.
  Object.assign(app.server, {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
  });
  return app;
}

/** Whoever speaks no HTTP is told so where that is possible, and left. */
function endBroken(socket: Socket): void {
  const { message, remedy } = new ChainError('WEBHOOK_HTTP', {});
  const body = JSON.stringify({ code: 'WEBHOOK_HTTP', message, remedy });
  if (socket.writable)
    socket.write(
      `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  socket.destroySoon();
}

/** What ends before it is a request. */
function countBroken(app: Server, metrics: WebhookMetrics): void {
  app.server.on('sessionError', () => metrics.turnedAway('http'));
  app.server.on('unknownProtocol', () => metrics.turnedAway('http'));
  app.server.on('drop', () => metrics.turnedAway('too-many'));
}

function refusalOf(code: string): Refusal | undefined {
  if (Object.hasOwn(REFUSAL_OF, code)) return REFUSAL_OF[code as keyof typeof REFUSAL_OF];
  return code.startsWith('CODEC_') || code.startsWith('CHANGE_') ? 'no-review' : undefined;
}

function secureContextOf(tls: WebhookTls): { key: string; cert: string; ca?: string } {
  return { key: tls.key, cert: tls.cert, ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa }) };
}

function trackSessions(app: Server, onNew: (session: ServerHttp2Session) => void): Set<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>();
  app.server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    onNew(session);
  });
  return sessions;
}

/** A notice that ends nothing: what is on its way in is still answered, what is new goes elsewhere. RFC 9113, 6.8. */
function sayGoAway(session: Http2Session): void {
  // One that is about to be gone throws.
  if (!session.closed && !session.destroyed) session.goaway(http2.NGHTTP2_NO_ERROR, STREAM_ID_MAX);
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
