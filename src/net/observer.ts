import type { Channel } from '../ports/network.ts';
import type { ValidatorId } from '../types/brand.ts';
import type { Closing } from './framed-socket.ts';

/** What the node's metrics are made of. Labels are bounded: codes of the registry, channels, validators. */
export type NetEvent =
  | { readonly kind: 'up'; readonly peer: ValidatorId; readonly dialledBy: 'self' | 'peer' }
  | { readonly kind: 'down'; readonly peer: ValidatorId; readonly code: Closing['code']; readonly by: Closing['by'] }
  /** A connection that ended before it was a peer's. */
  | { readonly kind: 'rejected'; readonly code: Closing['code']; readonly by: Closing['by'] }
  /** Frames that never left: queue full, or no connection. */
  | { readonly kind: 'dropped'; readonly peer: ValidatorId; readonly channel: Channel; readonly frames: number }
  | { readonly kind: 'defect'; readonly peer: ValidatorId };

/** pino has this shape. */
export interface NetLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface PeerStats {
  readonly id: ValidatorId;
  readonly connected: boolean;
  readonly uptimeMs: number;
  readonly unsentBytes: number;
  readonly sentBytes: number;
  readonly sentFrames: number;
  readonly receivedBytes: number;
  readonly receivedFrames: number;
  /** Since the start, per channel. */
  readonly dropped: Readonly<Record<Channel, number>>;
}

export interface NetStats {
  readonly peers: readonly PeerStats[];
  /** How many connections ended with which code, since the start; `UNKNOWN` is a peer's code that is not in our registry. */
  readonly closed: Readonly<Partial<Record<Closing['code'], number>>>;
  /** Connections that have not introduced themselves yet. */
  readonly unfinished: number;
}

/** Counts what the mesh tells and passes it on. */
export class NetObserver {
  readonly closed: Partial<Record<Closing['code'], number>> = {};
  readonly #metrics: ((event: NetEvent) => void) | undefined;
  readonly #logger: NetLogger | undefined;

  constructor(metrics: ((event: NetEvent) => void) | undefined, logger: NetLogger | undefined) {
    this.#metrics = metrics;
    this.#logger = logger;
  }

  up(peer: ValidatorId, dialledBy: 'self' | 'peer'): void {
    this.#logger?.info({ peer, dialledBy }, 'peer connected');
    this.#metrics?.({ kind: 'up', peer, dialledBy });
  }

  down(peer: ValidatorId, closing: Closing): void {
    this.#count(closing);
    this.#logger?.info({ peer, ...closing }, 'peer disconnected');
    this.#metrics?.({ kind: 'down', peer, code: closing.code, by: closing.by });
  }

  /** `who`: validator if one was dialled, else the remote address. */
  rejected(who: string, closing: Closing): void {
    this.#count(closing);
    this.#logger?.debug({ who, ...closing }, 'connection ended before it was a peer');
    this.#metrics?.({ kind: 'rejected', code: closing.code, by: closing.by });
  }

  dropped(peer: ValidatorId, channel: Channel, frames: number): void {
    this.#metrics?.({ kind: 'dropped', peer, channel, frames });
  }

  defect(peer: ValidatorId, where: string, error: unknown): void {
    this.#logger?.error({ peer, where, err: error }, 'a handler of the peer mesh failed');
    this.#metrics?.({ kind: 'defect', peer });
  }

  #count(closing: Closing): void {
    this.closed[closing.code] = (this.closed[closing.code] ?? 0) + 1;
  }
}
