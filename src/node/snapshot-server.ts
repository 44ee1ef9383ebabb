import { ByteReader, ByteWriter } from '../codec/index.ts';
import {
  decodeBlock,
  decodeCertificate,
  encodeSnapshotHead,
  BUCKET_COUNT,
  rightEdge,
  type SnapshotHead,
} from '../ledger/index.ts';
import type { ApplicationInfo } from '../ports/application.ts';
import type { BlockWrites } from '../ports/state.ts';
import type { Store } from '../store/index.ts';

/** Buckets that one request may name. */
export const bucketsAskedMax = 1_024;
/** Bytes of one answer; a single bucket is sent whatever its size. */
const answerBytesMax = 4 * 1024 * 1024;
export const bucketBytesMax = 15 * 1024 * 1024;
/** A state that was shown is kept for those who fetch it as long as they ask at least this often. */
const unusedMs = 30_000;
/** Whoever comes later gets a newer one once it is this many blocks old. */
const staleBlocks = 500;
const keptStatesMax = 2;
/** Of buckets that changed since; beyond, the state is given up and whoever fetches it goes on with a newer one. */
const savedBytesMax = 32 * 1024 * 1024;

interface Kept {
  readonly height: number;
  readonly head: Uint8Array;
  /** What stood in the buckets that were written since. */
  readonly saved: Map<number, Uint8Array>;
  savedBytes: number;
  usedMs: number;
}

interface Deps {
  readonly app: { info(): ApplicationInfo; bucketHashes(): Uint8Array };
  readonly store: Pick<Store, 'block' | 'certificate' | 'readBucket' | 'readNode' | 'readLeaf'>;
  readonly nowMs: () => number;
}

/**
 * Gives the state of one height to peers that are far behind while the chain goes on: whatever a block is about to overwrite is put aside first, in
 * memory and bounded. Nothing is copied of what does not change, and nothing is done while nobody asks.
 */
export class SnapshotServer {
  readonly #d: Deps;
  /** Newest last. */
  #kept: Kept[] = [];

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** Bytes put aside. */
  get savedBytes(): number {
    return this.#kept.reduce((sum, { savedBytes }) => sum + savedBytes, 0);
  }

  /** To be called before a block's buckets can be read from the store. */
  beforeCommit(writes: BlockWrites['buckets']): void {
    this.#forgetUnused();
    for (const kept of this.#kept) {
      for (const [bucket] of writes) {
        if (kept.saved.has(bucket)) continue;
        const bytes = Uint8Array.from(this.#d.store.readBucket(bucket) ?? []);
        kept.saved.set(bucket, bytes);
        kept.savedBytes += bytes.length;
      }
    }
    this.#kept = this.#kept.filter(({ savedBytes }) => savedBytes <= savedBytesMax);
  }

  /** Answers `snapshot`: a head as src/ledger/snapshot.ts says; empty before the first block. */
  serveHead(request: Uint8Array): Uint8Array {
    new ByteReader(request).end();
    this.#forgetUnused();
    const { height } = this.#d.app.info();
    if (height === 0) return new Uint8Array();
    const newest = this.#kept.at(-1);
    const kept = newest !== undefined && height - newest.height < staleBlocks ? newest : this.#keep();
    kept.usedMs = this.#d.nowMs();
    return kept.head;
  }

  /** Answers `buckets`: those asked for that fit, in the order of the request; none if that state is not kept any more. */
  serveBuckets(request: Uint8Array): Uint8Array {
    const reader = new ByteReader(request);
    const height = reader.u64();
    const asked: number[] = [];
    for (let left = Math.min(reader.u16(), bucketsAskedMax); left > 0; left -= 1) asked.push(reader.u16());
    reader.end();
    const kept = this.#kept.find((candidate) => candidate.height === height);
    const writer = new ByteWriter();
    if (kept === undefined) return writer.u16(0).finish();
    kept.usedMs = this.#d.nowMs();
    const found: (readonly [number, Uint8Array])[] = [];
    let bytes = 0;
    for (const bucket of asked) {
      const value = kept.saved.get(bucket) ?? this.#d.store.readBucket(bucket) ?? new Uint8Array();
      bytes += value.length + 6;
      if (found.length > 0 && bytes > answerBytesMax) break;
      found.push([bucket, value]);
    }
    writer.u16(found.length);
    for (const [bucket, value] of found) writer.u16(bucket).lengthPrefixed(value, bucketBytesMax);
    return writer.finish();
  }

  #keep(): Kept {
    const { height } = this.#d.app.info();
    const kept = { height, head: encodeSnapshotHead(this.#head()), saved: new Map(), savedBytes: 0, usedMs: 0 };
    this.#kept = [...this.#kept, kept].slice(-keptStatesMax);
    return kept;
  }

  #head(): SnapshotHead {
    const { app, store } = this.#d;
    const { height, state } = app.info();
    const bytes = store.block(height);
    const certificate = store.certificate(height);
    if (bytes === undefined || certificate === undefined) throw new Error(`block ${height} is not in the store`);
    const block = decodeBlock(bytes);
    const firstLeaf = state.logSize - block.txs.length - 1;
    const there = (what: string, value: Uint8Array | undefined): Uint8Array => {
      if (value === undefined) throw new Error(`${what} is not in the store`);
      return value;
    };
    const leaves = Array.from({ length: block.txs.length + 1 }, (_, i) =>
      there(`leaf ${firstLeaf + i}`, store.readLeaf(firstLeaf + i)),
    );
    const edge = rightEdge(firstLeaf).map(([level, index]) =>
      there(`node ${level}/${index}`, store.readNode(level, index)),
    );
    const bucketHashes = app.bucketHashes();
    return { block, certificate: decodeCertificate(certificate), state, leaves, edge, bucketHashes };
  }

  #forgetUnused(): void {
    if (this.#kept.length === 0) return;
    const nowMs = this.#d.nowMs();
    this.#kept = this.#kept.filter(({ usedMs }) => nowMs - usedMs < unusedMs);
  }
}

export function encodeBucketsRequest(height: number, buckets: readonly number[]): Uint8Array {
  const writer = new ByteWriter();
  writer.u64(height).u16(buckets.length);
  for (const bucket of buckets) writer.u16(bucket);
  return writer.finish();
}

/** Form only. Throws CODEC_*. */
export function decodeBuckets(answer: Uint8Array): (readonly [bucket: number, bytes: Uint8Array])[] {
  const reader = new ByteReader(answer);
  const found: (readonly [number, Uint8Array])[] = [];
  for (let left = Math.min(reader.u16(), BUCKET_COUNT); left > 0; left -= 1)
    found.push([reader.u16(), reader.lengthPrefixed(bucketBytesMax)]);
  reader.end();
  return found;
}
