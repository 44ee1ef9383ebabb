import Fastify, { type FastifyInstance } from 'fastify';
import { readRoutes } from '../../../src/api/read-routes.ts';
import { writeRoutes } from '../../../src/api/write-routes.ts';
import { openRequest } from '../../../src/client/signed-request.ts';
import type { Answer, Transport } from '../../../src/client/transport.ts';
import { signBytes } from '../../../src/consensus/sign-bytes.ts';
import { ChainError, isChainError } from '../../../src/errors/chain-error.ts';
import {
  assembleCheckpoint,
  consistencyProof,
  cosign,
  decodeLeaf,
  decodeTransaction,
  encodeMerkleProofJson,
  genesisBytes,
  inclusionProof,
  originOf,
  stateProofToJson,
  transactionHash,
} from '../../../src/ledger/index.ts';
import { encodeDetails, hashOfDetails } from '../../../src/ledger/details.ts';
import type {
  ApiBackend,
  CertifiedHeader,
  HandoverProof,
  LeafProof,
  NodeStatus,
  RecordPage,
  RecordQuery,
} from '../../../src/ports/api-backend.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { Hash, Height, OrgId, Round } from '../../../src/types/brand.ts';
import type { HandoverPayload, ProposedChange } from '../../../src/types/transaction.ts';
import { sha256, signerByKey, signerOf, type TestChain } from '../ledger/test-chain.ts';

/** A node of a chain in memory: the real routes over the real state machine, without consensus, network and disk. */
export class FakeNode implements ApiBackend {
  readonly chain: TestChain;
  readonly bodies = new Map<string, Uint8Array>();
  /** Height that it shows; null for the newest. */
  shownHeight: number | null = null;
  org: string;
  onCanonicalize: ((envelope: Uint8Array) => { change: ProposedChange; body: Uint8Array }) | undefined;

  constructor(chain: TestChain, org = 'alpha') {
    this.chain = chain;
    this.org = org;
  }

  get #executed() {
    const { blocks } = this.chain;
    return blocks[(this.shownHeight ?? blocks.length) - 1];
  }

  genesis(): Uint8Array {
    return genesisBytes(this.chain.genesis);
  }

  status(): NodeStatus {
    const { length } = this.chain.blocks;
    return {
      org: this.org, version: '0.0.0', chain: this.chain.app.genesisHash, chainName: 'demo', height: length, logSize: 0, timeMs: 0, round: 0, proposer: null,
      validators: 4, quorum: 3, quorumReachable: true, catchingUpTo: null, snapshot: null, historyGap: null, mempool: 0, halted: null, ready: true, notReady: [], peers: [], cluster: null,
    }; // prettier-ignore
  }

  head(): CertifiedHeader | undefined {
    const executed = this.#executed;
    return executed === undefined ? undefined : this.#certified(executed);
  }

  #certified({ block, blockId, state }: TestChain['blocks'][number]): CertifiedHeader {
    const { height } = block.header;
    const message = signBytes(this.chain.app.genesisHash, {
      type: 'precommit',
      height: height as Height,
      round: 0 as Round,
      blockId,
    });
    const signatures = this.chain.app.validatorsAt(height).map(({ voteKey }, validator) => ({
      validator,
      signature: signerByKey(voteKey).sign(message),
    }));
    return { header: block.header, certificate: { height, round: 0 as Round, blockId, signatures }, state };
  }

  block(height: number): (CertifiedHeader & { txCount: number }) | undefined {
    const executed = this.chain.blocks[height - 1];
    return executed === undefined ? undefined : { ...this.#certified(executed), txCount: executed.block.txs.length };
  }

  leaf(index: number, size: number): LeafProof | undefined {
    const leaf = index < size ? this.chain.source.readLeaf(index) : undefined;
    if (leaf === undefined) return undefined;
    const proof = inclusionProof(sha256, index, size, (level, at) => this.chain.source.readNode(level, at));
    return { index, leaf, proof: encodeMerkleProofJson(proof) };
  }

  consistency(from: number, to: number): readonly Hash[] {
    return encodeMerkleProofJson(
      consistencyProof(sha256, from, to, (level, at) => this.chain.source.readNode(level, at)),
    );
  }

  handovers(from: number, limit: number): readonly HandoverProof[] {
    const found: HandoverProof[] = [];
    for (let n = from; found.length < limit; n += 1) {
      const set = this.chain.app.validatorSetNumber(n);
      const head = set === undefined ? undefined : this.block(set.fromHeight - 1);
      const leaf = head === undefined ? undefined : this.leaf(head.state.logSize - 1, head.state.logSize);
      if (set === undefined || head === undefined || leaf === undefined) break;
      const notes = set.handover === null ? undefined : this.#notesOf(set.handover);
      found.push({ n, head, leaf, before: notes?.before ?? null, after: notes?.after ?? null });
    }
    return found;
  }

  #notesOf(index: number): HandoverPayload | undefined {
    const { payload } = this.chain.leaf(index).tx;
    return JSON.parse(Buffer.from(payload, 'base64').toString()) as HandoverPayload;
  }

  state(key: string): { value: Uint8Array | null; proof: unknown } {
    return { value: this.chain.app.stateGet(key) ?? null, proof: stateProofToJson(this.chain.app.prove(key)) };
  }

  async records({ filter, before, limit, withBlocks }: RecordQuery): Promise<RecordPage> {
    const size = this.head()?.state.logSize ?? 0;
    const { indexes } = this.chain.source;
    const wanted =
      filter.by === 'all'
        ? indexes.filter(([index]) => index === 'kind')
        : indexes.filter(([index, key]) => index === filter.by && key === filter.key);
    const found = [...new Set(wanted.map(([, , leaf]) => leaf))]
      .filter((leaf) => leaf < (before ?? size))
      .sort((a, b) => b - a);
    const page = found.slice(0, limit);
    const items = page.flatMap((index) => {
      const item = this.leaf(index, size);
      const seen = indexes.filter(([name, key]) => name === 'observation' && key === String(index));
      return item === undefined ? [] : [{ ...item, observations: seen.map(([, , leaf]) => leaf) }];
    });
    const about = new Set(items.flatMap(({ observations }) => observations));
    const observations = [...about].flatMap((leaf) => this.leaf(leaf, size) ?? []);
    const heights = new Set(page.map((index) => this.chain.leaf(index).height));
    const blocks = withBlocks ? [...heights].flatMap((height) => this.#blockLeaf(height, size)) : [];
    return { items, observations, blocks, next: found.length > limit ? (page.at(-1) ?? null) : null };
  }

  #blockLeaf(height: number, size: number): readonly LeafProof[] {
    const last = (this.block(height)?.state.logSize ?? 0) - 1;
    const leaf = last < 0 ? undefined : this.leaf(last, size);
    return leaf === undefined ? [] : [leaf];
  }

  async submit(envelope: Uint8Array): ReturnType<ApiBackend['submit']> {
    const check = this.chain.app.checkTx(envelope, this.chain.nowMs);
    if (!check.ok) return { kind: 'rejected', code: check.code, message: check.message };
    const { txs, block } = this.chain.block(envelope);
    const executed = txs.find(({ hash }) => hash === transactionHash(envelope, sha256));
    if (executed === undefined) return { kind: 'unknown', hash: check.hash };
    return {
      kind: 'committed',
      hash: executed.hash,
      height: block.header.height,
      leaf: executed.leaf,
      result: executed.result,
    };
  }

  async body(envelope: Uint8Array): Promise<Uint8Array> {
    const { content } = openRequest(envelope, 'body-request', this.#trust());
    const bytes = this.bodies.get(content.hash);
    if (bytes === undefined) throw new ChainError('BODY_UNKNOWN', { hash: content.hash });
    return bytes;
  }

  async canonicalize(envelope: Uint8Array): ReturnType<ApiBackend['canonicalize']> {
    if (this.onCanonicalize === undefined)
      throw new ChainError('API_UNAUTHORIZED', { reason: `this is the node of ${this.org}` });
    return this.onCanonicalize(envelope);
  }

  /** Of a refusal it follows from the record; of a person's it is what was put here. */
  async details(hash: Hash): Promise<Uint8Array | undefined> {
    const here = this.bodies.get(hash);
    if (here !== undefined) return here;
    const refusal = this.chain.app.liveProposals().find(({ details }) => details === hash);
    if (refusal?.origin !== 'refusal') return undefined;
    const { payload } = decodeTransaction(
      (decodeLeaf(this.chain.source.readLeaf(refusal.openedLeaf) as Uint8Array) as { tx: Uint8Array }).tx,
      sha256,
    );
    return payload.kind === 'mutation' ? encodeDetails(this.chain.details([payload.attestation])) : undefined;
  }

  async putDetails(envelope: Uint8Array): Promise<Hash> {
    const { content } = openRequest(envelope, 'details-request', this.#trust());
    const bytes = encodeDetails(content.details);
    const hash = hashOfDetails(bytes, sha256);
    this.bodies.set(hash, bytes);
    return hash;
  }

  archived(proposals: readonly number[]): ReturnType<ApiBackend['archived']> {
    return proposals.flatMap((id) => {
      const archived = this.chain.source.archive.get(`proposal/${id}`);
      if (archived === undefined) return [];
      const { leaf } = JSON.parse(Buffer.from(archived).toString()) as { leaf: number };
      return [{ archived, leaf: this.leaf(leaf, this.head()?.state.logSize ?? 0) as LeafProof }];
    });
  }

  async checkpoint(_fresh: boolean): Promise<string> {
    const head = this.head();
    if (head === undefined) throw new ChainError('API_EMPTY_CHAIN', {});
    const { genesis, app } = this.chain;
    const checkpoint = {
      origin: originOf(genesis.chainName, app.genesisHash),
      size: head.state.logSize,
      root: head.state.logRoot,
    };
    const signed = genesis.validators.map(
      ({ id }) => [id, cosign(checkpoint, Math.floor(this.chain.nowMs / 1_000), signerOf(`${id} checkpoint`))] as const,
    );
    return assembleCheckpoint(checkpoint, genesis.validators, new Map(signed), nativeBackend);
  }

  #trust(): Parameters<typeof openRequest>[2] {
    const { app, nowMs } = this.chain;
    return {
      chain: app.genesisHash,
      nowMs,
      audiences: [AUDIENCE],
      member: (org: OrgId, name: string) => app.organisation(org)?.members.find((member) => member.name === name),
    };
  }
}

/** What every node in memory shows as its certificate. */
export const AUDIENCE = 'ce'.repeat(32) as Hash;

type Tamper = (path: string, answer: Answer) => Answer;

/** Endpoints in memory; what stands between one of them and its client may change its answers. */
export class FakeTransport implements Transport {
  readonly asked: string[] = [];
  readonly #nodes = new Map<string, { readonly app: FastifyInstance; readonly tamper: Tamper }>();

  add(endpoint: string, node: ApiBackend, tamper: Tamper = (_path, answer) => answer): this {
    const app = Fastify();
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.setErrorHandler(async (error, _request, reply) => {
      if (!isChainError(error)) throw error;
      return reply.code(error.httpStatus).send({ code: error.code, message: error.message, remedy: error.remedy });
    });
    app.register(readRoutes, { backend: node });
    app.register(writeRoutes, { backend: node });
    this.#nodes.set(endpoint, { app, tamper });
    return this;
  }

  get(endpoint: string, path: string): Promise<Answer> {
    return this.#inject(endpoint, path);
  }

  post(endpoint: string, path: string, body: Uint8Array): Promise<Answer> {
    return this.#inject(endpoint, path, body);
  }

  certificate(): Promise<Hash> {
    return Promise.resolve(AUDIENCE);
  }

  close(): void {}

  async #inject(endpoint: string, path: string, body?: Uint8Array): Promise<Answer> {
    this.asked.push(`${endpoint}${path}`);
    const node = this.#nodes.get(endpoint);
    if (node === undefined)
      throw new ChainError('CLIENT_UNREACHABLE', { endpoints: endpoint, reason: 'connect ECONNREFUSED' });
    const sent =
      body === undefined ? {} : { payload: Buffer.from(body), headers: { 'content-type': 'application/octet-stream' } };
    const { statusCode, rawPayload } = await node.app.inject({
      method: body === undefined ? 'GET' : 'POST',
      url: path,
      ...sent,
    });
    return node.tamper(path, { status: statusCode, body: rawPayload });
  }
}

/** Changes the JSON of answers to paths that begin so. */
export function tampering(prefix: string, change: (json: never) => unknown): Tamper {
  return (path, answer) => {
    if (!path.startsWith(prefix) || answer.status !== 200) return answer;
    const json = JSON.parse(Buffer.from(answer.body).toString('utf8')) as never;
    return { status: 200, body: Buffer.from(JSON.stringify(change(json) ?? json)) };
  };
}
