import { fromBase64, parseJson, utf8Decode } from '../codec/index.ts';
import { signBytes } from '../consensus/sign-bytes.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import {
  blockIdOf,
  decodeHeadJson,
  decodeMerkleProofJson,
  loadGenesis,
  originOf,
  stateProofFromJson,
  transactionHash,
  txBytesOfLeaf,
  verifyCheckpoint,
  verifyConsistency,
  verifyHead,
  verifyRecord,
  verifyStateEntry,
  type CertifiedHead,
  type DecodedLeaf,
  type LoadedGenesis,
} from '../ledger/index.ts';
import type { Hash } from '../types/brand.ts';
import type { Json, JsonObject } from '../types/json.ts';
import type { Leaf, TxResult } from '../types/transaction.ts';
import type { LastSeenStore } from './last-seen.ts';
import type { Answer, Transport } from './transport.ts';

const { sha256, verifyEd25519 } = nativeBackend;
const headCrypto = { sha256, verifyEd25519, precommitBytes: signBytes };
/** Leaves asked for at once. */
const leavesPerRequest = 200;

/** A node whose answer did not verify. */
export interface Liar {
  readonly endpoint: string;
  readonly code: string;
  readonly message: string;
}

export interface VerifiedRecord {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly decoded: DecodedLeaf;
  /** Verified leaves of observations of this decision. */
  readonly observations: readonly { readonly index: number; readonly decoded: DecodedLeaf }[];
}

export interface RecordList {
  readonly head: CertifiedHead;
  readonly records: readonly VerifiedRecord[];
  /** `before` of the next page; null at the end. */
  readonly next: number | null;
  /** True only if it was proven that nothing is left out. */
  readonly isProvenComplete: boolean;
}

export interface Freshness {
  /** The oldest of the newest q timestamps; null if no quorum cosigned. */
  readonly timeMs: number | null;
  readonly isFresh: boolean;
  readonly reason: string;
}

export interface ReaderOptions {
  readonly genesisHash: Hash;
  /** In the order of preference. */
  readonly endpoints: readonly string[];
  readonly transport: Transport;
  readonly lastSeen: LastSeenStore;
  readonly nowMs: () => number;
  readonly maxAgeMs: number;
}

/**
 * Reads a chain of which only the genesis hash is trusted. Each answer is verified against a head that a quorum of the
 * validators certified; a node whose answer does not verify is remembered as a liar and the next one is asked. What was seen
 * once is never given up: a node that shows less, or something else, is not believed.
 */
export class ChainReader {
  readonly #o: ReaderOptions;
  readonly #liars: Liar[] = [];
  #endpoints: string[];
  #genesis: LoadedGenesis | undefined;

  constructor(options: ReaderOptions) {
    this.#o = options;
    this.#endpoints = [...options.endpoints];
  }

  get liars(): readonly Liar[] {
    return this.#liars;
  }

  async genesis(): Promise<LoadedGenesis> {
    this.#genesis ??= await this.#ask('/v1/genesis', async ({ body }) => {
      const loaded = loadGenesis(body, nativeBackend);
      if (loaded.hash !== this.#o.genesisHash) throw new ChainError('CLIENT_GENESIS', { expected: this.#o.genesisHash, found: loaded.hash });
      return loaded;
    });
    return this.#genesis;
  }

  /** The newest certified head of a node that continues what was seen before. */
  head(): Promise<CertifiedHead> {
    return this.#ask('/v1/head', async (answer, endpoint) => this.#verifiedHead(jsonOf(answer), endpoint));
  }

  /** Values of state keys, undefined where proven absent, all at one height. */
  async state(keys: readonly string[]): Promise<{ head: CertifiedHead; values: ReadonlyMap<string, Uint8Array | undefined> }> {
    const path = `/v1/state?${keys.map((key) => `key=${encodeURIComponent(key)}`).join('&')}`;
    return this.#ask(path, async (answer, endpoint) => {
      const json = jsonOf(answer) as JsonObject;
      const head = await this.#verifiedHead(json['head'] ?? null, endpoint);
      const values = new Map<string, Uint8Array | undefined>();
      for (const entry of listOf(json, 'entries', path)) {
        const key = String(entry['key']);
        values.set(key, verifyStateEntry(head, key, stateProofFromJson(entry['proof'] ?? null), sha256));
      }
      for (const key of keys) if (!values.has(key)) throw new ChainError('CLIENT_ANSWER_FORM', { path, problem: `${key} is missing` });
      return { head, values };
    });
  }

  /** Leaves by index, in the order asked for. */
  async leaves(indexes: readonly number[]): Promise<readonly VerifiedRecord[]> {
    const found: VerifiedRecord[] = [];
    for (let at = 0; at < indexes.length; at += leavesPerRequest) {
      const part = indexes.slice(at, at + leavesPerRequest);
      const path = `/v1/leaves?indexes=${part.join(',')}`;
      const page = await this.#ask(path, async (answer, endpoint) => {
        const json = jsonOf(answer) as JsonObject;
        const head = await this.#verifiedHead(json['head'] ?? null, endpoint);
        const records = listOf(json, 'leaves', path).map((item) => verifiedLeaf(head, item));
        if (records.some((record, i) => record.index !== part[i]) || records.length !== part.length) {
          throw new ChainError('CLIENT_ANSWER_FORM', { path, problem: 'other leaves than those asked for' });
        }
        return records.map((record) => ({ ...record, observations: [] }));
      });
      found.push(...page);
    }
    return found;
  }

  /** A page of records, newest first; `query` as the API's. Not proven complete: see `history`. */
  records(query: Readonly<Record<string, string>>): Promise<RecordList> {
    const path = `/v1/records?${new URLSearchParams(query).toString()}`;
    return this.#ask(path, (answer, endpoint) => this.#recordPage(path, answer, endpoint));
  }

  /**
   * The history of one object or namespace. Complete by proof: the state tree names its newest leaf, each leaf the one before
   * it, and the last one says that there is none. `latestKey` is the state key of that newest leaf.
   */
  history(by: 'object' | 'namespace', key: string, latestKey: string, query: Readonly<Record<string, string>>): Promise<RecordList> {
    const path = `/v1/records?${new URLSearchParams({ ...query, [by]: key }).toString()}`;
    return this.#ask(path, async (answer, endpoint) => {
      // The state is asked of the same node and before, so that it can only be older than the page.
      const latest = await this.#latestLeaf(endpoint, latestKey);
      const page = await this.#recordPage(path, answer, endpoint);
      return { ...page, isProvenComplete: checkChain(by, page, latest, query['before'] === undefined) };
    });
  }

  /**
   * Whether a quorum says that this tree is the newest one now: q cosignatures younger than `maxAgeMs` of a tree that is no
   * larger than the one whose head was verified, and that it continues.
   */
  async freshness(): Promise<Freshness> {
    const { validators, genesis, hash } = await this.#trust();
    try {
      return await this.#ask('/v1/checkpoint?fresh=1', async (answer, endpoint) => {
        const { checkpoint, times } = verifyCheckpoint(utf8Decode(answer.body), originOf(genesis.chainName, hash), validators, headCrypto);
        const head = await this.#verifiedHead(jsonOf(await this.#get(endpoint, '/v1/head')), endpoint);
        await this.#continues(endpoint, { size: checkpoint.size, root: checkpoint.root }, head);
        const timeMs = Math.min(...times.map(({ timeSeconds }) => timeSeconds)) * 1_000;
        const isFresh = this.#o.nowMs() - timeMs <= this.#o.maxAgeMs;
        return { timeMs, isFresh, reason: isFresh ? '' : 'the cosignatures of a quorum are too old' };
      });
    } catch (error) {
      if (!isChainError(error)) throw error;
      return { timeMs: null, isFresh: false, reason: error.message };
    }
  }

  /** What a node says of itself, unproven, from each endpoint. */
  async statuses(): Promise<readonly { endpoint: string; status: JsonObject | null; error: string }[]> {
    return Promise.all(
      this.#o.endpoints.map(async (endpoint) => {
        try {
          return { endpoint, status: jsonOf(await this.#get(endpoint, '/v1/status')) as JsonObject, error: '' };
        } catch (error) {
          return { endpoint, status: null, error: (error as Error).message };
        }
      }),
    );
  }

  /**
   * Submits an envelope and verifies that the record is where the node says. Throws CLIENT_REFUSED, or CLIENT_OUTCOME_UNKNOWN
   * once it was given to a node that then did not answer.
   */
  async submit(envelope: Uint8Array): Promise<{ index: number; height: number; result: TxResult }> {
    const tx = transactionHash(envelope, sha256);
    const answer = await this.#post('/v1/transactions', envelope);
    if (answer.status === 202) throw new ChainError('CLIENT_OUTCOME_UNKNOWN', { tx });
    const { leaf: index } = jsonOf(answer) as { leaf?: Json };
    if (typeof index !== 'number') throw new ChainError('CLIENT_ANSWER_FORM', { path: '/v1/transactions', problem: 'no record index' });
    const [record] = await this.leaves([index]);
    if (record?.decoded.kind !== 'transaction') throw new ChainError('CLIENT_RESULT_MISMATCH', { tx, leaf: index });
    const leaf: Leaf = record.decoded.leaf;
    const recorded = leaf.result.decision === 'DUPLICATE' ? tx : transactionHash(txBytesOfLeaf(leaf), sha256);
    if (recorded !== tx) throw new ChainError('CLIENT_RESULT_MISMATCH', { tx, leaf: index });
    return { index, height: leaf.height, result: leaf.result };
  }

  /** Asks with a signed request; the caller checks the answer. */
  async signed(path: '/v1/bodies' | '/v1/canonicalize', envelope: Uint8Array, check: (body: Uint8Array) => void): Promise<Uint8Array> {
    const errors: ChainError[] = [];
    for (const endpoint of this.#endpoints) {
      try {
        const { body } = accepted(await this.#o.transport.post(endpoint, path, envelope));
        check(body);
        return body;
      } catch (error) {
        if (!isChainError(error)) throw error;
        if (isLie(error)) this.#blame(endpoint, error);
        errors.push(error);
      }
    }
    throw errors.find((error) => error.code === 'CLIENT_REFUSED') ?? errors[0] ?? this.#unreachable('no endpoint');
  }

  close(): void {
    this.#o.transport.close();
  }

  async #trust(): Promise<{ validators: LoadedGenesis['genesis']['validators']; genesis: LoadedGenesis['genesis']; hash: Hash }> {
    const { genesis, hash } = await this.genesis();
    return { validators: genesis.validators, genesis, hash };
  }

  /** Verifies a head and that it continues the newest one seen; remembers it. */
  async #verifiedHead(json: Json, endpoint: string): Promise<CertifiedHead> {
    const { validators, hash } = await this.#trust();
    const head = decodeHeadJson(json);
    verifyHead(head, { genesisHash: hash, validators }, headCrypto);
    const seen = this.#o.lastSeen.get();
    const { height } = head.header;
    const blockId = blockIdOf(head.header, sha256);
    if (seen !== null) {
      if (height < seen.height) throw new ChainError('CLIENT_BEHIND', { height, seen: seen.height });
      if (height === seen.height && blockId !== seen.blockId) throw new ChainError('CLIENT_ROLLED_BACK', { height });
      if (height > seen.height) await this.#continues(endpoint, { size: seen.logSize, root: seen.logRoot }, head);
    }
    if (seen === null || height > seen.height) {
      const { logSize, logRoot } = head.state;
      this.#o.lastSeen.put({ height, blockId, logSize, logRoot });
    }
    return head;
  }

  /** Throws LEDGER_CONSISTENCY unless the head's log begins with the older tree. */
  async #continues(endpoint: string, older: { size: number; root: Hash }, head: CertifiedHead): Promise<void> {
    const { logSize, logRoot } = head.state;
    if (older.size > logSize) throw new ChainError('CLIENT_BEHIND', { height: head.header.height, seen: head.header.height + 1 });
    if (older.size === logSize && older.root === logRoot) return;
    const path = `/v1/consistency?from=${older.size}&to=${logSize}`;
    const { proof } = jsonOf(await this.#get(endpoint, path)) as { proof?: Json };
    verifyConsistency(sha256, older.size, logSize, decodeMerkleProofJson(proof ?? null), hexBytes(older.root), hexBytes(logRoot));
  }

  async #latestLeaf(endpoint: string, key: string): Promise<number | null> {
    const json = jsonOf(await this.#get(endpoint, `/v1/state?key=${encodeURIComponent(key)}`)) as JsonObject;
    const head = await this.#verifiedHead(json['head'] ?? null, endpoint);
    const [entry] = listOf(json, 'entries', '/v1/state');
    const value = verifyStateEntry(head, key, stateProofFromJson(entry?.['proof'] ?? null), sha256);
    return value === undefined ? null : (parseJson(value) as { leaf: number }).leaf;
  }

  async #recordPage(path: string, answer: Answer, endpoint: string): Promise<RecordList> {
    const json = jsonOf(answer) as JsonObject;
    const head = await this.#verifiedHead(json['head'] ?? null, endpoint);
    const records = listOf(json, 'items', path).map((item) => ({
      ...verifiedLeaf(head, item),
      observations: listOf(item, 'observations', path).map((observation) => verifiedLeaf(head, observation)),
    }));
    const next = json['next'];
    return { head, records, next: typeof next === 'number' ? next : null, isProvenComplete: false };
  }

  /** Asks one node after the other until an answer passes `check`. */
  async #ask<T>(path: string, check: (answer: Answer, endpoint: string) => Promise<T>): Promise<T> {
    const failures: ChainError[] = [];
    for (const endpoint of this.#endpoints) {
      try {
        const value = await check(await this.#get(endpoint, path), endpoint);
        // Whoever answered well is asked first from now on.
        this.#endpoints = [endpoint, ...this.#endpoints.filter((other) => other !== endpoint)];
        return value;
      } catch (error) {
        if (!isChainError(error)) throw error;
        if (isLie(error)) this.#blame(endpoint, error);
        failures.push(error);
      }
    }
    throw this.#verdict(failures);
  }

  #verdict(failures: readonly ChainError[]): ChainError {
    const lie = failures.find(isLie);
    const endpoints = this.#o.endpoints.join(', ');
    if (lie !== undefined) return new ChainError('CLIENT_NO_VERIFIED_ANSWER', { endpoints, reason: `${lie.message} [${lie.code}]` }, { cause: lie });
    const coded = failures.find((error) => error.code !== 'CLIENT_UNREACHABLE');
    return coded ?? this.#unreachable(failures[0]?.message ?? 'no endpoint is configured');
  }

  #unreachable(reason: string): ChainError {
    return new ChainError('CLIENT_UNREACHABLE', { endpoints: this.#o.endpoints.join(', '), reason });
  }

  #blame(endpoint: string, error: ChainError): void {
    if (!this.#liars.some((liar) => liar.endpoint === endpoint)) this.#liars.push({ endpoint, code: error.code, message: error.message });
  }

  async #get(endpoint: string, path: string): Promise<Answer> {
    return accepted(await this.#o.transport.get(endpoint, path));
  }

  /** Only a node that could not be reached at all is passed over: whoever has it may have recorded it. */
  async #post(path: string, body: Uint8Array): Promise<Answer> {
    let last: ChainError | undefined;
    for (const endpoint of this.#endpoints) {
      try {
        return accepted(await this.#o.transport.post(endpoint, path, body));
      } catch (error) {
        if (!isChainError(error)) throw error;
        last = error;
        const isElsewhereBetter = error.code === 'CLIENT_UNREACHABLE' || (error.code === 'CLIENT_REFUSED' && retryElsewhere.has((error as ChainError<'CLIENT_REFUSED'>).payload.code));
        if (!isElsewhereBetter) throw error;
      }
    }
    throw last ?? this.#unreachable('no endpoint is configured');
  }
}

/** This node cannot, another may: submitting the same envelope twice is harmless, a byte-identical one has one result. */
const retryElsewhere = new Set<string>(['NODE_NOT_READY', 'STATE_DIVERGENCE', 'MEMPOOL_FULL', 'NO_QUORUM', 'API_OVERLOADED']);

/** An answer that does not verify, as opposed to none, a refusal, or a node that is behind. */
function isLie(error: ChainError): boolean {
  return !['CLIENT_UNREACHABLE', 'CLIENT_REFUSED', 'CLIENT_BEHIND', 'CLIENT_OUTCOME_UNKNOWN'].includes(error.code);
}

/** Throws CLIENT_REFUSED with the node's own code. */
function accepted(answer: Answer): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  let refusal: { code?: Json; message?: Json; remedy?: Json } = {};
  try {
    refusal = parseJson(answer.body) as typeof refusal;
  } catch {
    // Not one of our nodes, or something in between.
  }
  const text = (value: Json | undefined, fallback: string): string => (typeof value === 'string' ? value.slice(0, 2_000) : fallback);
  throw new ChainError('CLIENT_REFUSED', {
    code: text(refusal.code, `HTTP_${answer.status}`),
    message: text(refusal.message, `the node answered ${answer.status}`),
    remedy: text(refusal.remedy, ''),
  });
}

function jsonOf(answer: Answer): Json {
  return parseJson(answer.body, { bytesMax: 64 * 1024 * 1024 });
}

function listOf(json: JsonObject, key: string, path: string): JsonObject[] {
  const list = json[key];
  if (!Array.isArray(list)) throw new ChainError('CLIENT_ANSWER_FORM', { path: path.slice(0, 200), problem: `${key} is no list` });
  return list as JsonObject[];
}

function verifiedLeaf(head: CertifiedHead, item: JsonObject): { index: number; bytes: Uint8Array; decoded: DecodedLeaf } {
  const { index, leaf, proof } = item;
  if (typeof index !== 'number' || typeof leaf !== 'string') throw new ChainError('CLIENT_ANSWER_FORM', { path: 'leaf', problem: 'index or leaf is missing' });
  const bytes = fromBase64(leaf);
  return { index, bytes, decoded: verifyRecord(head, index, bytes, decodeMerkleProofJson(proof ?? null), sha256) };
}

/**
 * True if the page ends the chain. Throws CLIENT_INCOMPLETE if a link of the chain is not in the page: records that came after
 * the state was read may stand before it, nothing may be missing behind it.
 */
function checkChain(by: 'object' | 'namespace', page: RecordList, latest: number | null, isFirstPage: boolean): boolean {
  const { records } = page;
  if (isFirstPage && latest !== null && !records.some(({ index }) => index === latest) && (records.at(-1)?.index ?? 0) <= latest) {
    throw new ChainError('CLIENT_INCOMPLETE', { list: by, missing: latest });
  }
  for (const [i, record] of records.entries()) {
    if (record.decoded.kind !== 'transaction') throw new ChainError('CLIENT_INCOMPLETE', { list: by, missing: record.index });
    const previous = record.decoded.leaf.prev[by];
    const following = records[i + 1]?.index ?? null;
    if (following === null && page.next !== null) return false;
    if (previous !== following) throw new ChainError('CLIENT_INCOMPLETE', { list: by, missing: previous ?? following ?? record.index });
  }
  return isFirstPage;
}

function hexBytes(hash: Hash): Uint8Array {
  return Uint8Array.from(hash.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
