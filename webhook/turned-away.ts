import { ChainError, isChainError } from '../src/errors/chain-error.ts';
import type { Refusal, WebhookMetrics } from './metrics.ts';
import type { WebhookLogger } from './options.ts';
import type { Request, Server } from './transport.ts';

/** Seconds after which the API server repeats a POST that was turned away for load, within its own timeout. */
const RETRY_AFTER_SECONDS = 1;

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

interface Deps {
  /** Gives back what the body of a call held. */
  readonly release: (request: Request) => void;
  readonly metrics: WebhookMetrics;
  readonly logger: WebhookLogger;
}

/** Whatever a call throws becomes an HTTP error that says what to do; what is not ours is neither shown nor logged, since it might quote the object. */
export function answerErrors(app: Server, { release, metrics, logger }: Deps): void {
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
}

/** As what a call counts that ended with this error before its review was read; undefined if it is counted elsewhere. */
function refusalOf(code: string): Refusal | undefined {
  if (Object.hasOwn(REFUSAL_OF, code)) return REFUSAL_OF[code as keyof typeof REFUSAL_OF];
  return code.startsWith('CODEC_') || code.startsWith('CHANGE_') ? 'no-review' : undefined;
}

/** Our own errors, and Fastify's few that a caller can cause; undefined for what is a fault of this program. */
function codedError(error: unknown): ChainError | undefined {
  if (isChainError(error)) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new ChainError('WEBHOOK_CONTENT_TYPE', {});
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY')
    return new ChainError('CHANGE_REVIEW_SHAPE', { path: '', expected: 'JSON' });
  return undefined;
}
