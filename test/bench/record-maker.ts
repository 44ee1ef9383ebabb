import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { changeDigests } from '../../src/codec/change-digest.ts';
import { signBytes } from '../../src/consensus/index.ts';
import { decodePrivateKeyPem, nativeBackend } from '../../src/crypto/index.ts';
import { createApplication } from '../../src/ledger/application.ts';
import { encodeBlock } from '../../src/ledger/block.ts';
import { certificateHashOf, decodeCertificate, encodeCertificate } from '../../src/ledger/certificate.ts';
import { decodeBlock, loadGenesis, signTransaction, type LoadedGenesis } from '../../src/ledger/index.ts';
import type { Application, ExecutedBlock } from '../../src/ports/application.ts';
import type { Signer } from '../../src/ports/crypto.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import type { ClusterId, Hash, Height, Round, ValidatorId } from '../../src/types/brand.ts';
import type { Certificate } from '../../src/types/chain.ts';
import type { ChangeAttestation, ChangeAttributes } from '../../src/types/change.ts';
import type { Payload } from '../../src/types/transaction.ts';
import type { Committee } from '../fault/committee.ts';
import { CLUSTER_NAME } from '../playground/paths.ts';

const { sha256 } = nativeBackend;
const CLUSTER = CLUSTER_NAME as ClusterId;
/** A busy committee's: natural keys of the last minute are in the state, as they are in a node under load. */
const BLOCK_INTERVAL_MS = 1_000;
const LIFE_MS = 8_000;
/** 20,000 objects in 50 namespaces, changed by 200 users: a large cluster's. */
const OBJECTS = 20_000;
const ACTORS = 200;
const NAMESPACES = 50;

/** One of so many is a change of the one object that a policy guards: refused, under one proposal. */
const GUARDED_EVERY = 500;
const GUARDED = { namespace: 'guarded', name: 'settings' };

export const RECORD_POLICIES = [
  {
    name: 'guarded',
    spec: {
      clusters: ['*'],
      match: [{ resources: [{ group: '', resource: 'configmaps' }], namespaces: [GUARDED.namespace] }],
      require: { approvals: 2 },
    },
  },
];

export const SAMPLE = {
  object: `${CLUSTER}//configmaps/team-7/settings-7`,
  namespace: `${CLUSTER}/team-7`,
  actor: 'user-7@example.com',
} as const;

interface Keys {
  readonly id: ValidatorId;
  readonly vote: Signer;
  readonly tx: Signer;
}

/**
 * Makes a node's chain in this process, with the real ledger and the real store: signs, checks, proposes, executes, and commits with indexes and trees, as the
 * node would, which can be started on the folder afterwards. Only the votes of the others are made here as well.
 */
export class RecordMaker {
  readonly #genesis: LoadedGenesis;
  readonly #keys: readonly Keys[];
  readonly #store: Store;
  readonly #app: Application;
  readonly #keyId: Hash;
  #certificate: Certificate | null;
  #made: number;

  /** On what is in the folder of the committee's first node already. */
  static async open({ founded }: Committee): Promise<RecordMaker> {
    const { layout, members } = founded;
    const files = layout.org(members[0]?.org ?? '');
    const genesis = loadGenesis(readFileSync(files.genesis), nativeBackend);
    const keys = genesis.genesis.validators.map(({ id, org }) => {
      const read = (name: string): Signer =>
        decodePrivateKeyPem(readFileSync(`${layout.org(org).nodeDir}/keys/${name}.pem`, 'utf8'), null);
      return { id, vote: read('vote'), tx: read('tx') };
    });
    const maker = new RecordMaker(genesis, keys, await openStore(files.dataDir, { chain: genesis.hash }));
    if (maker.#app.info().height === 0) await maker.#register();
    return maker;
  }

  private constructor(genesis: LoadedGenesis, keys: readonly Keys[], store: Store) {
    this.#genesis = genesis;
    this.#keys = keys;
    this.#store = store;
    this.#keyId = hashOf('cluster key');
    const height = store.lastHeight();
    const block = height > 0 ? store.block(height) : undefined;
    const state = height > 0 ? store.state(height) : undefined;
    const certificate = height > 0 ? store.certificate(height) : undefined;
    this.#certificate = certificate === undefined ? null : decodeCertificate(certificate);
    this.#made = state?.logSize ?? 0;
    this.#app = createApplication({
      genesis: genesis.genesis,
      backend: nativeBackend,
      source: store,
      precommitBytes: signBytes,
      ...(block === undefined || state === undefined ? {} : { last: { header: decodeBlock(block).header, state } }),
    });
  }

  get height(): number {
    return this.#app.info().height;
  }

  /** Appends blocks of `perBlock` mutations each until there are so many records more. */
  async make(records: number, perBlock: number): Promise<void> {
    for (let left = records; left > 0; left -= perBlock) {
      const count = Math.min(perBlock, left);
      await this.#commit(Array.from({ length: count }, (_, i) => this.#mutation(this.#made + i)));
      this.#made += count;
    }
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #register(): Promise<void> {
    const node = this.#keys[0]?.id as ValidatorId;
    await this.#commit([
      this.#sign({ kind: 'cluster-key', node, cluster: CLUSTER, keyId: this.#keyId }, this.#keys[0]),
    ]);
  }

  #mutation(n: number): Uint8Array {
    // Coprime steps: each object, user and namespace comes again and again, in no order that an index could profit from.
    const object = (n * 7_919) % OBJECTS;
    const isGuarded = n % GUARDED_EVERY === 0;
    const content = isGuarded ? 'guarded' : n;
    const commitment = { diff: hashOf(`diff ${content}`), strict: hashOf(`strict ${content}`) };
    const attributes: ChangeAttributes = {
      cluster: CLUSTER,
      operation: n < OBJECTS ? 'CREATE' : 'UPDATE',
      group: '',
      version: 'v1',
      resource: 'configmaps',
      subresource: '',
      namespace: `team-${object % NAMESPACES}`,
      name: `settings-${object}`,
      uid: hashOf(`uid ${object}`).slice(0, 36),
      resourceVersion: n < OBJECTS ? '' : String(n),
      user: `user-${(n * 31) % ACTORS}@example.com`,
      groups: ['developers', 'system:authenticated'],
      generatedName: false,
      options: '',
      paths: ['/data/greeting', '/data/name'],
      pathsTruncated: false,
      ...(isGuarded ? { ...GUARDED, operation: 'UPDATE', uid: hashOf('guarded').slice(0, 36) } : {}),
    };
    const attestation: ChangeAttestation = {
      attributes,
      commitment,
      digest: changeDigests(sha256, attributes, commitment),
      bodyHash: hashOf(`body ${n}`),
      keyId: this.#keyId,
      admissionUid: randomUUID(),
    };
    const keys = this.#keys[n % this.#keys.length] as Keys;
    return this.#sign({ kind: 'mutation', node: keys.id, attestation }, keys);
  }

  #sign(content: object, keys: Keys | undefined): Uint8Array {
    const notAfterMs = this.#app.info().timeMs + LIFE_MS;
    const payload = { v: 1, alg: 'ed25519', chain: this.#genesis.hash, notAfterMs, ...content } as Payload;
    return signTransaction(payload, (keys as Keys).tx, sha256);
  }

  async #commit(txs: readonly Uint8Array[]): Promise<void> {
    const { height, blockId, validators, timeMs } = this.#app.info();
    const blockTimeMs = timeMs + BLOCK_INTERVAL_MS;
    for (const tx of txs) {
      const check = this.#app.checkTx(tx, blockTimeMs);
      if (!check.ok) throw new Error(`a record was refused: ${check.message}`);
    }
    const executed = this.#app.prepareProposal({
      height: (height + 1) as Height,
      proposer: validators[height % validators.length]?.id as ValidatorId,
      timeMs: blockTimeMs,
      previous: blockId,
      lastCertificate: this.#certificate,
      lastCertificateHash: certificateHashOf(this.#certificate, sha256),
      txs,
    });
    if (executed.txs.length !== txs.length) throw new Error(`${executed.txs.length} of ${txs.length} were taken`);
    const certificate = this.#certify(executed);
    const durable = this.#store.commitBlock({
      height: executed.block.header.height,
      blockId: executed.blockId,
      blockBytes: encodeBlock(executed.block),
      certificateBytes: encodeCertificate(certificate),
      state: executed.state,
      writes: executed.writes,
    });
    this.#app.commit(executed);
    this.#certificate = certificate;
    await durable;
  }

  #certify({ block, blockId }: ExecutedBlock): Certificate {
    const { height } = block.header;
    const round = 0 as Round;
    const message = signBytes(this.#genesis.hash, { type: 'precommit', height, round, blockId });
    const quorum = Math.floor((2 * this.#keys.length) / 3) + 1;
    const signatures = this.#keys
      .slice(0, quorum)
      .map(({ vote }, validator) => ({ validator, signature: vote.sign(message) }));
    return { height, round, blockId, signatures };
  }
}

function hashOf(text: string): Hash {
  return Buffer.from(sha256(new TextEncoder().encode(text))).toString('hex') as Hash;
}
