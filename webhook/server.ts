import type { AddressInfo } from 'node:net';
import { ChainError, isChainError } from '../src/errors/chain-error.ts';
import { admissionReview, type ReviewHook } from './answer.ts';
import { BodyBudget, readBody, type Reservation } from './body-budget.ts';
import { isTrusted, refuseCaller, type CallerRule } from './caller.ts';
import { Connections } from './connections.ts';
import { answerTimeoutMs, RECORD_RESERVE_MS } from './deadline.ts';
import { Gate } from './gate.ts';
import { noMetrics, type Refusal } from './metrics.ts';
import {
  ADMISSION_PATH,
  checkOptions,
  CLIENT_COMMON_NAME,
  RECORD_PATH,
  systemClock,
  type WebhookOptions,
  type WebhookTls,
} from './options.ts';
import { RecordHook } from './record.ts';
import { giveNotice, Sessions } from './sessions.ts';
import { SizedReader } from './sized-reader.ts';
import { announcedBytes, newServer, secureContextOf, socketOf, type Reply, type Request } from './transport.ts';
import { answerErrors } from './turned-away.ts';

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

/** What is known of a call before its review is read. */
interface Call {
  readonly receivedMs: number;
  readonly reservation: Reservation;
}

const LOG_INTERVAL_MS = 1_000;
/** More than a round trip to the API server. */
const GOAWAY_NOTICE_MS = 300;

/** The admission server: TLS 1.3, HTTP/1.1 and h2 (which the API server picks for a url on localhost). */
export function createWebhook(options: WebhookOptions): Webhook {
  const limits = checkOptions(options);
  const { clock = systemClock, metrics = noMetrics, logger } = options;
  const app = newServer(options.tls, limits, metrics);
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
  const sessions = new Sessions(app.server);
  let closing = false;
  const budget = new BodyBudget(limits.bodiesBytesMax, limits.inlineBytesMax);
  const calls = new WeakMap<Request, Call>();
  let asksForCertificate = options.tls.clientCa !== undefined;
  let refusedLoggedMs = -Infinity;
  const { reviewsMax } = limits;
  const reader = new SizedReader(options, limits);
  const gate = new Gate({
    context: { ledger: options.ledger, hookName: options.hookName },
    reader,
    reviewsMax,
    clock,
    logger,
    measured: (reviews) => metrics.load(reviews, budget.used),
  });
  const recordHook = new RecordHook({ records: options.records, reader, clock, reviewsMax });

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
    if (isLast && session !== undefined) giveNotice(session);
  });
  app.addHook('onRequest', async (request) => connections.heard(socketOf(request)));
  app.addHook('onResponse', async (request) => release(request));
  app.addHook('onRequestAbort', async (request) => release(request));

  const answering = (hook: ReviewHook, timeoutOf: (callersTimeout: unknown) => number) => {
    return async (request: Request, reply: Reply): Promise<object> => {
      const receivedMs = calls.get(request)?.receivedMs ?? clock.nowMs();
      const timeoutMs = timeoutOf((request.query as { timeout?: unknown }).timeout);
      try {
        const { uid, answer } = await hook.answer(request.body as Buffer<ArrayBuffer>, receivedMs + timeoutMs);
        metrics.answered(answer.outcome, clock.nowMs() - receivedMs);
        void reply.header('content-type', 'application/json');
        return admissionReview(uid, answer);
      } catch (error) {
        if (isChainError(error, 'WEBHOOK_NOT_RECORDED')) metrics.answered('lost', clock.nowMs() - receivedMs);
        throw error;
      }
    };
  };
  const admit = answering(gate, (timeout) => answerTimeoutMs(timeout, limits.answerTimeoutMs));
  const record = answering(recordHook, (timeout) =>
    answerTimeoutMs(timeout, limits.recordTimeoutMs, RECORD_RESERVE_MS),
  );

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
  answerErrors(app, { release, metrics, logger });

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
      const isHeard = sessions.notifyAll();
      if (isHeard) await new Promise<void>((resolve) => void clock.after(GOAWAY_NOTICE_MS, resolve));
      sessions.endNew();
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
