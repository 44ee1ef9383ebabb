import { constants } from 'node:crypto';
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ChainError } from '../src/errors/chain-error.ts';
import type { WebhookMetrics } from './metrics.ts';
import type { WebhookLimits, WebhookTls } from './options.ts';

export type Server = FastifyInstance<Http2SecureServer, Http2ServerRequest, Http2ServerResponse>;
export type Request = FastifyRequest<object, Http2SecureServer, Http2ServerRequest>;
export type Reply = FastifyReply<object, Http2SecureServer, Http2ServerRequest, Http2ServerResponse>;

const HANDSHAKE_TIMEOUT_MS = 5_000;
/** How often slow headers are looked for; Node's own default would be half a minute. */
const CONNECTIONS_CHECK_MS = 500;
/** An API server sends a dozen header fields. */
const HEADER_PAIRS_MAX = 64;
const HEADER_BYTES_MAX = 16 * 1024;
/** Streams that a caller opens in vain, until its session ends; resets are limited by nghttp2 itself. */
const H2_REJECTED_STREAMS_MAX = 50;
const H2_INVALID_FRAMES_MAX = 50;
/** Large bodies over one h2 session: the default of 10 MB would end it. */
const H2_SESSION_MEMORY_MB = 64;
const H2_STREAMS_MAX = 256;

/** TLS 1.3, HTTP/1.1 and h2 on one port, each with its limits. What ends before it is a request is counted. */
export function newServer(tls: WebhookTls, limits: WebhookLimits, metrics: WebhookMetrics): Server {
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
      if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE') metrics.turnedAway('http');
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
  app.server.maxConnections = limits.connectionsMax;
  app.server.on('sessionError', () => metrics.turnedAway('http'));
  app.server.on('unknownProtocol', () => metrics.turnedAway('http'));
  app.server.on('drop', () => metrics.turnedAway('too-many'));
  return app;
}

export function secureContextOf(tls: WebhookTls): { key: string; cert: string; ca?: string } {
  return { key: tls.key, cert: tls.cert, ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa }) };
}

export function socketOf(request: Request): TLSSocket {
  return request.raw.socket as TLSSocket;
}

/** Length of the body as the headers say it; undefined if they do not. */
export function announcedBytes(request: Request): number | undefined {
  const header = request.headers['content-length'];
  const bytes = header === undefined ? Number.NaN : Number(header);
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : undefined;
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
