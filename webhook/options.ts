import { ChainError } from '../src/errors/chain-error.ts';
import type { ExclusionSettings } from '../src/change/index.ts';
import type { AdmissionLedger } from '../src/ports/admission-ledger.ts';
import type { RecordLedger } from '../src/ports/record-ledger.ts';
import type { HmacSha256, Sha256 } from '../src/ports/crypto.ts';
import type { ClusterId } from '../src/types/brand.ts';
import { largeBytesMax } from './body-budget.ts';
import type { WebhookMetrics } from './metrics.ts';
import type { ReviewReader } from './reading.ts';

export interface WebhookTls {
  /** PEM; chain behind the certificate. */
  readonly key: string;
  readonly cert: string;
  /** PEM of the authority whose clients may ask. */
  readonly clientCa?: string;
}

export interface WebhookClock {
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Calls back once; the result cancels. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
}

/** What of a logger is used; pino fits. Reviews and their content are never passed to it. */
export interface WebhookLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface WebhookLimits {
  /** Whole review: an UPDATE of a built-in kind may reach 30 MB, because `<`, `>` and `&` arrive as six bytes each. */
  readonly bodyBytesMax: number;
  /** Bodies of all reviews in progress together. */
  readonly bodiesBytesMax: number;
  /** From headers to the end of the body. */
  readonly bodyTimeoutMs: number;
  /** In progress, of all users; see load.ts. */
  readonly reviewsMax: number;
  /** Reviews up to this size are read in the event loop; larger ones, which would hold it for long, by `reader`. */
  readonly inlineBytesMax: number;
  readonly connectionsMax: number;
  /** Connections that have not shown that the API server is behind them: beyond, the oldest goes. */
  readonly strangersMax: number;
  /** Behind a failover all callers have one address; an API server that is asked for hundreds of writes at once begins as many handshakes. */
  readonly strangersPerAddressMax: number;
  /** A probe asks each second. */
  readonly strangerIdleMs: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headersTimeoutMs: number;
  /** An answer leaves no later than this after the request came, or 1.5 s before the caller's own timeout. */
  readonly answerTimeoutMs: number;
  /** The same for what the control plane writes: its hook times out after 2 s. */
  readonly recordTimeoutMs: number;
  /** The API server closes idle connections after 90 s; who closes first resets a request now and then. */
  readonly keepAliveTimeoutMs: number;
  /** How long close() waits for reviews in progress. */
  readonly drainTimeoutMs: number;
}

export const LIMITS_DEFAULT: WebhookLimits = {
  bodyBytesMax: 32 * 1024 * 1024,
  bodiesBytesMax: 128 * 1024 * 1024,
  bodyTimeoutMs: 5_000,
  reviewsMax: 512,
  inlineBytesMax: 64 * 1024,
  connectionsMax: 4_096,
  strangersMax: 1_024,
  strangersPerAddressMax: 512,
  strangerIdleMs: 10_000,
  headersTimeoutMs: 5_000,
  answerTimeoutMs: 8_000,
  recordTimeoutMs: 1_500,
  keepAliveTimeoutMs: 120_000,
  drainTimeoutMs: 10_000,
};

export interface WebhookOptions {
  readonly ledger: AdmissionLedger;
  readonly records: RecordLedger;
  readonly cluster: ClusterId;
  /** Name of the hook group that this node answers for; only its own canary is refused. */
  readonly hookName: string;
  readonly sha256: Sha256;
  readonly hmacSha256: HmacSha256;
  readonly tls: WebhookTls;
  /** CN that the API server's client certificate must have. */
  readonly clientCommonName?: string;
  /** Last segment of the admission path; wanted where the API server cannot show a client certificate. */
  readonly pathSecret?: string;
  readonly exclusions?: ExclusionSettings;
  /** Reads large reviews beside the event loop; without it all are read in it. */
  readonly reader?: ReviewReader;
  /** Asked by /readyz; reasons are shown. */
  readonly ready: () => { readonly ready: boolean; readonly reasons: readonly string[] };
  readonly logger: WebhookLogger;
  readonly metrics?: WebhookMetrics;
  readonly limits?: Partial<WebhookLimits>;
  readonly clock?: WebhookClock;
}

/** Paths of the gate and of the record hook. */
export const ADMISSION_PATH = '/admit';
export const RECORD_PATH = '/record';
export const CLIENT_COMMON_NAME = 'apiserver-webhook-client';
/** 128 bits in base64url. */
const PATH_SECRET_CHARS_MIN = 22;

export const systemClock: WebhookClock = {
  nowMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Every limit, checked. Throws WEBHOOK_OPTIONS. */
export function checkOptions(options: WebhookOptions): WebhookLimits {
  const limits = Object.freeze({ ...LIMITS_DEFAULT, ...options.limits });
  if (options.tls.clientCa === undefined && options.pathSecret === undefined) {
    throw problem('neither a client CA nor a secret path says who may ask');
  }
  if (options.pathSecret !== undefined && !/^[A-Za-z0-9_-]*$/.test(options.pathSecret)) {
    throw problem('the secret path holds characters other than A-Z a-z 0-9 _ -');
  }
  if (options.pathSecret !== undefined && options.pathSecret.length < PATH_SECRET_CHARS_MIN) {
    throw problem(`the secret path has fewer than ${PATH_SECRET_CHARS_MIN} characters`);
  }
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(options.hookName)) throw problem('the hook name is no RFC 1123 label');
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value <= 0) throw problem(`${name} is no positive integer`);
  }
  if (limits.bodyBytesMax > largeBytesMax(limits.bodiesBytesMax) && limits.bodyBytesMax > limits.inlineBytesMax)
    throw problem('three quarters of bodiesBytesMax are below bodyBytesMax');
  if (limits.bodiesBytesMax < limits.bodyBytesMax) throw problem('bodiesBytesMax is below bodyBytesMax');
  if (limits.keepAliveTimeoutMs <= 90_000) throw problem('keepAliveTimeoutMs is not above the 90 s of the API server');
  return limits;
}

function problem(text: string): ChainError<'WEBHOOK_OPTIONS'> {
  return new ChainError('WEBHOOK_OPTIONS', { problem: text });
}
