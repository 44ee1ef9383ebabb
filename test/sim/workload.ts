import { changeDigests } from '../../src/codec/change-digest.ts';
import { configProposal } from '../../src/ledger/config-proposal.ts';
import { signTransaction, transactionHash } from '../../src/ledger/index.ts';
import type { Hash } from '../../src/types/brand.ts';
import type { ChangeAttributes } from '../../src/types/change.ts';
import type { Proposal } from '../../src/types/proposal.ts';
import type { ConfigChange, Payload } from '../../src/types/transaction.ts';
import type { SubmitOutcome } from '../../src/node/submitter.ts';
import { cluster, epochMs, orgOf } from './genesis.ts';
import type { SimNode } from './node.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

/** A transaction that a node took, and the process that did. */
interface Taken {
  readonly hash: Hash;
  readonly kind: string;
  readonly node: SimNode;
  readonly life: object | null;
  readonly atMs: number;
  /** Of the node's clock, as often as it was set. */
  readonly clockSets: number;
  /** True if nothing but the loss of that process may keep it from the log. */
  readonly mustCommit: boolean;
}

const recentMax = 40;
const mutationLifeMs = 50_000;
const longLifeMs = 3_600_000;

/**
 * What clients and nodes submit: changes by two witnesses, proposals about the configuration with their ballots, the same bytes twice.
 * All through the node's own submitter, whose answers are the acknowledgements that must hold.
 */
export class Workload {
  /** Bytes of the last transactions; faulty nodes play with them too. */
  readonly recent: Uint8Array[] = [];
  readonly taken: Taken[] = [];
  readonly #world: World;
  readonly #prng: Prng;
  #serial = 0;

  constructor(world: World, prng: Prng) {
    this.#world = world;
    this.#prng = prng;
  }

  /** The key of the cluster, without which nothing can be attested: published until the chain has it. */
  begin(): void {
    const node = this.#running().find(({ validator }) => validator === 0) ?? this.#running()[0];
    if (node?.host?.app.clusterKeyId(cluster) !== undefined) return;
    this.#world.timeline.after(1_000, () => this.begin());
    if (node === undefined) return;
    const notAfterMs = epochMs + longLifeMs;
    const keyId = this.#hash('cluster key');
    this.#submit(node, node.sign({ kind: 'cluster-key', cluster, keyId, notAfterMs }), 'cluster-key', false);
  }

  /** One thing that somebody wants. */
  next(): void {
    const prng = this.#prng;
    switch (prng.below(6)) {
      case 0:
        return this.propose();
      case 1:
        return this.#vote();
      case 2:
        return this.#again();
      default:
        return this.change();
    }
  }

  /** Of those that must be in the log by now, taken before `beforeMs`: the first that is not. */
  overdue(beforeMs: number): Taken | undefined {
    return this.taken.find(
      ({ hash, life, node, atMs, mustCommit, clockSets }) =>
        mustCommit &&
        atMs < beforeMs &&
        this.#world.isMember(node) &&
        node.life === life &&
        node.clockSets === clockSets &&
        this.#world.checker.chain.heightOf(hash) === undefined,
    );
  }

  /** A change of an object, seen by both hooks. */
  change(): void {
    const content = `${this.#serial++}`;
    const { sha256 } = this.#world.keys.backend;
    const attributes: ChangeAttributes = {
      cluster,
      operation: 'UPDATE',
      group: '',
      version: 'v1',
      resource: 'configmaps',
      subresource: '',
      namespace: 'shop',
      name: `object-${this.#prng.below(5)}`,
      uid: 'uid-1',
      resourceVersion: content,
      user: 'ann@sim',
      groups: ['system:authenticated'],
      generatedName: false,
      options: '',
      paths: ['/data/x'],
      pathsTruncated: false,
    };
    const commitment = { diff: this.#hash(`diff ${content}`), strict: this.#hash(`strict ${content}`) };
    const attestation = {
      attributes,
      commitment,
      digest: changeDigests(sha256, attributes, commitment),
      bodyHash: this.#hash(`body ${content}`),
      keyId: this.#hash('cluster key'),
      admissionUid: `review-${content}`,
    };
    const first = this.#running().find(({ validator }) => validator === 0);
    const others = this.#running().filter(({ validator }) => validator !== 0);
    const second = others.length === 0 ? undefined : this.#prng.pick(others);
    for (const node of [first, second]) {
      if (node === undefined) continue;
      const tx = node.sign({ kind: 'mutation', attestation, notAfterMs: node.nowMs() + mutationLifeMs });
      this.#submit(node, tx, 'mutation', true);
    }
  }

  propose(): void {
    const serial = this.#serial++;
    const binding = { cluster, user: `user-${serial}`, org: orgOf(0), member: null };
    const change: ConfigChange = { type: 'binding-put', binding, replaces: null };
    const node = this.#someNode();
    if (node === undefined) return;
    // Of an organisation that stays: what one that leaves has asked for is void.
    const tx = this.signProposal(this.#prng.below(Math.max(1, this.#world.validators - 1)), `nonce-${serial}`, change);
    this.#submit(node, tx, 'proposal', true);
  }

  signProposal(org: number, nonce: string, ...config: readonly ConfigChange[]): Uint8Array {
    return this.#signMember(org, { ...configProposal(config, nonce), notAfterMs: epochMs + longLifeMs });
  }

  /** Through any node that runs. */
  submit(tx: Uint8Array, kind: string): void {
    const node = this.#someNode();
    if (node !== undefined) this.#submit(node, tx, kind, false);
  }

  #vote(): void {
    const node = this.#someNode();
    const proposals = (node?.host?.app.liveProposals() ?? []).filter(({ config }) => config[0]?.type === 'binding-put');
    if (node === undefined || proposals.length === 0) return this.change();
    const proposal = this.#prng.pick(proposals);
    const choice = this.#prng.chance(0.8) ? 'approve' : 'reject';
    for (let org = 0; org < this.#world.validators; org++) {
      if (this.#prng.chance(0.4)) continue;
      this.#submit(this.#someNode() ?? node, this.signBallot(org, proposal, choice), 'ballot', false);
    }
  }

  signBallot(org: number, { id, termsHash }: Proposal, choice: 'approve' | 'reject'): Uint8Array {
    const ballot = { kind: 'ballot', proposal: id, sequence: 1, choice, reason: '', termsHash };
    return this.#signMember(org, { ...ballot, notAfterMs: epochMs + longLifeMs });
  }

  /** A client that heard nothing tries again elsewhere, with the same bytes. */
  #again(): void {
    const node = this.#someNode();
    if (node === undefined || this.recent.length === 0) return this.change();
    this.#submit(node, this.#prng.pick(this.recent), 'again', false);
  }

  #submit(node: SimNode, tx: Uint8Array, kind: string, mustCommit: boolean): void {
    const { life, host } = node;
    if (life === null || host === null || node.isPaused) return;
    const { checker, keys, timeline } = this.#world;
    this.recent.push(tx);
    if (this.recent.length > recentMax) this.recent.shift();
    const hash = transactionHash(tx, keys.backend.sha256);
    node.enter(life, () => {
      const told = (outcome: SubmitOutcome): void => {
        if (life.isOver) return;
        if (outcome.kind === 'committed') checker.acknowledged(node, outcome.tx, outcome.height);
        if (outcome.kind === 'rejected') this.#world.cover(`refused-${kind}`);
      };
      host.submitter.submit(tx, node.nowMs() + longLifeMs, 'inclusion').then(told, (error: unknown) => {
        if (!life.isOver) checker.threw(node, error);
      });
      if (!host.mempool.has(hash)) return;
      // By a wrong clock a transaction may be expired before it is signed.
      const counts = mustCommit && node.correct && !node.isDamaged && node.clockSkewMs === 0;
      this.taken.push({ hash, kind, node, life, atMs: timeline.nowMs, clockSets: node.clockSets, mustCommit: counts });
    });
  }

  #signMember(index: number, content: object): Uint8Array {
    const { keys, genesis } = this.#world;
    const org = orgOf(index);
    const payload = { v: 1, alg: 'ed25519', chain: genesis.hash, org, member: 'ann', ...content } as unknown as Payload;
    return signTransaction(payload, keys.signer(`ann of ${org}`), keys.backend.sha256);
  }

  #running(): readonly SimNode[] {
    return this.#world.nodes.filter(({ host, isPaused }) => host !== null && !isPaused);
  }

  #someNode(): SimNode | undefined {
    const running = this.#running();
    return running.length === 0 ? undefined : this.#prng.pick(running);
  }

  #hash(text: string): Hash {
    return Buffer.from(this.#world.keys.backend.sha256(Buffer.from(text))).toString('hex') as Hash;
  }
}
