/** Frames of another version are not understood; the ALPN name changes with it. */
export const PROTOCOL_VERSION = 1;
export const ALPN_PROTOCOL = 'kubectl-chain/1';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What one channel may hold for a peer that reads too slowly. */
export interface QueueLimits {
  readonly bytesMax: number;
  readonly framesMax: number;
}

export interface NetLimits {
  readonly frameBytesMax: number;
  readonly helloBytesMax: number;
  readonly responseBytesMax: number;
  readonly chunkBytesMax: number;
  readonly reassemblyBytesMax: number;
  readonly responseQueueBytesMax: number;
  readonly requestsMax: number;
  readonly handlersMax: number;
  readonly requestTimeoutMaxMs: number;
  readonly consensusQueue: QueueLimits;
  readonly transactionQueue: QueueLimits;
  readonly controlQueue: QueueLimits;
  readonly socketBytesMax: number;
  readonly handshakeTimeoutMs: number;
  readonly holdMs: number;
  readonly closeGraceMs: number;
  readonly pingIdleMs: number;
  readonly silenceMaxMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  readonly dropBackoffMinMs: number;
  readonly stableMs: number;
  readonly unfinishedMax: number;
  readonly unfinishedPerAddressMax: number;
}

export const defaultLimits: NetLimits = Object.freeze({
  /** The largest single message is a transaction or a vote bitmap with certificates, well below; blocks travel as chunked responses. */
  frameBytesMax: 4 * MIB,
  /** Nobody is known yet: no more than a hello needs (at most 341 bytes). */
  helloBytesMax: 512,
  /** A range of blocks in catch-up. */
  responseBytesMax: 16 * MIB,
  /** Small enough that a vote never waits long behind a block: 1 ms at 1 Gbit/s. */
  chunkBytesMax: 128 * KIB,
  /** All unfinished responses of one peer together. */
  reassemblyBytesMax: 32 * MIB,
  /** All responses waiting for one peer together: two of the largest. */
  responseQueueBytesMax: 32 * MIB,
  /** Unanswered requests in one direction of one connection. */
  requestsMax: 32,
  /** Handlers of one peer that still run, those past their deadline included. */
  handlersMax: 64,
  /** A caller may ask for less, never for more. */
  requestTimeoutMaxMs: 60_000,
  /** Votes are some 200 bytes: more than two rounds of 23 validators with all bodies missing. */
  consensusQueue: Object.freeze({ bytesMax: 8 * MIB, framesMax: 4_096 }),
  transactionQueue: Object.freeze({ bytesMax: 8 * MIB, framesMax: 8_192 }),
  controlQueue: Object.freeze({ bytesMax: 4 * MIB, framesMax: 1_024 }),
  /** Bytes handed to the socket ahead of the kernel: what a vote may wait behind. */
  socketBytesMax: 256 * KIB,
  handshakeTimeoutMs: 5_000,
  /** How long a peer's dial waits for our own to succeed before it is taken after all. */
  holdMs: 300,
  /** Time for the closing frame to leave before the socket is destroyed. */
  closeGraceMs: 500,
  pingIdleMs: 2_000,
  silenceMaxMs: 6_000,
  backoffMinMs: 100,
  backoffMaxMs: 5_000,
  /** A dropped peer stays away at least this long. */
  dropBackoffMinMs: 1_000,
  /** A connection that held this long makes the next backoff start anew. */
  stableMs: 60_000,
  unfinishedMax: 128,
  /** All validators of a playground, or behind one address translation, may dial at the same moment. */
  unfinishedPerAddressMax: 32,
});

/** Node's own high-water mark of a socket: below it, no drain event would ever wake the queues. */
const SOCKET_BYTES_MIN = 64 * KIB;

/** Defaults with some replaced. Throws RangeError on a combination that cannot work. */
export function resolveLimits(overrides: Partial<NetLimits> = {}): NetLimits {
  const limits = { ...defaultLimits, ...overrides };
  const holds =
    limits.chunkBytesMax + 64 <= limits.frameBytesMax &&
    limits.helloBytesMax <= limits.frameBytesMax &&
    limits.socketBytesMax >= SOCKET_BYTES_MIN &&
    limits.pingIdleMs < limits.silenceMaxMs &&
    limits.backoffMinMs <= limits.backoffMaxMs &&
    limits.holdMs < limits.handshakeTimeoutMs &&
    limits.requestsMax <= limits.handlersMax;
  if (!holds) throw new RangeError('limits of the peer mesh contradict each other');
  return Object.freeze(limits);
}
