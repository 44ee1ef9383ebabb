import { fromBase64, fromHex, parseJson, utf8Decode } from '../codec/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { decodeArchived, verifyArchived } from '../ledger/archive.ts';
import { decodeDetails, hashOfDetails } from '../ledger/details.ts';
import { proposalKey } from '../ledger/execute/keys.ts';
import {
  blockIdOf,
  decodeHeadJson,
  decodeMerkleProofJson,
  openGenesis,
  originOf,
  parseCheckpointText,
  parseNote,
  stateProofFromJson,
  transactionHash,
  verifyCheckpoint,
  verifyConsistency,
  verifyStateEntry,
  type CertifiedHead,
  type LoadedGenesis,
} from '../ledger/index.ts';
import type { Hash } from '../types/brand.ts';
import type { Json, JsonObject } from '../types/json.ts';
import type { ProposalDetails } from '../types/proposal.ts';
import type { TxResult } from '../types/transaction.ts';
import {
  accepted,
  isLie,
  isRefusal,
  jsonOf,
  listOf,
  malformed,
  objectOf,
  recordOf,
  verifiedLeaf,
  type VerifiedLeaf,
  type VerifiedRecord,
} from './answer.ts';
import { ChainWalk, checkFits, type ChainedBy, type RecordQuery } from './history.ts';
import type { LastSeenStore } from './last-seen.ts';
import type { Answer, Transport } from './transport.ts';
import { ValidatorTrail, type TrailSet } from './validator-trail.ts';

const { sha256, verifyEd25519 } = nativeBackend;
const headCrypto = { sha256, verifyEd25519 };
/** Leaves asked for at once, and records of one page: what a node answers at most. */
const leavesPerRequest = 200;
const recordsPerPage = 500;
/** State keys asked for at once: a request line stays below the 16 KiB that servers read. */
const keysPerRequest = 100;

/** A node whose answer did not verify. */
export interface Liar {
  readonly endpoint: string;
  readonly code: string;
  readonly message: string;
}

export interface RecordList {
  /** What the list was proven against. */
  readonly head: CertifiedHead;
  /** Newest first. */
  readonly records: readonly VerifiedRecord[];
  /** `before` of the next page; null at the end. */
  readonly next: number | null;
  /** True only if it was proven that nothing is left out, up to the head and down to the beginning. */
  readonly isProvenComplete: boolean;
}

export interface Freshness {
  /** The oldest of the timestamps of a quorum; null if no quorum cosigned. */
  readonly timeMs: number | null;
  readonly isFresh: boolean;
  readonly reason: string;
}

export interface NodeAnswer {
  readonly endpoint: string;
  readonly status: JsonObject | null;
  readonly error: string;
}

/** State of the past, proven against the leaf of its block. */
export interface ArchivedState {
  readonly proposal: number;
  readonly height: number;
  readonly timeMs: number;
  readonly values: ReadonlyMap<string, Uint8Array | undefined>;
}

export interface ReaderOptions {
  readonly genesisHash: Hash;
  /** Bytes that were kept since the genesis was pinned, to save a request; their hash is checked like a node's. */
  readonly genesisBytes?: Uint8Array;
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
  #sets: ValidatorTrail | undefined;
  #following: Promise<void> = Promise.resolve();

  constructor(options: ReaderOptions) {
    this.#o = options;
    this.#endpoints = [...options.endpoints];
  }

  get liars(): readonly Liar[] {
    return this.#liars;
  }

  get endpoints(): readonly string[] {
    return this.#o.endpoints;
  }

  async genesis(): Promise<LoadedGenesis> {
    const { genesisBytes } = this.#o;
    if (genesisBytes !== undefined) this.#genesis ??= this.#pinned(genesisBytes);
    this.#genesis ??= await this.#ask('/v1/genesis', async ({ body }) => this.#pinned(body));
    return this.#genesis;
  }

  /** The newest certified head of a node that continues what was seen before; undefined if the chain has no block yet. */
  async head(): Promise<CertifiedHead | undefined> {
    try {
      return await this.#ask('/v1/head', async (answer, endpoint) => this.#verifiedHead(jsonOf(answer), endpoint));
    } catch (error) {
      if (isRefusal(error, 'API_EMPTY_CHAIN') && this.#o.lastSeen.get() === null) return undefined;
      throw error;
    }
  }

  /** Values of state keys, undefined where proven absent. Each batch of a hundred is of one height, as is the head that is returned. */
  async state(
    keys: readonly string[],
  ): Promise<{ head: CertifiedHead; values: ReadonlyMap<string, Uint8Array | undefined> }> {
    const values = new Map<string, Uint8Array | undefined>();
    let head: CertifiedHead | undefined;
    for (let at = 0; at === 0 || at < keys.length; at += keysPerRequest) {
      const part = keys.slice(at, at + keysPerRequest);
      head = await this.#ask(statePath(part), (answer, endpoint) => this.#stateValues(part, answer, endpoint, values));
    }
    return { head: head as CertifiedHead, values };
  }

  /** Leaves by index, in the order asked for. */
  async leaves(indexes: readonly number[]): Promise<readonly VerifiedLeaf[]> {
    const found: VerifiedLeaf[] = [];
    for (let at = 0; at < indexes.length; at += leavesPerRequest) {
      const part = indexes.slice(at, at + leavesPerRequest);
      const path = `/v1/leaves?indexes=${part.join(',')}`;
      const page = await this.#ask(path, async (answer, endpoint) => {
        const json = objectOf(answer, path);
        const head = await this.#verifiedHead(json['head'] ?? null, endpoint);
        const leaves = listOf(json, 'leaves', path).map((item) => verifiedLeaf(head, item));
        if (leaves.length !== part.length || leaves.some((leaf, i) => leaf.index !== part[i])) {
          throw malformed(path, 'other leaves than those asked for');
        }
        return leaves;
      });
      found.push(...page);
    }
    return found;
  }

  /** A page of records that fit the query, newest first. Not proven complete: see `history`. */
  records(query: RecordQuery): Promise<RecordList> {
    const path = `/v1/records?${new URLSearchParams(query).toString()}`;
    return this.#ask(path, (answer, endpoint) => this.#recordPage(path, query, answer, endpoint));
  }

  /**
   * The newest `limit` records of one object or namespace, without a gap by proof: the state tree names the newest record, each
   * record the one before it, and the last one says that there is none. `latestKey` is the state key of that newest one.
   */
  history(by: ChainedBy, key: string, latestKey: string, limit: number): Promise<RecordList> {
    return this.#ask(statePath([latestKey]), async (answer, endpoint) => {
      // The state first: pages of the same node that are asked for afterwards can only be newer.
      const values = new Map<string, Uint8Array | undefined>();
      const head = await this.#stateValues([latestKey], answer, endpoint, values);
      const value = values.get(latestKey);
      const walk = new ChainWalk(by, key, value === undefined ? null : (parseJson(value) as { leaf: number }).leaf);
      const records: VerifiedRecord[] = [];
      let before: number | null = null;
      do {
        const size = Math.min(recordsPerPage, limit - records.length);
        const query: RecordQuery = {
          [by]: key,
          limit: String(size),
          ...(before === null ? {} : { before: String(before) }),
        };
        const path = `/v1/records?${new URLSearchParams(query).toString()}`;
        const page: RecordList = await this.#recordPage(path, query, await this.#get(endpoint, path), endpoint);
        for (const record of page.records) walk.step(record);
        records.push(...page.records);
        before = page.next;
      } while (before !== null && records.length < limit);
      if (before === null) walk.end();
      return { head, records, next: before, isProvenComplete: before === null };
    });
  }

  /** Certified heads of past blocks, in the order of the heights asked for. */
  async blocks(heights: readonly number[]): Promise<readonly (CertifiedHead & { readonly txCount: number })[]> {
    return Promise.all(
      heights.map((height) =>
        this.#ask(`/v1/blocks/${height}`, async (answer, endpoint) => {
          const { txCount, ...json } = objectOf(answer, 'block');
          const head = decodeHeadJson(json);
          await this.#verify(head, endpoint);
          if (head.header.height !== height || typeof txCount !== 'number')
            throw malformed('block', 'another block than the one asked for');
          return { ...head, txCount };
        }),
      ),
    );
  }

  /**
   * Block times in milliseconds of the heights of these records. The last leaf of a block holds its time and mostly stands right
   * behind the record; where it does not, the block's certified header is asked for.
   */
  async times(
    records: readonly { readonly index: number; readonly leaf: { readonly height: number } }[],
  ): Promise<ReadonlyMap<number, number>> {
    const last = new Map<number, number>();
    for (const { index, leaf } of records) last.set(leaf.height, Math.max(index, last.get(leaf.height) ?? 0));
    const times = new Map<number, number>();
    const note = (leaf: VerifiedLeaf): void => {
      if (leaf.decoded.kind === 'block') times.set(leaf.decoded.leaf.block.height, leaf.decoded.leaf.block.timeMs);
    };
    if (last.size > 0) for (const leaf of await this.leaves([...last.values()].map((index) => index + 1))) note(leaf);
    const unknown = [...last.keys()].filter((height) => !times.has(height));
    for (const { header } of await this.blocks(unknown)) times.set(header.height, header.timeMs);
    return times;
  }

  /**
   * Whether a quorum says that this tree is the newest one now: q cosignatures younger than `maxAgeMs`. The head that is seen
   * with it holds that tree, so everything that is read afterwards is at least as new, or refused.
   */
  async freshness(): Promise<Freshness> {
    const { genesis, hash } = await this.genesis();
    try {
      return await this.#ask('/v1/checkpoint?fresh=1', async (answer, endpoint) => {
        const note = utf8Decode(answer.body);
        const head = await this.#verifiedHead(jsonOf(await this.#get(endpoint, '/v1/head')), endpoint);
        // Of the set whose log it is: the size that the note names is judged with the note.
        const trail = await this.#trail();
        const { validators } = trail.forSize(checkpointOf(note).size);
        const { checkpoint, times } = verifyCheckpoint(note, originOf(genesis.chainName, hash), validators, headCrypto);
        await this.#continues(endpoint, checkpoint, head);
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
  statuses(): Promise<readonly NodeAnswer[]> {
    return Promise.all(
      this.#o.endpoints.map(async (endpoint) => {
        try {
          return { endpoint, status: objectOf(await this.#get(endpoint, '/v1/status'), '/v1/status'), error: '' };
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
    const answer = await this.#post('/v1/transactions', envelope, tx);
    if (answer.status === 202) throw new ChainError('CLIENT_OUTCOME_UNKNOWN', { tx });
    const { leaf: index } = objectOf(answer, '/v1/transactions');
    if (typeof index !== 'number') throw malformed('/v1/transactions', 'no record index');
    const [leaf] = await this.leaves([index]);
    const isRecorded = leaf?.decoded.kind === 'transaction' && transactionHash(leaf.decoded.tx, sha256) === tx;
    if (!isRecorded) throw new ChainError('CLIENT_RESULT_MISMATCH', { tx, leaf: index });
    const { height, result } = recordOf(leaf).leaf;
    return { index, height, result };
  }

  /** The body of a proposal; undefined if no node that answers has it. Its bytes are those of the hash. */
  async details(hash: Hash): Promise<ProposalDetails | undefined> {
    const path = `/v1/details?hash=${hash}`;
    // Each node has what it holds: one that lacks it is no reason to stop asking.
    for (const endpoint of this.#endpoints) {
      const answer = await this.#get(endpoint, path).catch((error: unknown) => {
        if (!isChainError(error)) throw error;
        return undefined;
      });
      if (answer === undefined) continue;
      if (hashOfDetails(answer.body, sha256) === hash) return decodeDetails(answer.body);
      this.#blame(endpoint, malformed(path, 'other bytes than those of the hash'));
    }
    return undefined;
  }

  /** Proposals that left the state, as they stood there last: values by state key, with the height and the time in milliseconds of that state. */
  async archived(ids: readonly number[]): Promise<readonly ArchivedState[]> {
    const found = new Map<number, ArchivedState>();
    for (const endpoint of this.#endpoints) {
      const asked = ids.filter((id) => !found.has(id));
      if (asked.length === 0) break;
      try {
        for (const state of await this.#archivedAt(endpoint, asked)) found.set(state.proposal, state);
      } catch (error) {
        if (!isChainError(error)) throw error;
        if (isLie(error)) this.#blame(endpoint, error);
      }
    }
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  async #archivedAt(endpoint: string, ids: readonly number[]): Promise<readonly ArchivedState[]> {
    const path = `/v1/archive?proposals=${ids.join(',')}`;
    const json = objectOf(await this.#get(endpoint, path), path);
    const head = await this.#verifiedHead(json['head'] ?? null, endpoint);
    return listOf(json, 'items', path).map((item) => {
      const { archived: text } = item;
      if (typeof text !== 'string') throw malformed(path, 'an item is missing');
      const archived = decodeArchived(parseJson(fromBase64(text)));
      const leaf = verifiedLeaf(head, (item['leaf'] ?? {}) as JsonObject);
      const values = verifyArchived(archived, leaf.decoded, sha256);
      const proposal = ids.find((id) => values.get(proposalKey(id)) !== undefined);
      if (leaf.index !== archived.leaf || leaf.decoded.kind !== 'block' || proposal === undefined)
        throw malformed(path, 'it is not what was asked for');
      const { height, timeMs } = leaf.decoded.leaf.block;
      return { proposal, height, timeMs, values };
    });
  }

  /** Asks these endpoints (default: all) with a request signed for each, one after the other, until an answer passes `check`. */
  async signed<T>(
    path: '/v1/bodies' | '/v1/canonicalize' | '/v1/details',
    sign: (audience: Hash) => Promise<Uint8Array>,
    check: (body: Uint8Array) => T,
    endpoints: readonly string[] = this.#endpoints,
  ): Promise<T> {
    const errors: ChainError[] = [];
    for (const endpoint of endpoints) {
      try {
        const envelope = await sign(await this.#o.transport.certificate(endpoint));
        return check(accepted(await this.#o.transport.post(endpoint, path, envelope)).body);
      } catch (error) {
        if (!isChainError(error)) throw error;
        if (isLie(error)) this.#blame(endpoint, error);
        errors.push(error);
      }
    }
    throw this.#verdict(errors);
  }

  close(): void {
    this.#o.transport.close();
  }

  /** Its rules were checked when it was pinned; checking its keys again would take a fifth of a command. */
  #pinned(bytes: Uint8Array): LoadedGenesis {
    const loaded = openGenesis(bytes, sha256);
    if (loaded.hash !== this.#o.genesisHash)
      throw new ChainError('CLIENT_GENESIS', { expected: this.#o.genesisHash, found: loaded.hash });
    return loaded;
  }

  async #trail(): Promise<ValidatorTrail> {
    const genesis = await this.genesis();
    return (this.#sets ??= new ValidatorTrail(genesis));
  }

  /** Against the set that decides its height, which the handovers from the genesis on prove. */
  async #verify(head: CertifiedHead, endpoint: string): Promise<void> {
    const trail = await this.#trail();
    if (!trail.knows(head)) await this.#follow(trail, head, endpoint);
    trail.verify(head);
  }

  /** One after the other: what one asks for, the next may know already. */
  #follow(trail: ValidatorTrail, head: CertifiedHead, endpoint: string): Promise<void> {
    const next = this.#following.then(async () => {
      let known = -1;
      while (!trail.knows(head) && trail.newest.n > known) {
        known = trail.newest.n;
        const path = `/v1/handovers?from=${trail.wanted}`;
        const items = listOf(objectOf(await this.#get(endpoint, path), path), 'items', path);
        if (items.length === 0) return;
        trail.extend(items);
      }
    });
    this.#following = next.catch(() => undefined);
    return next;
  }

  /** The validator sets up to the newest head that was seen. */
  async validatorSets(): Promise<readonly TrailSet[]> {
    await this.head();
    const trail = await this.#trail();
    // A set that is again what an earlier one was looks the same in a head: so they are asked for, whatever the head says.
    for (let known = -1; trail.newest.n > known;) {
      known = trail.newest.n;
      const path = `/v1/handovers?from=${trail.wanted}`;
      await this.#ask(path, async (answer) => trail.extend(listOf(objectOf(answer, path), 'items', path)));
    }
    return trail.sets;
  }

  /** Verifies a head and that it continues the newest one seen; remembers it. */
  async #verifiedHead(json: Json, endpoint: string): Promise<CertifiedHead> {
    const head = decodeHeadJson(json);
    await this.#verify(head, endpoint);
    const { height } = head.header;
    const blockId = blockIdOf(head.header, sha256);
    const seen = this.#o.lastSeen.get();
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
  async #continues(
    endpoint: string,
    older: { readonly size: number; readonly root: Hash },
    head: CertifiedHead,
  ): Promise<void> {
    const { logSize, logRoot } = head.state;
    const { height } = head.header;
    if (older.size > logSize) throw new ChainError('CLIENT_BEHIND', { height, seen: height + 1 });
    if (older.size === logSize && older.root === logRoot) return;
    const path = `/v1/consistency?from=${older.size}&to=${logSize}`;
    const { proof } = objectOf(await this.#get(endpoint, path), path);
    verifyConsistency(
      sha256,
      older.size,
      logSize,
      decodeMerkleProofJson(proof ?? null),
      fromHex(older.root),
      fromHex(logRoot),
    );
  }

  /** Adds the values of `keys` to `values`; returns the head that they are proven against. */
  async #stateValues(
    keys: readonly string[],
    answer: Answer,
    endpoint: string,
    values: Map<string, Uint8Array | undefined>,
  ): Promise<CertifiedHead> {
    const json = objectOf(answer, '/v1/state');
    const head = await this.#verifiedHead(json['head'] ?? null, endpoint);
    const proofs = new Map(listOf(json, 'entries', '/v1/state').map((entry) => [entry['key'], entry['proof']]));
    for (const key of keys) {
      const proof = proofs.get(key);
      if (proof === undefined) throw malformed('/v1/state', `${key} is missing`);
      values.set(key, verifyStateEntry(head, key, stateProofFromJson(proof), sha256));
    }
    return head;
  }

  async #recordPage(path: string, query: RecordQuery, answer: Answer, endpoint: string): Promise<RecordList> {
    const json = objectOf(answer, path);
    const head = await this.#verifiedHead(json['head'] ?? null, endpoint);
    const before = query['before'] === undefined ? head.state.logSize : Number(query['before']);
    const records = listOf(json, 'items', path).map((item) => {
      const observations = listOf(item, 'observations', path).map((observation) =>
        recordOf(verifiedLeaf(head, observation)),
      );
      const record = recordOf(verifiedLeaf(head, item), observations);
      checkFits(record, query);
      return record;
    });
    const isInOrder = records.every(({ index }, i) => index < (records[i - 1]?.index ?? before));
    if (!isInOrder) throw malformed(path, 'the records are not in order');
    const next = json['next'];
    if (next !== null && (typeof next !== 'number' || next !== records.at(-1)?.index))
      throw malformed(path, 'next is not its last record');
    return { head, records, next: next as number | null, isProvenComplete: false };
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

  /** What to say when no node gave a good answer: a lie before a refusal before silence. */
  #verdict(failures: readonly ChainError[]): ChainError {
    const lie = failures.find(isLie);
    const endpoints = this.#o.endpoints.join(', ');
    if (lie !== undefined) {
      return new ChainError(
        'CLIENT_NO_VERIFIED_ANSWER',
        { endpoints, reason: `${lie.message} [${lie.code}]` },
        { cause: lie },
      );
    }
    const coded = failures.find((error) => error.code !== 'CLIENT_UNREACHABLE');
    return coded ?? this.#unreachable(failures);
  }

  #unreachable(failures: readonly ChainError[]): ChainError {
    const reasons = failures.map((error) =>
      isChainError(error, 'CLIENT_UNREACHABLE') ? error.payload.reason : error.message,
    );
    const reason = [...new Set(reasons)].join('; ') || 'no endpoint is configured';
    return new ChainError('CLIENT_UNREACHABLE', { endpoints: this.#o.endpoints.join(', '), reason });
  }

  #blame(endpoint: string, error: ChainError): void {
    if (!this.#liars.some((liar) => liar.endpoint === endpoint))
      this.#liars.push({ endpoint, code: error.code, message: error.message });
  }

  async #get(endpoint: string, path: string): Promise<Answer> {
    return accepted(await this.#o.transport.get(endpoint, path));
  }

  /**
   * A node that is not there, or says that it cannot, is passed over. Giving the same envelope to the next one is harmless: its
   * natural key has one result. If nobody answers, whoever got it may still have recorded it.
   */
  async #post(path: string, body: Uint8Array, tx: Hash): Promise<Answer> {
    const failures: ChainError[] = [];
    for (const endpoint of this.#endpoints) {
      try {
        const answer = accepted(await this.#o.transport.post(endpoint, path, body));
        this.#endpoints = [endpoint, ...this.#endpoints.filter((other) => other !== endpoint)];
        return answer;
      } catch (error) {
        if (!isChainError(error)) throw error;
        failures.push(error);
        const isElsewhereBetter =
          error.code === 'CLIENT_UNREACHABLE' ||
          (isChainError(error, 'CLIENT_REFUSED') && retryElsewhere.has(error.payload.code));
        if (!isElsewhereBetter) throw error;
      }
    }
    const refusal = failures.find((error) => error.code === 'CLIENT_REFUSED');
    if (refusal !== undefined) throw refusal;
    if (failures.some((error) => isChainError(error, 'CLIENT_UNREACHABLE') && error.payload.wasSent === true)) {
      throw new ChainError('CLIENT_OUTCOME_UNKNOWN', { tx });
    }
    throw this.#unreachable(failures);
  }
}

/** This node cannot, another may. */
const retryElsewhere = new Set<string>([
  'NODE_NOT_READY',
  'STATE_DIVERGENCE',
  'MEMPOOL_FULL',
  'NO_QUORUM',
  'API_OVERLOADED',
  'API_TOO_FAST',
]);

function statePath(keys: readonly string[]): string {
  return `/v1/state?${keys.map((key) => `key=${encodeURIComponent(key)}`).join('&')}`;
}

function checkpointOf(note: string): { readonly size: number } {
  return parseCheckpointText(parseNote(note).text);
}
