import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { bytesEqual } from '../codec/index.ts';
import { signBytes } from '../consensus/index.ts';
import { ValidatorTrail } from '../client/validator-trail.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import {
  BUCKET_COUNT,
  bucketHash,
  decodeSnapshotHead,
  encodeBlock,
  encodeCertificate,
  hashAt,
  verifySnapshotHead,
  type LoadedGenesis,
  type SnapshotHead,
  type VerifiedSnapshot,
} from '../ledger/index.ts';
import type { CryptoBackend, Sha256 } from '../ports/crypto.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { CommittedBlock, Store } from '../store/index.ts';
import type { ValidatorId } from '../types/brand.ts';
import { bucketsAskedMax, decodeBuckets, encodeBucketsRequest } from './snapshot-server.ts';
import { decodeSets, encodeSetsRequest } from './validator-sets.ts';

const requestTimeoutMs = 20_000;
/** After an attempt in which nobody showed a state that is worth it. */
const cooldownMs = 60_000;
const retryMs = 500;
/** Attempts in a row without a single new bucket. */
const fruitlessMax = 10;
const sourcesMax = 8;
/** Buckets of one request where few are left. */
const bucketsAskedMin = 8;
const setsAskedMax = 1_000;
/** Between two lines of the log. */
const progressMs = 2_000;
const scannedAtOnce = 1_024;

interface Source {
  readonly peer: ValidatorId;
  readonly head: SnapshotHead;
  readonly verified: VerifiedSnapshot;
}

export interface SnapshotProgress {
  readonly height: number;
  /** Filled buckets of that state that are here, and all of them. */
  readonly buckets: number;
  readonly of: number;
}

interface Deps {
  readonly genesis: LoadedGenesis;
  readonly backend: Pick<CryptoBackend, 'sha256' | 'verifyEd25519'>;
  readonly network: Pick<PeerNetwork, 'connected' | 'request' | 'drop'>;
  readonly store: Pick<Store, 'snapshotBuckets' | 'readSnapshotBucket' | 'writeSnapshotBuckets'>;
  /** Last committed height here. */
  readonly height: () => number;
  /** A state is fetched from this many blocks behind on. */
  readonly fromBlocks: number;
  /** The whole state is on disk and proven; it becomes this node's when it starts again. */
  readonly onReady: () => void;
  readonly fatal: (error: unknown) => void;
  readonly info: (message: string, details: object) => void;
  readonly nowMs: () => number;
}

/**
 * Fetches the state of a recent height from several peers, for a node that is far behind.
 *
 * Every peer shows a state of its own height: the block with its certificate, which the validator sets from the pinned genesis on prove, and of each bucket the
 * hash that the certified state root follows from. So each bucket is judged alone, by the hash that its own sender showed. The newest state shown is the one that
 * is fetched; a peer at another height is asked for the buckets that are the same in both. What was written stays good when the height changes or the process
 * ends: the next attempt compares hashes and fetches what differs. Nothing of it is this node's state before all of it has been read back and compared.
 */
export class SnapshotFetch {
  readonly #d: Deps;
  readonly #trail: ValidatorTrail;
  #target: Source | null = null;
  #ready: CommittedBlock | null = null;
  #here = 0;
  #of = 0;
  #told = 0;
  #notBeforeMs = 0;
  #running: Promise<void> | null = null;
  #stopped = false;
  /** Rejects when this is to end: an answer that is still to come is not waited for. */
  readonly #over = Promise.withResolvers<never>();

  constructor(deps: Deps) {
    this.#d = deps;
    this.#over.promise.catch(() => undefined);
    this.#trail = new ValidatorTrail(deps.genesis);
  }

  /** A state that is proven is on its way, or here: the blocks before it need not be executed first. */
  get isUnderWay(): boolean {
    return this.#target !== null;
  }

  get progress(): SnapshotProgress | null {
    if (this.#target === null) return null;
    return { height: this.#target.head.block.header.height, buckets: this.#here, of: this.#of };
  }

  /** What is to be taken over; null unless all of the state is on disk. */
  get ready(): CommittedBlock | null {
    return this.#ready;
  }

  /** Peers named this height, which proves nothing yet. */
  consider(height: number): void {
    if (this.#running !== null || this.#stopped || this.#ready !== null) return;
    if (height - this.#d.height() < this.#d.fromBlocks || this.#d.nowMs() < this.#notBeforeMs) return;
    this.#running = this.#run()
      .catch(this.#d.fatal)
      .finally(() => {
        this.#running = null;
      });
  }

  /** Resolves when no attempt goes on. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#over.reject(new ChainError('NODE_NOT_READY', { reason: 'it is stopping' }));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { info, height, nowMs, onReady } = this.#d;
    for (let fruitless = 0; !this.#stopped && fruitless < fruitlessMax;) {
      const sources = await this.#sources();
      const [newest] = sources;
      // While a state is being fetched nobody may be there for a moment; before, this is not the time for one.
      if (newest === undefined && this.#target === null) break;
      const before = this.#here;
      if (newest !== undefined) {
        this.#aim(newest);
        await this.#fetch(newest, sources);
        if (!this.#stopped && this.#here === this.#of && (await this.#wanted(newest.head)).length === 0) {
          this.#ready = committedBlockOf(newest);
          info('the state is here and proven', { height: newest.head.block.header.height, buckets: this.#of });
          return onReady();
        }
      }
      fruitless = this.#here > before ? 0 : fruitless + 1;
      await sleep(retryMs);
    }
    if (this.#target !== null && !this.#stopped)
      info('the state could not be had: blocks are fetched instead', { from: height() + 1 });
    this.#target = null;
    this.#notBeforeMs = nowMs() + cooldownMs;
  }

  #aim(source: Source): void {
    const height = source.head.block.header.height;
    if (this.#target?.head.block.header.height !== height)
      this.#d.info('far behind: the state of a certified block is fetched', { own: this.#d.height(), height });
    this.#target = source;
  }

  /** States that peers show and prove, newest first, each far enough ahead. What does not verify costs its peer the connection. */
  async #sources(): Promise<readonly Source[]> {
    const { network } = this.#d;
    const shown = await Promise.all(
      network.connected().map(async (peer) => {
        const answer = await this.#request(peer, 'snapshot', new Uint8Array()).catch(() => new Uint8Array());
        return { peer, answer };
      }),
    );
    const sources: Source[] = [];
    for (const { peer, answer } of shown) {
      if (answer.length === 0) continue;
      await nextTurn();
      try {
        const head = decodeSnapshotHead(answer);
        if (head.block.header.height - this.#d.height() < this.#d.fromBlocks) continue;
        sources.push({ peer, head, verified: await this.#verified(peer, head) });
      } catch (error) {
        if (!isChainError(error)) throw error;
        if (isWrong(error)) network.drop(peer, error.message);
        this.#d.info('no state had from peer', { peer, reason: error.message });
      }
    }
    // Blocks were fetched meanwhile: near enough, they are the shorter way.
    const worth = sources.filter(({ head }) => head.block.header.height - this.#d.height() >= this.#d.fromBlocks);
    return worth.sort((a, b) => b.head.block.header.height - a.head.block.header.height).slice(0, sourcesMax);
  }

  async #verified(peer: ValidatorId, head: SnapshotHead): Promise<VerifiedSnapshot> {
    const { genesis, backend } = this.#d;
    const { block, certificate, state } = head;
    const certified = { header: block.header, certificate, state };
    for (let asked = 0; !this.#trail.knows(certified) && asked < setsAskedMax; asked += 1) {
      const known = this.#trail.newest;
      const request = encodeSetsRequest(this.#trail.wanted);
      this.#trail.extend(decodeSets(await this.#request(peer, 'validator-sets', request)));
      if (this.#trail.newest.n === known.n) break;
    }
    const { validators } = this.#trail.at(block.header.height);
    return verifySnapshotHead(
      head,
      { genesisHash: genesis.hash, validators },
      { ...backend, precommitBytes: signBytes },
    );
  }

  #request(peer: ValidatorId, method: string, request: Uint8Array): Promise<Uint8Array> {
    return Promise.race([this.#d.network.request(peer, method, request, requestTimeoutMs), this.#over.promise]);
  }

  /** Until all is here, or nobody of these has more. */
  async #fetch(target: Source, sources: readonly Source[]): Promise<void> {
    const wanted = await this.#wanted(target.head);
    const queue = new Set(wanted);
    this.#tell(true);
    // Two requests at a time keep a peer busy while what it sent is written; small ones, where there is little, so that each has its part.
    const atOnce = Math.min(bucketsAskedMax, Math.max(bucketsAskedMin, Math.ceil(queue.size / (4 * sources.length))));
    await Promise.all([...sources, ...sources].map((source) => this.#drain(source, target, queue, atOnce)));
  }

  async #drain(source: Source, target: Source, queue: Set<number>, atOnce: number): Promise<void> {
    const { network, backend, store } = this.#d;
    while (!this.#stopped) {
      const asked: number[] = [];
      for (const bucket of queue) {
        if (asked.length === atOnce) break;
        const isSame = bytesEqual(hashAt(source.head.bucketHashes, bucket), hashAt(target.head.bucketHashes, bucket));
        if (isSame) asked.push(bucket);
      }
      if (asked.length === 0) return;
      for (const bucket of asked) queue.delete(bucket);
      let checked: readonly (readonly [number, Uint8Array])[] = [];
      try {
        const request = encodeBucketsRequest(source.head.block.header.height, asked);
        const answer = await this.#request(source.peer, 'buckets', request);
        checked = checkedBuckets(answer, asked, source.head.bucketHashes, backend.sha256);
      } catch (error) {
        if (!isChainError(error)) throw error;
        if (isWrong(error)) network.drop(source.peer, error.message);
        this.#d.info('buckets not had from peer', { peer: source.peer, reason: error.message });
      }
      for (const [bucket] of checked) asked.splice(asked.indexOf(bucket), 1);
      for (const bucket of asked) queue.add(bucket);
      if (checked.length === 0) return;
      await store.writeSnapshotBuckets(checked);
      this.#here += checked.length;
      this.#tell(false);
    }
  }

  /** Filled buckets of that state that are not on disk as they must be. What must be empty is made so. */
  async #wanted({ bucketHashes }: SnapshotHead): Promise<readonly number[]> {
    const { store, backend } = this.#d;
    const there = new Set(store.snapshotBuckets());
    const wanted: number[] = [];
    let filled = 0;
    for (let bucket = 0; bucket < BUCKET_COUNT && !this.#stopped; bucket += 1) {
      if (bucket % scannedAtOnce === 0) await nextTurn();
      const expected = hashAt(bucketHashes, bucket);
      if (expected.every((byte: number) => byte === 0)) continue;
      filled += 1;
      const bytes = there.delete(bucket) ? store.readSnapshotBucket(bucket) : undefined;
      if (bytes === undefined || !bytesEqual(bucketHash(backend.sha256, bytes), expected)) wanted.push(bucket);
    }
    if (there.size > 0 && !this.#stopped) await store.writeSnapshotBuckets([...there].map((bucket) => [bucket, null]));
    this.#of = filled;
    this.#here = filled - wanted.length;
    return wanted;
  }

  #tell(atOnce: boolean): void {
    const nowMs = this.#d.nowMs();
    if (!atOnce && nowMs - this.#told < progressMs) return;
    this.#told = nowMs;
    this.#d.info('fetching the state', { ...this.progress });
  }
}

/**
 * The buckets of an answer, each of which was asked for and hashes to what its sender showed of the certified state. None if the sender keeps that state no more.
 * Throws SNAPSHOT_BUCKET, CODEC_*.
 */
export function checkedBuckets(
  answer: Uint8Array,
  asked: readonly number[],
  bucketHashes: Uint8Array,
  sha256: Sha256,
): readonly (readonly [bucket: number, bytes: Uint8Array])[] {
  const open = new Set(asked);
  const buckets = decodeBuckets(answer);
  for (const [bucket, bytes] of buckets) {
    if (!open.delete(bucket)) throw new ChainError('SNAPSHOT_BUCKET', { bucket, reason: 'it was not asked for' });
    if (!bytesEqual(bucketHash(sha256, bytes), hashAt(bucketHashes, bucket)))
      throw new ChainError('SNAPSHOT_BUCKET', { bucket, reason: 'it has another hash than the certified state' });
  }
  return buckets;
}

/** What an answer is wrong by, as opposed to one that did not come. */
function isWrong({ code }: ChainError): boolean {
  return !code.startsWith('NET_') && code !== 'NODE_NOT_READY';
}

/** The block that a snapshot ends with, as the store keeps it. Its audit indexes come with the history. */
function committedBlockOf({ head, verified }: Source): CommittedBlock {
  const { block, certificate, state, leaves } = head;
  return {
    height: block.header.height,
    blockId: verified.blockId,
    blockBytes: encodeBlock(block),
    certificateBytes: encodeCertificate(certificate),
    state,
    writes: {
      buckets: [],
      nodes: verified.nodes,
      leaves: leaves.map((bytes, i) => [verified.firstLeaf + i, bytes] as const),
      indexes: [],
      archive: [],
    },
  };
}
