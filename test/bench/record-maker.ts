import { certificateHashOf, encodeCertificate } from '../../src/ledger/certificate.ts';
import { encodeBlock } from '../../src/ledger/block.ts';
import { createApplication } from '../../src/ledger/application.ts';
import { ZERO_HASH } from '../../src/ledger/domain-hash.ts';
import { signBytes } from '../../src/consensus/sign-bytes.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { genesisHashOf } from '../../src/ledger/genesis.ts';
import type { Application, ExecutedBlock } from '../../src/ports/application.ts';
import type { LedgerReader } from '../../src/ports/ledger-reader.ts';
import type { Hash, Height, Round, ValidatorId } from '../../src/types/brand.ts';
import type { Certificate, Genesis, Validator } from '../../src/types/chain.ts';
import { signTransaction } from '../../src/ledger/transaction.ts';
import type { Payload } from '../../src/types/transaction.ts';
import { changeOf, CLUSTER, genesisOf, hashOf, signerOf, START_MS } from '../unit/ledger/test-chain.ts';

const { sha256 } = nativeBackend;
/** A committee that works through the day: a block each second, and every record some ten minutes of a year apart from the first. */
const BLOCK_INTERVAL_MS = 1_000;

export interface RecordShape {
  readonly objects: number;
  readonly actors: number;
  readonly namespaces: number;
}

/** 20,000 objects in 50 namespaces, changed by 200 users: a large cluster's. */
export const SHAPE: RecordShape = { objects: 20_000, actors: 200, namespaces: 50 };

/**
 * One process that makes a chain through the real ledger and the real store: signs, checks, proposes, executes and commits with indexes and trees, as a
 * node does; only the votes of the other three are made here as well.
 */
export class RecordMaker {
  readonly genesis: Genesis = genesisOf();
  readonly chain: Hash = genesisHashOf(this.genesis, sha256);
  readonly store: Store;
  readonly app: Application & LedgerReader;
  readonly #shape: RecordShape;
  #certificate: Certificate | null = null;
  #nowMs = START_MS;
  #made = 0;

  static async open(dir: string, shape: RecordShape = SHAPE): Promise<RecordMaker> {
    const maker = new RecordMaker(await openStore(dir, { chain: genesisHashOf(genesisOf(), sha256) }), shape);
    await maker.commit([
      maker.#sign({ kind: 'cluster-key', node: 'alpha' as ValidatorId, cluster: CLUSTER, keyId: hashOf('cluster key') }),
    ]);
    return maker;
  }

  private constructor(store: Store, shape: RecordShape) {
    this.store = store;
    this.#shape = shape;
    this.app = createApplication({
      genesis: this.genesis,
      backend: nativeBackend,
      source: store,
      precommitBytes: signBytes,
    });
  }

  /** Mutations of which no policy asks for votes, one of a hundred aside, which is refused and opens a proposal at most once. */
  mutation(): Uint8Array {
    const { objects, actors, namespaces } = this.#shape;
    const n = this.#made;
    this.#made += 1;
    // Coprime steps: each object, user and namespace comes again and again, in no order that an index could profit from.
    const object = (n * 7_919) % objects;
    const node = this.genesis.validators[n % this.genesis.validators.length] as Validator;
    const change = changeOf(`${n}`, {
      operation: n < objects ? 'CREATE' : 'UPDATE',
      resource: 'configmaps',
      group: '',
      namespace: `team-${object % namespaces}`,
      name: `settings-${object}`,
      uid: hashOf(`uid ${object}`).slice(0, 32),
      resourceVersion: String(n),
      user: `user-${(n * 31) % actors}@example.com`,
      paths: ['/data/a', '/data/b'],
    });
    const admissionUid = hashOf(`review ${n}`).slice(0, 32);
    return this.#sign({ kind: 'mutation', node: node.id, attestation: { ...change, admissionUid } });
  }

  /** One block of these; resolves when it is durable. */
  async commit(txs: readonly Uint8Array[]): Promise<ExecutedBlock> {
    const executed = this.propose(txs);
    if (executed.txs.length !== txs.length)
      throw new Error(`only ${executed.txs.length} of ${txs.length} were taken`);
    await this.apply(executed);
    return executed;
  }

  propose(txs: readonly Uint8Array[]): ExecutedBlock {
    this.#nowMs += BLOCK_INTERVAL_MS;
    for (const tx of txs) {
      const check = this.app.checkTx(tx, this.#nowMs);
      if (!check.ok) throw new Error(`refused: ${check.message}`);
    }
    const { height, blockId, validators } = this.app.info();
    return this.app.prepareProposal({
      height: (height + 1) as Height,
      proposer: (validators[height % validators.length] as Validator).id,
      timeMs: this.#nowMs,
      previous: blockId,
      lastCertificate: this.#certificate,
      lastCertificateHash: this.#certificate === null ? ZERO_HASH : certificateHashOf(this.#certificate, sha256),
      txs,
    });
  }

  async apply(executed: ExecutedBlock): Promise<void> {
    const certificate = this.#certify(executed);
    const durable = this.store.commitBlock({
      height: executed.block.header.height,
      blockId: executed.blockId,
      blockBytes: encodeBlock(executed.block),
      certificateBytes: encodeCertificate(certificate),
      state: executed.state,
      writes: executed.writes,
    });
    this.app.commit(executed);
    this.#certificate = certificate;
    await durable;
  }

  #sign(content: object): Uint8Array {
    const payload = { v: 1, alg: 'ed25519', chain: this.chain, notAfterMs: this.#nowMs + 8_000, ...content } as Payload;
    return signTransaction(payload, signerOf(`${'node' in payload ? payload.node : ''} tx`), sha256);
  }

  #certify({ block, blockId }: ExecutedBlock): Certificate {
    const { height } = block.header;
    const round = 0 as Round;
    const message = signBytes(this.chain, { type: 'precommit', height, round, blockId });
    const quorum = Math.floor((2 * this.genesis.validators.length) / 3) + 1;
    const signatures = this.genesis.validators
      .slice(0, quorum)
      .map(({ id }, validator) => ({ validator, signature: signerOf(`${id} vote`).sign(message) }));
    return { height, round, blockId, signatures };
  }
}
