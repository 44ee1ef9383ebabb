import type { ValidatorId } from '../types/brand.ts';

/** One-way message channels of the mesh; each has its own bounded queue, consensus first. */
export type Channel = 'consensus' | 'transaction' | 'control';

export interface PeerNetwork {
  /** Queues a frame; drops the oldest of the channel and counts it when the queue is full. Never blocks. */
  send(to: ValidatorId, channel: Channel, bytes: Uint8Array): void;
  broadcast(channel: Channel, bytes: Uint8Array): void;
  /** Request and answer, bounded in size; rejects with NET_TIMEOUT, NET_UNREACHABLE or NET_REFUSED. */
  request(to: ValidatorId, method: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  connected(): readonly ValidatorId[];
  /** Who may connect: the ledger's validator set. Connections of others are closed. */
  setPeers(peers: readonly { readonly id: ValidatorId; readonly tlsKey: string; readonly address: string }[]): void;
  /** Closes the connection to a peer that lied or broke the protocol; it is redialled after a backoff. */
  drop(peer: ValidatorId, reason: string): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface PeerHandlers {
  onMessage(from: ValidatorId, channel: Channel, bytes: Uint8Array): void;
  onRequest(from: ValidatorId, method: string, bytes: Uint8Array): Promise<Uint8Array>;
  onPeerUp(peer: ValidatorId): void;
  onPeerDown(peer: ValidatorId): void;
}
