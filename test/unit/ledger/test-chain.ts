import { nativeBackend, signerFromSeed } from '../../../src/crypto/index.ts';
import { changeDigests } from '../../../src/codec/change-digest.ts';
import { signBytes } from '../../../src/consensus/sign-bytes.ts';
import { createApplication } from '../../../src/ledger/application.ts';
import { certificateHashOf } from '../../../src/ledger/certificate.ts';
import { configProposal } from '../../../src/ledger/config-proposal.ts';
import { signTransaction } from '../../../src/ledger/transaction.ts';
import { decodeLeaf } from '../../../src/ledger/leaf.ts';
import type { Application, ExecutedBlock, ExecutedTx } from '../../../src/ports/application.ts';
import type { LedgerReader } from '../../../src/ports/ledger-reader.ts';
import type { Signer } from '../../../src/ports/crypto.ts';
import type { Certificate, Genesis, Validator } from '../../../src/types/chain.ts';
import type { ClusterId, Hash, Height, LeafIndex, OrgId, Round, ValidatorId } from '../../../src/types/brand.ts';
import type { ChangeAttributes } from '../../../src/types/change.ts';
import type { ChangeState, ChangeUse, Proposal, ProposalDetails } from '../../../src/types/proposal.ts';
import { bindingOf, matchedPolicies } from '../../../src/governance/match.ts';
import type { Policy } from '../../../src/governance/policy.ts';
import {
  detailsOf,
  digestsOf,
  encodeDetails,
  hashOfDetails,
  policiesOf,
  titleOf,
} from '../../../src/ledger/details.ts';
import { KEY, policyKey } from '../../../src/ledger/execute/keys.ts';
import type {
  BallotChoice,
  ConfigChange,
  Leaf,
  ObservedResult,
  Payload,
  ProposedChange,
} from '../../../src/types/transaction.ts';
import { chainParams } from './fixtures.ts';
import { MemorySource } from './memory-source.ts';

export const { sha256 } = nativeBackend;
export const ORGS = ['alpha', 'beta', 'gamma', 'delta'] as const;
export const CLUSTER = 'prod' as ClusterId;
export const START_MS = 1_760_000_000_000;
const ZERO_HASH = '0'.repeat(64) as Hash;
const HOUR_MS = 3_600_000;

const signers = new Map<string, Signer>();

/** The same name always has the same key. */
export function signerOf(name: string): Signer {
  let signer = signers.get(name);
  if (signer === undefined) {
    signer = signerFromSeed(sha256(new TextEncoder().encode(`seed of ${name}`)));
    signers.set(name, signer);
  }
  return signer;
}

export function signerByKey(key: string): Signer {
  const found = [...signers.values()].find(({ publicKey }) => publicKey === key);
  if (found === undefined) throw new Error(`nobody in the tests has the key ${key}`);
  return found;
}

export const hashOf = (text: string): Hash =>
  Buffer.from(sha256(new TextEncoder().encode(text))).toString('hex') as Hash;

const POLICY = {
  clusters: ['*'],
  match: [{ resources: [{ group: 'apps', resource: 'deployments' }], namespaces: ['prod-*'] }],
  require: { approvals: 2 },
};

export interface ChainOptions {
  readonly orgs?: readonly string[];
  /** Number of hooks, w; 1 unless given. Hook i is answered by organisation i, the last one by all that are left. */
  readonly hooks?: number;
  readonly policies?: Genesis['policies'];
  readonly votesRequired?: number;
  readonly configPolicy?: Partial<Genesis['configPolicy']>;
  readonly params?: Partial<Genesis['params']>;
}

/** Organisations with two members who vote (`ann`, `bob`) and a watcher who does not (`eve`). */
export function genesisOf(options: ChainOptions = {}): Genesis {
  const names = options.orgs ?? ORGS;
  const hooks = options.hooks ?? 1;
  return {
    v: 1,
    chainName: 'demo',
    createdMs: START_MS,
    appVersion: 1,
    validators: names.map(validatorOf),
    orgs: names.map((name) => ({
      name: name as OrgId,
      members: ['ann', 'bob', 'eve'].map((person) => ({
        name: person,
        key: signerOf(`${person} of ${name}`).publicKey,
        roles: person === 'eve' ? ['auditor'] : ['member'],
      })),
      votesRequired: options.votesRequired ?? 1,
    })),
    clusters: [
      {
        name: CLUSTER,
        uid: '',
        hooks: Array.from({ length: hooks }, (_, i) => ({
          name: `hook-${i}`,
          orgs: (i === hooks - 1 ? names.slice(i) : names.slice(i, i + 1)) as OrgId[],
        })),
        observers: names as readonly OrgId[],
      },
    ],
    bindings: names.map((name) => ({ cluster: CLUSTER, user: `ann@${name}`, org: name as OrgId, member: 'ann' })),
    policies: options.policies ?? [{ name: 'production', spec: POLICY }],
    configPolicy: { rule: 'majority', delayMs: 0, votingMs: HOUR_MS, ...options.configPolicy },
    params: {
      ...chainParams,
      ...options.params,
    },
  };
}

export function validatorOf(name: string): Validator {
  const key = (purpose: string) => signerOf(`${name} ${purpose}`).publicKey;
  return {
    id: name as ValidatorId,
    org: name as OrgId,
    voteKey: key('vote'),
    txKey: key('tx'),
    tlsKey: key('tls'),
    checkpointKey: key('checkpoint'),
    peerAddress: `${name}.example:26600`,
    apiUrl: name === 'alpha' ? 'https://a.example' : '',
  };
}

/** An update of prod-web/web by a user whom nobody answers for. */
export function attributesOf(changes: Partial<ChangeAttributes> = {}): ChangeAttributes {
  return {
    cluster: CLUSTER,
    operation: 'UPDATE',
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    subresource: '',
    namespace: 'prod-web',
    name: 'web',
    uid: 'uid-1',
    resourceVersion: '1',
    user: 'ci',
    groups: ['system:authenticated'],
    generatedName: false,
    options: '',
    paths: ['/spec/template/spec/containers/0/image'],
    pathsTruncated: false,
    ...changes,
  };
}

/** What nodes attest of a change whose content is named by a text: another text is another change. */
export function changeOf(content: string, changes: Partial<ChangeAttributes> = {}): ProposedChange {
  const attributes = attributesOf(changes);
  const commitment = { diff: hashOf(`diff ${content}`), strict: hashOf(`strict ${content}`) };
  return {
    attributes,
    commitment,
    digest: changeDigests(sha256, attributes, commitment),
    bodyHash: hashOf(`body ${content}`),
    keyId: hashOf('cluster key'),
  };
}

type ChangeStatus = { readonly digest: Hash; readonly state: ChangeState } & Partial<Omit<ChangeUse, 'state'>>;

type Unsigned = Payload extends infer P
  ? P extends Payload
    ? Omit<P, 'v' | 'alg' | 'chain' | 'notAfterMs'> &
        (P extends { notAfterMs: number } ? { notAfterMs?: number } : object)
    : never
  : never;

/** A chain without a second node, for tests of rules that make very many of them. */
export const alone = (options: ChainOptions | Genesis = {}): TestChain => new TestChain(options, false);

/** A chain of one process: proposes, executes again elsewhere, stores, commits. Its clock stands still unless it is moved. */
export class TestChain {
  readonly genesis: Genesis;
  readonly source = new MemorySource();
  app: Application & LedgerReader;
  /** Another node: executes every block that the first one proposes. */
  readonly follower: Application & LedgerReader;
  readonly #followed: boolean;
  readonly #followerSource = new MemorySource();
  nowMs = START_MS;
  /** A validator that neither proposes nor signs. */
  silent = '';
  #certificate: Certificate | null = null;
  #reviews = 0;
  readonly blocks: ExecutedBlock[] = [];

  constructor(options: ChainOptions | Genesis = {}, followed = true) {
    this.genesis = 'chainName' in options ? options : genesisOf(options);
    this.app = this.#start(this.source);
    this.#followed = followed;
    this.follower = this.#followed ? this.#start(this.#followerSource) : this.app;
  }

  #start(source: MemorySource): Application & LedgerReader {
    return createApplication({ genesis: this.genesis, backend: nativeBackend, source, precommitBytes: signBytes });
  }

  /** The first node as it is after a restart. */
  restarted(): Application & LedgerReader {
    const { block, state } = this.blocks[this.blocks.length - 1] as ExecutedBlock;
    return createApplication({
      genesis: this.genesis,
      backend: nativeBackend,
      source: this.source,
      precommitBytes: signBytes,
      last: { header: block.header, state },
    });
  }

  /** Registers the cluster's key, which everything that is attested needs. */
  ready(): this {
    this.run({ kind: 'cluster-key', node: 'alpha' as ValidatorId, cluster: CLUSTER, keyId: hashOf('cluster key') });
    return this;
  }

  advance(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  sign(payload: Unsigned, signer?: Signer): Uint8Array {
    const full = {
      v: 1,
      alg: 'ed25519',
      chain: this.app.genesisHash,
      ...(payload.kind === 'spooled-record' ? {} : { notAfterMs: this.nowMs + 8_000 }),
      ...payload,
    } as Payload;
    const own = 'node' in full ? signerOf(`${full.node} tx`) : signerOf(`${full.member} of ${full.org}`);
    return signTransaction(full, signer ?? own, sha256);
  }

  prepare(txs: readonly Uint8Array[]): ExecutedBlock {
    const { height, blockId, timeMs } = this.app.info();
    this.nowMs = Math.max(this.nowMs, timeMs + 1);
    return this.app.prepareProposal({
      height: (height + 1) as Height,
      proposer: this.#proposer(height),
      timeMs: this.nowMs,
      previous: blockId,
      lastCertificate: this.#certificate,
      lastCertificateHash: this.#certificate === null ? ZERO_HASH : certificateHashOf(this.#certificate, sha256),
      txs,
    });
  }

  /** Of the last block. */
  get certificate(): Certificate {
    if (this.#certificate === null) throw new Error('there is no block yet');
    return this.#certificate;
  }

  #proposer(height: number): ValidatorId {
    const { validators } = this.app.info();
    const taking = validators.filter(({ id }) => id !== this.silent);
    return (taking[height % taking.length] as Validator).id;
  }

  /** One block of these transactions, on both nodes. */
  block(...txs: readonly Uint8Array[]): ExecutedBlock {
    const executed = this.prepare(txs);
    if (this.#followed) this.#follow(executed);
    this.source.write(executed.writes);
    this.app.commit(executed);
    this.#certificate = this.#certify(executed);
    this.blocks.push(executed);
    return executed;
  }

  #follow({ block }: ExecutedBlock): void {
    const there = this.follower.processProposal(block);
    if (!there.ok) throw new Error(`the follower refused the block: ${there.code} ${there.message}`);
    this.#followerSource.write(there.executed.writes);
    this.follower.commit(there.executed);
  }

  /** One transaction in a block of its own; undefined if the proposer left it out. */
  run(payload: Unsigned): ExecutedTx | undefined {
    return this.block(this.sign(payload)).txs[0];
  }

  /** The result of a transaction, or the code for which it is not let in. */
  verdict(payload: Unsigned): string {
    const tx = this.sign(payload);
    const check = this.app.checkTx(tx, this.nowMs);
    const result = this.block(tx).txs[0]?.result;
    if (result === undefined) return check.ok ? 'DROPPED' : check.code;
    if (!check.ok && result.decision !== 'REFUSED')
      throw new Error(`checkTx said ${check.code}, the block ${result.decision}`);
    return `${result.decision} ${result.code}`;
  }

  /** A review of the change, attested by the nodes, all in one block; the decision of the last one. */
  review(change: ProposedChange, nodes: readonly string[] = ['alpha']): ExecutedTx {
    const txs = nodes.map((node) => this.attest(change, node));
    const { txs: executed } = this.block(...txs);
    return executed[executed.length - 1] as ExecutedTx;
  }

  attest(change: ProposedChange, node: string, more: { notAfterMs?: number; admissionUid?: string } = {}): Uint8Array {
    this.#reviews += 1;
    const { admissionUid = `review-${this.#reviews}`, ...rest } = more;
    return this.sign({
      kind: 'mutation',
      node: node as ValidatorId,
      attestation: { ...change, admissionUid },
      ...rest,
    });
  }

  propose(
    org: string,
    changes: readonly ProposedChange[],
    more: { member?: string; nonce?: string; policies?: readonly Hash[]; digests?: readonly Hash[] } = {},
  ): string {
    this.#reviews += 1;
    const { member = 'ann', nonce = `nonce-${this.#reviews}` } = more;
    const details = this.details(changes);
    return this.verdict({
      kind: 'proposal',
      org: org as OrgId,
      member,
      nonce,
      reason: 'why',
      cluster: CLUSTER,
      details: hashOfDetails(encodeDetails(details), sha256),
      title: titleOf(details),
      digests: more.digests ?? digestsOf(details, sha256),
      policies: more.policies ?? policiesOf(details, this.policies(), sha256),
      config: [],
    });
  }

  /** The body of a proposal for these changes, bound as the policies in force say. */
  details(changes: readonly ProposedChange[]): ProposalDetails {
    const policies = this.policies();
    return detailsOf(
      changes.map((change) => ({
        ...change,
        binding: bindingOf(matchedPolicies(policies, change.attributes), change.attributes),
      })),
    ) as ProposalDetails;
  }

  policies(): readonly Policy[] {
    const read = <T>(key: string): T => JSON.parse(Buffer.from(this.app.stateGet(key) as Uint8Array).toString()) as T;
    return read<string[]>(KEY.policies).map((name) => read<Policy>(policyKey(name)));
  }

  configure(org: string, config: readonly ConfigChange[], member = 'ann'): string {
    this.#reviews += 1;
    return this.verdict({ ...configProposal(config, `nonce-${this.#reviews}`), org: org as OrgId, member });
  }

  vote(
    org: string,
    proposal: number,
    more: { choice?: BallotChoice; sequence?: number; member?: string; reason?: string; termsHash?: Hash } = {},
  ): string {
    return this.verdict(this.ballot(org, proposal, more));
  }

  ballot(
    org: string,
    proposal: number,
    {
      choice = 'approve',
      sequence = 1,
      member = 'ann',
      reason = '',
      termsHash = this.app.proposal(proposal)?.termsHash ?? ZERO_HASH,
    }: Parameters<TestChain['vote']>[2] = {},
  ) {
    return { kind: 'ballot' as const, org: org as OrgId, member, proposal, sequence, choice, reason, termsHash };
  }

  claim(org: string, proposal: number, more: { claim?: boolean; sequence?: number; member?: string } = {}): string {
    const { claim = true, sequence = 1, member = 'ann' } = more;
    return this.verdict({ kind: 'claim', org: org as OrgId, member, proposal, sequence, claim });
  }

  withdraw(org: string, proposal: number, member = 'ann'): string {
    return this.verdict({ kind: 'withdrawal', org: org as OrgId, member, proposal });
  }

  hold(node: string, proposal: number): string {
    const details = this.proposal(proposal).details as Hash;
    return this.verdict({ kind: 'body-held', node: node as ValidatorId, proposal, details });
  }

  /** Nodes of these organisations hold the bodies. */
  held(proposal: number, nodes: readonly string[] = ORGS): this {
    const details = this.proposal(proposal).details as Hash;
    this.block(...nodes.map((node) => this.sign({ kind: 'body-held', node: node as ValidatorId, proposal, details })));
    return this;
  }

  observe(node: string, results: readonly ObservedResult[]): string {
    const sequence = this.app.observationSequence(CLUSTER, node) + 1;
    return this.verdict({ kind: 'observation', node: node as ValidatorId, cluster: CLUSTER, sequence, results });
  }

  /** With what became of each change. */
  proposal(id: number): Proposal & { readonly changes: readonly ChangeStatus[] } {
    const found = this.app.proposal(id);
    if (found === undefined) throw new Error(`no proposal ${id}`);
    const changes = this.app
      .digestsOf(id)
      .map((digest, index) => ({ digest, state: found.unused, ...this.app.use(id, index) }));
    return { ...found, changes };
  }

  /** State of the proposal, and of its first change. */
  state(id: number): string {
    const { state, changes } = this.proposal(id);
    return changes[0] === undefined ? state : `${state} ${changes[0].state}`;
  }

  leaf(index: number): Leaf {
    const decoded = decodeLeaf(this.source.readLeaf(index) as Uint8Array);
    if (decoded.kind !== 'transaction') throw new Error(`leaf ${index} is a block's`);
    return decoded.leaf;
  }

  #certify({ block, blockId }: ExecutedBlock): Certificate {
    const height = block.header.height;
    const round = 0 as Round;
    const message = signBytes(this.app.genesisHash, { type: 'precommit', height, round, blockId });
    // By the set of this height, whoever is in it: with the keys that it names.
    const signatures = this.app
      .info()
      .lastValidators.flatMap(({ id, voteKey }, validator) =>
        id === this.silent ? [] : [{ validator, signature: signerByKey(voteKey).sign(message) }],
      );
    return { height, round, blockId, signatures };
  }
}

export const persisted = (decision: number, uid = 'uid-1'): ObservedResult => ({
  decision: decision as LeafIndex,
  persisted: true,
  uid,
  resourceVersion: '2',
});
export const notPersisted = (decision: number): ObservedResult => ({
  decision: decision as LeafIndex,
  persisted: false,
  uid: '',
  resourceVersion: '',
});
