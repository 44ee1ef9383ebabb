import { fromBase64, parseJson, utf8Decode } from '../codec/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { decodeArchived, verifyArchived } from '../ledger/archive.ts';
import { decodeDetails, hashOfDetails } from '../ledger/details.ts';
import { proposalKey } from '../ledger/execute/keys.ts';
import {
  decodeHeadJson,
  originOf,
  parseCheckpointText,
  parseNote,
  stateProofFromJson,
  transactionHash,
  verifyCheckpoint,
  verifyStateEntry,
  type CertifiedHead,
  type LoadedGenesis,
} from '../ledger/index.ts';
import type { Hash } from '../types/brand.ts';
import type { JsonObject } from '../types/json.ts';
import type { ProposalDetails } from '../types/proposal.ts';
import type { TxResult } from '../types/transaction.ts';
import {
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
import { Asking, type Liar, type SignedPath } from './asking.ts';
import { Heads } from './heads.ts';
import { ChainWalk, checkFits, type ChainedBy, type RecordQuery } from './history.ts';
import type { LastSeenStore } from './last-seen.ts';
import type { Answer, Transport } from './transport.ts';
import type { TrailSet } from './validator-trail.ts';

const { sha256, verifyEd25519 } = nativeBackend;
const headCrypto = { sha256, verifyEd25519 };
/** Leaves asked for at once, and records of one page: what a node answers at most. */
const leavesPerRequest = 200;
const recordsPerPage = 500;
/** State keys asked for at once: a request line stays below the 16 KiB that servers read. */
const keysPerRequest = 100;
/** Whoever follows the log for days does not keep the times of all of it. */
const timesMax = 100_000;

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
  readonly #asking: Asking;
  readonly #heads: Heads;
  /** Block times that came along with records, by height. */
  readonly #times = new Map<number, number>();

  constructor(options: ReaderOptions) {
    this.#o = options;
    this.#asking = new Asking(options.endpoints, options.transport);
    this.#heads = new Heads(options, this.#asking);
  }

  get liars(): readonly Liar[] {
    return this.#asking.liars;
  }

  get endpoints(): readonly string[] {
    return this.#o.endpoints;
  }

  genesis(): Promise<LoadedGenesis> {
    return this.#heads.genesis();
  }

  /** The newest certified head of a node that continues what was seen before; undefined if the chain has no block yet. */
  async head(): Promise<CertifiedHead | undefined> {
    try {
      return await this.#asking.ask('/v1/head', async (answer, endpoint) =>
        this.#heads.verified(jsonOf(answer), endpoint),
      );
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
      head = await this.#asking.ask(statePath(part), (answer, endpoint) =>
        this.#stateValues(part, answer, endpoint, values),
      );
    }
    return { head: head as CertifiedHead, values };
  }

  /** Leaves by index, in the order asked for. */
  async leaves(indexes: readonly number[]): Promise<readonly VerifiedLeaf[]> {
    const found: VerifiedLeaf[] = [];
    for (let at = 0; at < indexes.length; at += leavesPerRequest) {
      const part = indexes.slice(at, at + leavesPerRequest);
      const path = `/v1/leaves?indexes=${part.join(',')}`;
      const page = await this.#asking.ask(path, async (answer, endpoint) => {
        const json = objectOf(answer, path);
        const head = await this.#heads.verified(json['head'] ?? null, endpoint);
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
    return this.#asking.ask(path, (answer, endpoint) => this.#recordPage(path, query, answer, endpoint));
  }

  /**
   * The newest `limit` records of one object or namespace, without a gap by proof: the state tree names the newest record, each
   * record the one before it, and the last one says that there is none. `latestKey` is the state key of that newest one.
   */
  history(by: ChainedBy, key: string, latestKey: string, limit: number): Promise<RecordList> {
    return this.#asking.ask(statePath([latestKey]), async (answer, endpoint) => {
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
          blocks: '1',
          ...(before === null ? {} : { before: String(before) }),
        };
        const path = `/v1/records?${new URLSearchParams(query).toString()}`;
        const page: RecordList = await this.#recordPage(path, query, await this.#asking.get(endpoint, path), endpoint);
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
        this.#asking.ask(`/v1/blocks/${height}`, async (answer, endpoint) => {
          const { txCount, ...json } = objectOf(answer, 'block');
          const head = decodeHeadJson(json);
          await this.#heads.verify(head, endpoint);
          if (head.header.height !== height || typeof txCount !== 'number')
            throw malformed('block', 'another block than the one asked for');
          return { ...head, txCount };
        }),
      ),
    );
  }

  /**
   * Block times in milliseconds of the heights of these records. The last leaf of a block holds its time; where it did not come with the records it mostly stands right
   * behind one, and else the block's certified header is asked for.
   */
  async times(
    records: readonly { readonly index: number; readonly leaf: { readonly height: number } }[],
  ): Promise<ReadonlyMap<number, number>> {
    const last = new Map<number, number>();
    const times = new Map<number, number>();
    for (const { index, leaf } of records) {
      const came = this.#times.get(leaf.height);
      if (came === undefined) last.set(leaf.height, Math.max(index, last.get(leaf.height) ?? 0));
      else times.set(leaf.height, came);
    }
    if (last.size > 0) noteTimes(await this.leaves([...last.values()].map((index) => index + 1)), times);
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
      return await this.#asking.ask('/v1/checkpoint?fresh=1', async (answer, endpoint) => {
        const note = utf8Decode(answer.body);
        const head = await this.#heads.verified(jsonOf(await this.#asking.get(endpoint, '/v1/head')), endpoint);
        // Of the set whose log it is: the size that the note names is judged with the note.
        const trail = await this.#heads.trail();
        const { validators } = trail.forSize(checkpointOf(note).size);
        const { checkpoint, times } = verifyCheckpoint(note, originOf(genesis.chainName, hash), validators, headCrypto);
        await this.#heads.requireContinued(endpoint, checkpoint, head);
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
          return {
            endpoint,
            status: objectOf(await this.#asking.get(endpoint, '/v1/status'), '/v1/status'),
            error: '',
          };
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
    const answer = await this.#asking.post('/v1/transactions', envelope, tx);
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
    for (const endpoint of this.#asking.endpoints) {
      const answer = await this.#asking.get(endpoint, path).catch((error: unknown) => {
        if (!isChainError(error)) throw error;
        return undefined;
      });
      if (answer === undefined) continue;
      if (hashOfDetails(answer.body, sha256) === hash) return decodeDetails(answer.body);
      this.#asking.blame(endpoint, malformed(path, 'other bytes than those of the hash'));
    }
    return undefined;
  }

  /** Proposals that left the state, as they stood there last: values by state key, with the height and the time in milliseconds of that state. */
  async archived(ids: readonly number[]): Promise<readonly ArchivedState[]> {
    const found = new Map<number, ArchivedState>();
    for (const endpoint of this.#asking.endpoints) {
      const asked = ids.filter((id) => !found.has(id));
      if (asked.length === 0) break;
      try {
        for (const state of await this.#archivedAt(endpoint, asked)) found.set(state.proposal, state);
      } catch (error) {
        if (!isChainError(error)) throw error;
        if (isLie(error)) this.#asking.blame(endpoint, error);
      }
    }
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  async #archivedAt(endpoint: string, ids: readonly number[]): Promise<readonly ArchivedState[]> {
    const path = `/v1/archive?proposals=${ids.join(',')}`;
    const json = objectOf(await this.#asking.get(endpoint, path), path);
    const head = await this.#heads.verified(json['head'] ?? null, endpoint);
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

  /** The validator sets up to the newest head that was seen. */
  async validatorSets(): Promise<readonly TrailSet[]> {
    await this.head();
    return this.#heads.validatorSets();
  }

  /** Asks these endpoints (default: all) with a request signed for each, one after the other, until an answer passes `check`. */
  signed<T>(
    path: SignedPath,
    sign: (audience: Hash) => Promise<Uint8Array>,
    check: (body: Uint8Array) => T,
    endpoints?: readonly string[],
  ): Promise<T> {
    return this.#asking.signed(path, sign, check, endpoints);
  }

  close(): void {
    this.#asking.close();
  }

  /** Adds the values of `keys` to `values`; returns the head that they are proven against. */
  async #stateValues(
    keys: readonly string[],
    answer: Answer,
    endpoint: string,
    values: Map<string, Uint8Array | undefined>,
  ): Promise<CertifiedHead> {
    const json = objectOf(answer, '/v1/state');
    const head = await this.#heads.verified(json['head'] ?? null, endpoint);
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
    const head = await this.#heads.verified(json['head'] ?? null, endpoint);
    const before = query['before'] === undefined ? head.state.logSize : Number(query['before']);
    const observed = new Map(
      listOf(json, 'observations', path).map((item) => {
        const observation = recordOf(verifiedLeaf(head, item));
        return [observation.index as unknown, observation];
      }),
    );
    const records = listOf(json, 'items', path).map((item) => {
      const { observations: about } = item;
      if (!Array.isArray(about)) throw malformed(path, 'observations is no list');
      const observations = about.map((index) => {
        const observation = observed.get(index);
        if (observation === undefined) throw malformed(path, 'an observation is missing');
        return observation;
      });
      const record = recordOf(verifiedLeaf(head, item), observations);
      checkFits(record, query);
      return record;
    });
    const isInOrder = records.every(({ index }, i) => index < (records[i - 1]?.index ?? before));
    if (!isInOrder) throw malformed(path, 'the records are not in order');
    const blocks = listOf(json, 'blocks', path).map((item) => verifiedLeaf(head, item));
    if (this.#times.size > timesMax) this.#times.clear();
    noteTimes(blocks, this.#times);
    const next = json['next'];
    if (next !== null && (typeof next !== 'number' || next !== records.at(-1)?.index))
      throw malformed(path, 'next is not its last record');
    return { head, records, next: next as number | null, isProvenComplete: false };
  }
}

/** Adds the times of those leaves that are of blocks, by height. */
function noteTimes(leaves: readonly VerifiedLeaf[], times: Map<number, number>): void {
  for (const { decoded } of leaves)
    if (decoded.kind === 'block') times.set(decoded.leaf.block.height, decoded.leaf.block.timeMs);
}

function statePath(keys: readonly string[]): string {
  return `/v1/state?${keys.map((key) => `key=${encodeURIComponent(key)}`).join('&')}`;
}

function checkpointOf(note: string): { readonly size: number } {
  return parseCheckpointText(parseNote(note).text);
}
