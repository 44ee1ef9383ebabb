import type { Hash } from '../types/brand.ts';
import type { AppState, BlockHeader, Certificate } from '../types/chain.ts';
import type { TxResult, ProposedChange } from '../types/transaction.ts';
import type { ErrorCode } from '../errors/registry.ts';

/** A decided header with what opens its app hash: everything that a node says is proven against one of these. */
export interface CertifiedHeader {
  readonly header: BlockHeader;
  readonly certificate: Certificate;
  readonly state: AppState;
}

export interface LeafProof {
  readonly index: number;
  readonly leaf: Uint8Array;
  /** RFC 6962 inclusion proof in the tree of the head's size. */
  readonly proof: readonly Hash[];
}

/** How one set hands over to the next: the certified block that made the change, its leaf with the next set, and both quorums' notes of the log that ends there. */
export interface HandoverProof {
  readonly n: number;
  readonly head: CertifiedHeader;
  readonly leaf: LeafProof;
  /** Null until they are on the chain. */
  readonly before: string | null;
  readonly after: string | null;
}

export interface PeerStatus {
  readonly id: string;
  readonly address: string;
  readonly connected: boolean;
}

/** What a node says of itself. Only the head is proven; the rest is this node's word. */
export interface SpoolStatus {
  readonly pending: number;
  readonly bytes: number;
  /** When the oldest of these was received; null if there is none. */
  readonly oldestMs: number | null;
  /** Since when the spool takes nothing; null if it does. */
  readonly gapSinceMs: number | null;
  /** Writes that were not taken in the gap that is open. */
  readonly lost: number;
}

export interface NodeStatus {
  readonly org: string;
  readonly version: string;
  readonly chain: Hash;
  readonly chainName: string;
  readonly height: number;
  readonly logSize: number;
  readonly timeMs: number;
  readonly round: number;
  readonly proposer: string | null;
  readonly validators: number;
  readonly quorum: number;
  readonly quorumReachable: boolean;
  readonly catchingUpTo: number | null;
  /** A state that is being fetched, and how many of its buckets are here; null if there is none. */
  readonly snapshot: { readonly height: number; readonly buckets: number; readonly of: number } | null;
  /** Heights that this node does not have yet since it began with a snapshot; null if it has all. */
  readonly historyGap: { readonly from: number; readonly to: number } | null;
  readonly mempool: number;
  readonly halted: string | null;
  readonly ready: boolean;
  readonly notReady: readonly string[];
  readonly peers: readonly PeerStatus[];
  readonly cluster: {
    readonly name: string;
    readonly hook: string | null;
    readonly hasKey: boolean;
    readonly observer: string;
    /** What the record hook took and the log does not have yet; null where this node answers no hook. */
    readonly spool: SpoolStatus | null;
  } | null;
}

export type RecordFilter =
  | {
      readonly by: 'object' | 'namespace' | 'actor' | 'decision' | 'operation' | 'proposal' | 'kind';
      readonly key: string;
    }
  | { readonly by: 'all' };

export interface RecordQuery {
  readonly filter: RecordFilter;
  /** With the leaf of each block that a record of the page is in: it holds the block's time. */
  readonly withBlocks: boolean;
  /** Block times, inclusive; null for no bound. */
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  /** Only leaves below this index; null from the newest. */
  readonly before: number | null;
  readonly limit: number;
}

export interface RecordPage {
  readonly items: readonly (LeafProof & { readonly observations: readonly number[] })[];
  /** What observers saw become of the items, each once: one is about many records. */
  readonly observations: readonly LeafProof[];
  /** Of the items' blocks, each once; empty unless they were asked for. */
  readonly blocks: readonly LeafProof[];
  /** `before` of the next page; null at the end. */
  readonly next: number | null;
}

export type SubmitAnswer =
  | {
      readonly kind: 'committed';
      readonly hash: Hash;
      readonly height: number;
      readonly leaf: number;
      readonly result: TxResult;
    }
  | { readonly kind: 'unknown'; readonly hash: Hash }
  | { readonly kind: 'rejected'; readonly code: ErrorCode; readonly message: string };

/** What the HTTP API serves. Reads are synchronous, so that what one answer holds belongs to one state. */
export interface ApiBackend {
  genesis(): Uint8Array;
  status(): NodeStatus;
  /** Undefined before the first block. */
  head(): CertifiedHeader | undefined;
  block(height: number): (CertifiedHeader & { readonly txCount: number }) | undefined;
  leaf(index: number, size: number): LeafProof | undefined;
  consistency(from: number, to: number): readonly Hash[];
  /** Changes of the validator set from set `from` on, oldest first, at most `limit`. */
  handovers(from: number, limit: number): readonly HandoverProof[];
  /** Against the head. */
  state(key: string): { readonly value: Uint8Array | null; readonly proof: unknown };
  /** Newest first; fewer than asked for, with `next`, where they would be too many bytes. What it is proven against is taken before it first waits. */
  records(query: RecordQuery): Promise<RecordPage>;
  submit(envelope: Uint8Array): Promise<SubmitAnswer>;
  /** Body asked for by a signed request of a member. */
  body(envelope: Uint8Array): Promise<Uint8Array>;
  /** Canonical form of a change, asked for by a signed request of a member of this node's organisation. */
  canonicalize(envelope: Uint8Array): Promise<{ readonly change: ProposedChange; readonly body: Uint8Array }>;
  /** Body of a proposal; undefined if there is none under this hash here, nor where it can be had. */
  details(hash: Hash): Promise<Uint8Array | undefined>;
  /** Takes the body of a proposal that a member of this node's organisation is about to make; answers its hash. */
  putDetails(envelope: Uint8Array): Promise<Hash>;
  /** Of proposals that left the state: what `src/ledger/archive.ts` describes, with the leaf that it is proven against. Those that this node has. */
  archived(proposals: readonly number[]): readonly { readonly archived: Uint8Array; readonly leaf: LeafProof }[];
  /** Signed note of the current tree, with cosignatures of a quorum made now if `fresh`. */
  checkpoint(fresh: boolean): Promise<string>;
}
