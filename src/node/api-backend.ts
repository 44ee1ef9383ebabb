import { pauses } from '../api/pauses.ts';
import { attestRequest, deriveClusterKeys } from '../change/index.ts';
import { openRequest } from '../client/signed-request.ts';
import { parseJson } from '../codec/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { decodeArchived } from '../ledger/archive.ts';
import { auditKey } from '../ledger/audit-index.ts';
import { decodeDetails, encodeDetails, hashOfDetails } from '../ledger/details.ts';
import { proposalKey } from '../ledger/execute/keys.ts';
import {
  consistencyProof,
  decodeBlock,
  decodeCertificate,
  decodeLeaf,
  decodeTransaction,
  encodeMerkleProofJson,
  inclusionProof,
  stateProofToJson,
  transactionHash,
  type LoadedGenesis,
} from '../ledger/index.ts';
import type { Application } from '../ports/application.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type {
  ApiBackend,
  CertifiedHeader,
  HandoverProof,
  LeafProof,
  NodeStatus,
  RecordFilter,
  RecordPage,
  RecordQuery,
} from '../ports/api-backend.ts';
import { lackedHeights, type HistoryGap, type Store } from '../store/index.ts';
import type { ClusterId, Hash, OrgId } from '../types/brand.ts';
import type { Certificate } from '../types/chain.ts';
import { ANYBODY, type Bodies } from './bodies.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { ClusterKeys } from './cluster-keys.ts';
import { entitled } from './cluster-keys.ts';
import type { Submitter } from './submitter.ts';

/** A client that submits waits this long for its transaction to be decided. */
const submitWaitMs = 10_000;
const observationsOfRecordMax = 23;
/** Of one page: it is held until the slowest reader has it. */
const pageBytesMax = 4 * 1024 * 1024;
/** A canonical form that was asked for and never proposed is forgotten after this long. */
const draftLifeMs = 3_600_000;

interface Deps {
  readonly genesis: LoadedGenesis;
  readonly org: OrgId;
  readonly store: Store;
  readonly reader: Application & LedgerReader;
  readonly lastCertificate: () => Certificate | null;
  readonly submitter: Submitter;
  readonly bodies: Bodies;
  readonly clusterKeys: ClusterKeys;
  readonly checkpoints: Checkpoints;
  readonly status: () => NodeStatus;
  /** Why nothing can be decided now, or null. */
  readonly obstacle: () => ChainError | null;
  /** SHA-256 of the certificates that callers of the API saw. */
  readonly apiCertificates: () => readonly Hash[];
  readonly now: () => number;
}

const { sha256 } = nativeBackend;

/** What the HTTP API serves, from the state machine's committed state and the store. */
export class NodeApiBackend implements ApiBackend {
  readonly #d: Deps;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  genesis(): Uint8Array {
    return this.#d.genesis.bytes;
  }

  status(): NodeStatus {
    return this.#d.status();
  }

  head(): CertifiedHeader | undefined {
    const info = this.#d.reader.info();
    const header = this.#d.reader.headerOf(info.height);
    const certificate = this.#certificateOf(info.height);
    return header === undefined || certificate === undefined ? undefined : { header, certificate, state: info.state };
  }

  /** While blocks are fetched the engine learns of a certificate only after its block is applied; the store has it already. */
  #certificateOf(height: number): Certificate | undefined {
    const last = this.#d.lastCertificate();
    if (last?.height === height) return last;
    const stored = this.#d.store.certificate(height);
    return stored === undefined ? undefined : decodeCertificate(stored);
  }

  block(height: number): (CertifiedHeader & { txCount: number }) | undefined {
    const { store } = this.#d;
    const { gap } = store;
    if (gap !== null && height > gap.through && height < gap.from) throw notHere(gap);
    const bytes = store.block(height);
    const certificate = store.certificate(height);
    const state = store.state(height);
    if (bytes === undefined || certificate === undefined || state === undefined || height < 1) return undefined;
    const block = decodeBlock(bytes);
    return { header: block.header, certificate: decodeCertificate(certificate), state, txCount: block.txs.length };
  }

  leaf(index: number, size: number): LeafProof | undefined {
    const { store } = this.#d;
    const leaf = index < size ? store.readLeaf(index) : undefined;
    if (leaf === undefined && index < size && store.gap !== null) throw notHere(store.gap);
    if (leaf === undefined) return undefined;
    const proof = this.#proof(() => inclusionProof(sha256, index, size, (level, at) => store.readNode(level, at)));
    return { index, leaf, proof };
  }

  consistency(from: number, to: number): readonly Hash[] {
    const { store } = this.#d;
    return this.#proof(() => consistencyProof(sha256, from, to, (level, at) => store.readNode(level, at)));
  }

  /** Throws HISTORY_NOT_HERE where a node of the tree is missing that comes with the history. */
  #proof(make: () => readonly Uint8Array[]): Hash[] {
    try {
      return encodeMerkleProofJson(make());
    } catch (error) {
      const { gap } = this.#d.store;
      throw isChainError(error, 'LEDGER_TREE_NODE_MISSING') && gap !== null ? notHere(gap) : error;
    }
  }

  handovers(from: number, limit: number): readonly HandoverProof[] {
    const { reader } = this.#d;
    const found: HandoverProof[] = [];
    for (let n = from; found.length < limit; n += 1) {
      const set = reader.validatorSetNumber(n);
      const head = set === undefined ? undefined : this.#certified(set.fromHeight - 1);
      const leaf = head === undefined ? undefined : this.leaf(head.state.logSize - 1, head.state.logSize);
      if (set === undefined || head === undefined || leaf === undefined) break;
      found.push({ n, head, leaf, ...this.#notes(set.handover) });
    }
    return found;
  }

  #certified(height: number): CertifiedHeader | undefined {
    const head = this.head();
    return head?.header.height === height ? head : this.block(height);
  }

  #notes(handover: number | null): { readonly before: string | null; readonly after: string | null } {
    const { store } = this.#d;
    const bytes = handover === null ? undefined : store.readLeaf(handover);
    if (handover !== null && bytes === undefined && store.gap !== null) throw notHere(store.gap);
    const decoded = bytes === undefined ? undefined : decodeLeaf(bytes);
    const payload = decoded?.kind === 'transaction' ? decodeTransaction(decoded.tx, sha256).payload : undefined;
    return payload?.kind === 'handover'
      ? { before: payload.before, after: payload.after }
      : { before: null, after: null };
  }

  state(key: string): { value: Uint8Array | null; proof: unknown } {
    const { reader } = this.#d;
    return { value: reader.stateGet(key) ?? null, proof: stateProofToJson(reader.prove(key)) };
  }

  async records(query: RecordQuery): Promise<RecordPage> {
    const { reader, store } = this.#d;
    // A list that may lack some of its records would be taken for whole.
    if (store.gap !== null) throw notHere(store.gap);
    const { logSize } = reader.info().state;
    const indexes = this.#find(query, logSize);
    const items: RecordPage['items'][number][] = [];
    const observations = new Map<number, LeafProof>();
    const blocks = new Map<number, LeafProof>();
    const answer = (next: number | null): RecordPage => ({
      items,
      observations: [...observations.values()],
      blocks: [...blocks.values()],
      next,
    });
    const pause = pauses();
    let bytes = 0;
    for (const index of indexes) {
      const item = this.leaf(index, logSize);
      if (item === undefined) continue;
      const about = store.index('observation', String(index), { limit: observationsOfRecordMax });
      const found = about.flatMap((leaf) => observations.get(leaf) ?? this.leaf(leaf, logSize) ?? []);
      const fresh = found.filter((observation) => !observations.has(observation.index));
      bytes += fresh.reduce((sum, { leaf }) => sum + leaf.length, item.leaf.length);
      const last = items.at(-1);
      if (last !== undefined && bytes > pageBytesMax) return answer(last.index);
      for (const observation of fresh) observations.set(observation.index, observation);
      items.push({ ...item, observations: found.map((observation) => observation.index) });
      if (query.withBlocks) this.#noteBlockOf(index, logSize, blocks);
      await pause();
    }
    return answer(indexes.length === query.limit ? (indexes.at(-1) ?? null) : null);
  }

  /** The last leaf of the block that a record is in, by height. */
  #noteBlockOf(index: number, logSize: number, blocks: Map<number, LeafProof>): void {
    const { store } = this.#d;
    const height = store.heightOfLeaf(index);
    if (height === undefined || blocks.has(height)) return;
    const size = store.state(height)?.logSize;
    const leaf = size === undefined ? undefined : this.leaf(size - 1, logSize);
    if (leaf !== undefined) blocks.set(height, leaf);
  }

  async submit(envelope: Uint8Array): ReturnType<ApiBackend['submit']> {
    const { submitter, obstacle, now, reader, store } = this.#d;
    const blocked = obstacle();
    if (blocked !== null) throw blocked;
    // Mutations speak for a webhook; they come from its own node only, never over this door.
    if (reader.kindOf(envelope) === 'mutation')
      throw new ChainError('API_UNAUTHORIZED', { reason: 'a mutation is submitted by the node that was asked' });
    const known = reader.recordedTx(envelope);
    // Sent again because its answer got lost: the result is the earlier one.
    if (known !== undefined) {
      const { leaf, result } = known;
      return {
        kind: 'committed',
        hash: transactionHash(envelope, sha256),
        height: store.heightOfLeaf(leaf) ?? 0,
        leaf,
        result,
      };
    }
    const outcome = await submitter.submit(envelope, now() + submitWaitMs, 'inclusion');
    switch (outcome.kind) {
      case 'committed':
        return {
          kind: 'committed',
          hash: outcome.tx,
          height: outcome.height,
          leaf: outcome.leaf,
          result: outcome.result,
        };
      case 'unknown':
        return { kind: 'unknown', hash: outcome.tx };
      case 'rejected':
        return { kind: 'rejected', code: outcome.code, message: outcome.message };
      case 'overloaded':
        throw new ChainError('MEMPOOL_FULL', { org: '', transactions: submitter.waiting });
    }
  }

  async body(envelope: Uint8Array): Promise<Uint8Array> {
    const { org, content } = openRequest(envelope, 'body-request', this.#trust());
    const { store, reader, bodies } = this.#d;
    const { hash } = content;
    if (reader.isErased(hash)) throw new ChainError('BODY_ERASED', { hash });
    const mayRead = bodies.mayRead(org, hash);
    if (!mayRead && store.hasBody(hash)) throw new ChainError('BODY_FORBIDDEN', { hash, org });
    const bytes = mayRead ? await bodies.find(hash) : undefined;
    if (bytes === undefined) throw new ChainError('BODY_UNKNOWN', { hash });
    return bytes;
  }

  async details(hash: Hash): Promise<Uint8Array | undefined> {
    const bytes = await this.#d.bodies.details(hash);
    if (bytes === undefined) return undefined;
    // Whoever proposed may have named the body of a change as that of the proposal: that one is not for everybody.
    decodeDetails(bytes);
    return bytes;
  }

  async putDetails(envelope: Uint8Array): Promise<Hash> {
    const { org, content } = openRequest(envelope, 'details-request', this.#trust());
    if (org !== this.#d.org) throw new ChainError('API_UNAUTHORIZED', { reason: `this is the node of ${this.#d.org}` });
    const bytes = encodeDetails(content.details);
    const hash = hashOfDetails(bytes, sha256);
    await this.#d.bodies.keep(hash, bytes, [ANYBODY], draftLifeMs);
    return hash;
  }

  archived(proposals: readonly number[]): ReturnType<ApiBackend['archived']> {
    const { store, reader } = this.#d;
    if (store.gap !== null) throw notHere(store.gap);
    const { logSize } = reader.info().state;
    return proposals.flatMap((id) => {
      const archived = store.archived(proposalKey(id));
      const leaf = archived === undefined ? undefined : this.leaf(decodeArchived(parseJson(archived)).leaf, logSize);
      return archived === undefined || leaf === undefined ? [] : [{ archived, leaf }];
    });
  }

  async canonicalize(envelope: Uint8Array): ReturnType<ApiBackend['canonicalize']> {
    const { org, content } = openRequest(envelope, 'canonicalize-request', this.#trust());
    const { clusterKeys, bodies, reader } = this.#d;
    if (org !== this.#d.org) throw new ChainError('API_UNAUTHORIZED', { reason: `this is the node of ${this.#d.org}` });
    const cluster = content.cluster as ClusterId;
    const record = reader.cluster(cluster);
    const held = clusterKeys.get(cluster);
    if (record === undefined || held === undefined) throw new ChainError('CLUSTER_KEY_MISSING', { cluster });
    const keys = deriveClusterKeys(held.key, sha256, nativeBackend.hmacSha256);
    const { attestation, body } = attestRequest(content.request, {
      cluster,
      keys,
      sha256,
      hmacSha256: nativeBackend.hmacSha256,
    });
    const { admissionUid: _admissionUid, ...change } = attestation;
    // A draft: whoever proposes it keeps it from expiring.
    await bodies.keep(attestation.bodyHash, body, [...entitled(record)], draftLifeMs);
    return { change, body };
  }

  checkpoint(fresh: boolean): Promise<string> {
    return this.#d.checkpoints.note(fresh);
  }

  #trust(): Parameters<typeof openRequest>[2] {
    const { genesis, reader, now } = this.#d;
    return {
      chain: genesis.hash,
      nowMs: now(),
      audiences: this.#d.apiCertificates(),
      member: (org, name) => reader.organisation(org)?.members.find((member) => member.name === name),
    };
  }

  /** Leaf indexes, newest first; each filter is one index, bounded by time through the time index. */
  #find({ filter, sinceMs, untilMs, before, limit }: RecordQuery, logSize: number): number[] {
    const { store } = this.#d;
    const from = sinceMs === null ? 0 : this.#firstLeafAt(sinceMs);
    const until = untilMs === null ? logSize : this.#firstLeafAt(untilMs + 1);
    const page = { before: Math.min(before ?? logSize, until, logSize), from, limit };
    if (page.before <= page.from) return [];
    if (filter.by === 'all') return this.#transactionsBelow(page);
    return store.index(filter.by, keyOf(filter), page);
  }

  /** First leaf of the first block whose time is `timeMs` or later; the size of the log if there is none. */
  #firstLeafAt(timeMs: number): number {
    const { store, reader } = this.#d;
    let low = 1;
    let high = reader.info().height + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      // The last leaf of a block says when.
      const leaf = store.readLeaf((store.state(middle)?.logSize ?? 0) - 1);
      const { block } = (leaf === undefined ? {} : parseJson(leaf)) as { block?: { timeMs: number } };
      if (block !== undefined && block.timeMs >= timeMs) high = middle;
      else low = middle + 1;
    }
    return low === 1 ? 0 : (store.state(low - 1)?.logSize ?? 0);
  }

  /** Every leaf but those of blocks; these carry no record. */
  #transactionsBelow({ before, from, limit }: { before: number; from: number; limit: number }): number[] {
    const found: number[] = [];
    for (let index = before - 1; index >= from && found.length < limit; index -= 1) {
      const leaf = this.#d.store.readLeaf(index);
      if (leaf !== undefined && 'tx' in (parseJson(leaf) as object)) found.push(index);
    }
    return found;
  }
}

function notHere(gap: HistoryGap): ChainError<'HISTORY_NOT_HERE'> {
  return new ChainError('HISTORY_NOT_HERE', lackedHeights(gap));
}

function keyOf(filter: Extract<RecordFilter, { key: string }>): string {
  const { by, key } = filter;
  const parts = key.split('/');
  switch (by) {
    case 'object': {
      const [cluster = '', group = '', resource = '', namespace = '', ...name] = parts;
      if (parts.length < 5)
        throw new ChainError('API_BAD_PARAMETER', {
          name: 'object',
          problem: 'must be cluster/group/resource/namespace/name',
        });
      return auditKey.object({ cluster: cluster as ClusterId, group, resource, namespace, name: name.join('/') });
    }
    case 'namespace': {
      if (parts.length !== 2)
        throw new ChainError('API_BAD_PARAMETER', { name: 'namespace', problem: 'must be cluster/namespace' });
      return key;
    }
    case 'proposal':
      if (!/^\d{1,15}$/.test(key))
        throw new ChainError('API_BAD_PARAMETER', { name: 'proposal', problem: 'must be a number' });
      return key;
    case 'actor':
    case 'decision':
    case 'operation':
    case 'kind':
      return key;
  }
}
