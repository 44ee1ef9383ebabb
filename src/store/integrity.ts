import { hash as digest } from 'node:crypto';
import { buckets, type BucketName } from './lmdb/bucket-registry.ts';
import { orderedRows } from './lmdb/audit-index.ts';
import { leafOf, stateSpaces, u48Bytes } from './lmdb/key.ts';
import type { HistoryGap } from './lmdb/spaces.ts';
import type { Store } from './store.ts';
import type { AppState } from '../types/chain.ts';
import type { Hash } from '../types/brand.ts';
import type { TreeSource } from '../ports/state.ts';

export type ProblemCode =
  | 'HEIGHT_MISSING'
  | 'STATE_UNDECODABLE'
  | 'LOG_SHRINKS'
  | 'BLOCK_MISSING'
  | 'BLOCK_UNDECODABLE'
  | 'BLOCK_MISMATCH'
  | 'CERTIFICATE_MISSING'
  | 'CERTIFICATE_UNDECODABLE'
  | 'CERTIFICATE_MISMATCH'
  | 'LEAF_MISSING'
  | 'LEAF_UNDECODABLE'
  | 'LEAF_BEYOND_LOG'
  | 'LEAF_MISMATCH'
  | 'NODE_MISSING'
  | 'NODE_BEYOND_LOG'
  | 'NODE_MISMATCH'
  | 'LOG_ROOT_MISMATCH'
  | 'BUCKET_UNDECODABLE'
  | 'STATE_ROOT_MISMATCH'
  | 'INDEX_DANGLING'
  | 'BODY_MISMATCH'
  | 'BODY_INCOMPLETE'
  | 'UNKNOWN_BUCKET';

export interface Problem {
  readonly code: ProblemCode;
  /** Bucket and key, for people. */
  readonly where: string;
  readonly detail: string;
}

/** What only the ledger knows. `decode*` and `check*` throw for bytes that are not theirs; the message becomes the detail. */
export interface LedgerFunctions {
  leafHash(bytes: Uint8Array): Uint8Array;
  nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array;
  /** Root of the first `size` leaves over stored nodes; may throw if one is missing. */
  logRootOf(size: number, read: TreeSource['readNode']): Hash;
  checkBucket(bucket: number, bytes: Uint8Array): void;
  /** Root of the state tree over all stored buckets. */
  stateRootOf(source: Pick<TreeSource, 'readBucket'>): Hash;
  decodeBlock(bytes: Uint8Array): {
    readonly id: Hash;
    readonly height: number;
    readonly previous: Hash;
    readonly appHash: Hash;
  };
  appHashOf(state: AppState): Hash;
  decodeCertificate(bytes: Uint8Array): { readonly height: number; readonly blockId: Hash };
}

/**
 * Walks over everything a store holds and says what is wrong, as data; the store is not changed. One pass over the file:
 * about as long as reading and hashing it takes. For a store that was opened for reading, so that the node may go on.
 * What a gap of its history leaves out is no problem; all else is held to the same.
 */
export function* checkStore(store: Store, ledger: LedgerFunctions): Generator<Problem> {
  yield* checkHeights(store, ledger);
  const last = stateAt(store, store.lastHeight());
  const size = typeof last === 'object' ? last.logSize : 0;
  yield* checkLeaves(store, ledger, size);
  yield* checkNodes(store, ledger, size);
  yield* checkState(store, ledger, typeof last === 'object' ? last : undefined);
  yield* checkIndexes(store, size);
  yield* checkBodies(store);
  yield* checkNumbers(store);
}

function* checkHeights(store: Store, ledger: LedgerFunctions): Generator<Problem> {
  const last = store.lastHeight();
  if (last < 0) return;
  const first = stateAt(store, 0) === undefined ? 1 : 0;
  let sizeBefore = 0;
  for (let height = first; height <= last; height++) {
    if (store.gap !== null && height === store.gap.through + 1) height = store.gap.from;
    const where = `height ${height}`;
    const state = stateAt(store, height);
    if (state === undefined) {
      yield { code: 'HEIGHT_MISSING', where, detail: `nothing is stored of it, the last height is ${last}` };
      continue;
    }
    if (typeof state === 'string') {
      yield { code: 'STATE_UNDECODABLE', where, detail: state };
      continue;
    }
    if (state.logSize < sizeBefore) {
      yield { code: 'LOG_SHRINKS', where, detail: `log size ${state.logSize} after ${sizeBefore}` };
    }
    sizeBefore = state.logSize;
    const logRoot = attempt(() => ledger.logRootOf(state.logSize, (level, index) => store.readNode(level, index)));
    if (logRoot.value !== state.logRoot) {
      yield {
        code: 'LOG_ROOT_MISMATCH',
        where,
        detail: logRoot.failure ?? `the nodes give ${logRoot.value}, not ${state.logRoot}`,
      };
    }
    if (height > 0) yield* checkBlock(store, ledger, height, state);
  }
}

function* checkBlock(store: Store, ledger: LedgerFunctions, height: number, state: AppState): Generator<Problem> {
  const where = `height ${height}`;
  const id = store.blockId(height) as Hash;
  const bytes = attempt(() => store.block(height));
  const block = attempt(() => (bytes.value === undefined ? undefined : ledger.decodeBlock(bytes.value)));
  if (bytes.failure !== undefined || block.failure !== undefined) {
    yield { code: 'BLOCK_UNDECODABLE', where, detail: bytes.failure ?? block.failure ?? '' };
  } else if (block.value === undefined) {
    yield { code: 'BLOCK_MISSING', where, detail: 'there is a state but no block' };
  } else {
    const { value } = block;
    const previous = attempt(() => store.blockId(height - 1)).value;
    const appHash = ledger.appHashOf(state);
    const wrong: string[] = [];
    if (value.id !== id) wrong.push(`its id is ${value.id}, stored is ${id}`);
    if (value.height !== height) wrong.push(`its header says height ${value.height}`);
    if (height > 1 && previous !== undefined && value.previous !== previous)
      wrong.push(`it follows ${value.previous}, not ${previous}`);
    if (value.appHash !== appHash) wrong.push(`its app hash is ${value.appHash}, the state gives ${appHash}`);
    if (wrong.length > 0) yield { code: 'BLOCK_MISMATCH', where, detail: wrong.join('; ') };
  }
  yield* checkCertificate(store, ledger, height, id);
}

function* checkCertificate(store: Store, ledger: LedgerFunctions, height: number, id: Hash): Generator<Problem> {
  const where = `height ${height}`;
  const bytes = store.certificate(height);
  if (bytes === undefined) {
    yield { code: 'CERTIFICATE_MISSING', where, detail: 'there is a block but no certificate' };
    return;
  }
  const { value, failure } = attempt(() => ledger.decodeCertificate(bytes));
  if (value === undefined) yield { code: 'CERTIFICATE_UNDECODABLE', where, detail: failure ?? '' };
  else if (value.height !== height || value.blockId !== id) {
    yield {
      code: 'CERTIFICATE_MISMATCH',
      where,
      detail: `it is for block ${value.blockId} of height ${value.height}, not ${id}`,
    };
  }
}

function* checkLeaves(store: Store, ledger: LedgerFunctions, size: number): Generator<Problem> {
  let next = 0;
  for (const [key] of entriesOf(store, 'leaf')) {
    const index = leafOf(key);
    if (index >= size) {
      yield { code: 'LEAF_BEYOND_LOG', where: `leaf ${index}`, detail: `the log has ${size} leaves` };
      continue;
    }
    yield* missingLeaves(store, next, index);
    next = index + 1;
    const { value: bytes, failure } = attempt(() => store.readLeaf(index));
    if (bytes === undefined) {
      yield { code: 'LEAF_UNDECODABLE', where: `leaf ${index}`, detail: failure ?? '' };
      continue;
    }
    const node = store.readNode(0, index);
    if (node !== undefined && !equal(node, ledger.leafHash(bytes))) {
      yield { code: 'LEAF_MISMATCH', where: `leaf ${index}`, detail: 'its hash is not the one in the tree' };
    }
  }
  yield* missingLeaves(store, next, size);
}

function* missingLeaves(store: Store, from: number, to: number): Generator<Problem> {
  const { gap } = store;
  if (gap === null) return yield* missing('LEAF_MISSING', 'leaf', from, to);
  yield* missing('LEAF_MISSING', 'leaf', from, Math.min(to, leavesThrough(store, gap)));
  yield* missing('LEAF_MISSING', 'leaf', Math.max(from, gap.fromLeaf), to);
}

/** A subtree over leaves of a gap is there only where the log's right edge needs it. */
function* missingNodes(store: Store, level: number, from: number, to: number): Generator<Problem> {
  const { gap } = store;
  const what = `node ${level}/`;
  if (gap === null) return yield* missing('NODE_MISSING', what, from, to);
  yield* missing('NODE_MISSING', what, from, Math.min(to, countAt(leavesThrough(store, gap), level)));
  yield* missing('NODE_MISSING', what, Math.max(from, Math.ceil(gap.fromLeaf / 2 ** level)), to);
}

function leavesThrough(store: Store, { through }: HistoryGap): number {
  const state = stateAt(store, through);
  return typeof state === 'object' ? state.logSize : 0;
}

/** Nodes are sorted by level, then index; of level l there are floor(size / 2^l). */
function* checkNodes(store: Store, ledger: LedgerFunctions, size: number): Generator<Problem> {
  let level = 0;
  let next = 0;
  for (const [key, hash] of entriesOf(store, 'node')) {
    const nodeLevel = key[1] as number;
    const index = leafOf(key);
    while (level < nodeLevel) {
      yield* missingNodes(store, level, next, countAt(size, level));
      level += 1;
      next = 0;
    }
    const where = `node ${level}/${index}`;
    if (index >= countAt(size, level)) {
      yield { code: 'NODE_BEYOND_LOG', where, detail: `the log has ${size} leaves` };
      continue;
    }
    yield* missingNodes(store, level, next, index);
    next = index + 1;
    if (level === 0) continue;
    const left = store.readNode(level - 1, 2 * index);
    const right = store.readNode(level - 1, 2 * index + 1);
    if (left !== undefined && right !== undefined && !equal(hash, ledger.nodeHash(left, right))) {
      yield { code: 'NODE_MISMATCH', where, detail: 'it is not the hash of its two children' };
    }
  }
  for (; countAt(size, level) > 0; level += 1, next = 0) {
    yield* missingNodes(store, level, next, countAt(size, level));
  }
}

function* checkState(store: Store, ledger: LedgerFunctions, state: AppState | undefined): Generator<Problem> {
  let undecodable = false;
  for (const [key, bytes] of entriesOf(store, stateSpaces[store.liveSpace])) {
    const bucket = (key[1] as number) * 256 + (key[2] as number);
    const { failure } = attempt(() => ledger.checkBucket(bucket, bytes));
    if (failure === undefined) continue;
    undecodable = true;
    yield { code: 'BUCKET_UNDECODABLE', where: `state bucket ${bucket}`, detail: failure };
  }
  if (state === undefined || undecodable) return;
  const { value, failure } = attempt(() => ledger.stateRootOf(store));
  if (value !== state.stateRoot) {
    const detail = failure ?? `the buckets give ${value}, the last block says ${state.stateRoot}`;
    yield { code: 'STATE_ROOT_MISMATCH', where: `height ${store.lastHeight()}`, detail };
  }
  yield* checkHistoryState(store, ledger);
}

/** What the heights of a gap will be executed on. */
function* checkHistoryState(store: Store, ledger: LedgerFunctions): Generator<Problem> {
  const { gap } = store;
  const before = gap === null ? undefined : stateAt(store, gap.through);
  if (gap === null || typeof before !== 'object') return;
  const source = { readBucket: (bucket: number) => store.readHistoryBucket(bucket) };
  const { value, failure } = attempt(() => ledger.stateRootOf(source));
  if (value === before.stateRoot) return;
  const detail = failure ?? `the buckets of the history give ${value}, the block says ${before.stateRoot}`;
  yield { code: 'STATE_ROOT_MISMATCH', where: `height ${gap.through}`, detail };
}

function* checkIndexes(store: Store, size: number): Generator<Problem> {
  for (const [key] of entriesOf(store, 'index')) {
    const leaf = leafOf(key);
    if (leaf < size) continue;
    yield {
      code: 'INDEX_DANGLING',
      where: `index ${key.subarray(1, -u48Bytes).toString('hex')}`,
      detail: `leaf ${leaf} of ${size}`,
    };
  }
  for (const [key, value] of store.table.entries(orderedRows)) {
    const leaf = value.length === u48Bytes ? leafOf(value) : Infinity;
    if (leaf < size) continue;
    yield {
      code: 'INDEX_DANGLING',
      where: `index ${key.subarray(1).toString('utf8')}`,
      detail: `leaf ${leaf} of ${size}`,
    };
  }
}

function* checkBodies(store: Store): Generator<Problem> {
  for (const [key, bytes] of entriesOf(store, 'body')) {
    const hash = key.subarray(1).toString('hex') as Hash;
    const found = digest('sha256', bytes, 'hex');
    if (found !== hash) yield { code: 'BODY_MISMATCH', where: `body ${hash}`, detail: `its bytes hash to ${found}` };
    const { value, failure } = attempt(() => store.bodyInfo(hash));
    if (value === undefined)
      yield { code: 'BODY_INCOMPLETE', where: `body ${hash}`, detail: failure ?? 'nothing says for whom it is' };
  }
  for (const [key] of entriesOf(store, 'bodyInfo')) {
    const hash = key.subarray(1).toString('hex') as Hash;
    if (store.getBody(hash) === undefined)
      yield { code: 'BODY_INCOMPLETE', where: `body ${hash}`, detail: 'its bytes are missing' };
  }
}

function* checkNumbers(store: Store): Generator<Problem> {
  const known = Object.values(buckets).map((bucket) => bucket.number);
  for (let number = 0; number < 256; number++) {
    if (known.includes(number as (typeof known)[number])) continue;
    const [key] = store.table.keys({ from: Buffer.from([number]), to: upperBound(number), limit: 1 });
    if (key !== undefined)
      yield { code: 'UNKNOWN_BUCKET', where: `bucket ${number}`, detail: `key ${key.toString('hex')}` };
  }
}

function entriesOf(store: Store, bucket: BucketName): Generator<readonly [Buffer, Uint8Array]> {
  const { number } = buckets[bucket];
  return store.table.entries({ from: Buffer.from([number]), to: upperBound(number) });
}

function upperBound(number: number): Buffer {
  return number === 255 ? Buffer.alloc(512, 0xff) : Buffer.from([number + 1]);
}

/** One problem for a gap, however long. */
function* missing(code: 'LEAF_MISSING' | 'NODE_MISSING', what: string, from: number, to: number): Generator<Problem> {
  if (from >= to) return;
  const where = code === 'LEAF_MISSING' ? `${what} ${from}` : `${what}${from}`;
  yield { code, where, detail: to - from === 1 ? 'it is not there' : `${to - from} from here on are not there` };
}

function countAt(size: number, level: number): number {
  return Math.floor(size / 2 ** level);
}

function stateAt(store: Store, height: number): AppState | string | undefined {
  const { value, failure } = attempt(() => store.state(height));
  return failure ?? value;
}

function attempt<T>(run: () => T): { readonly value: T | undefined; readonly failure: string | undefined } {
  try {
    return { value: run(), failure: undefined };
  } catch (error) {
    return { value: undefined, failure: error instanceof Error ? error.message : String(error) };
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
