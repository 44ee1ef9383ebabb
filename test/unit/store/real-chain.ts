import {
  appendLeaves,
  appHashOf,
  blockIdOf,
  blockLeafBytes,
  decodeBlock,
  decodeBucket,
  decodeCertificate,
  encodeBlock,
  encodeCertificate,
  leafBytes,
  leafHash,
  nodeHash,
  rootOf,
  StateTree,
  ZERO_HASH,
  certificateHashOf,
} from '../../../src/ledger/index.ts';
import { canonicalJson, encodeEnvelope, toHex, utf8Encode } from '../../../src/codec/index.ts';
import { hashOf, sha256 } from './block-fixture.ts';
import type { CommittedBlock, LedgerFunctions, Store } from '../../../src/store/index.ts';
import type { BlockHeader, Certificate } from '../../../src/types/chain.ts';
import type { Hash, Height, Round, ValidatorId } from '../../../src/types/brand.ts';

const chainHash = hashOf('chain');

/** A statement of about the size and the shape of a recorded mutation. */
export function mutationLine(number: number): Uint8Array {
  const name = `web-${number % 5000}`;
  const statement = canonicalJson({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      { name: `shop/apps/deployments/team-${number % 40}/${name}`, digest: { sha256: hashOf(`diff ${number}`) } },
    ],
    predicateType: 'https://kubectl-chain.dev/mutation/v1',
    predicate: {
      v: 1,
      alg: 'ed25519',
      chain: chainHash,
      kind: 'mutation',
      node: `org-${number % 4}`,
      notAfterMs: 1_800_000_000_000 + number,
      attestation: {
        attributes: {
          cluster: 'shop',
          operation: 'UPDATE',
          group: 'apps',
          version: 'v1',
          resource: 'deployments',
          subresource: '',
          namespace: `team-${number % 40}`,
          name,
          uid: hashOf(`uid ${number % 5000}`).slice(0, 36),
          resourceVersion: String(1_000_000 + number),
          user: `user-${number % 100}@example.org`,
          groups: ['system:authenticated', `team-${number % 40}`],
          generatedName: false,
          options: '{"fieldManager":"kubectl-client-side-apply","fieldValidation":"Strict"}',
          paths: ['/metadata/annotations', '/spec/template/spec/containers/0/image', '/spec/replicas'],
          pathsTruncated: false,
        },
        commitment: { diff: hashOf(`c ${number}`), strict: hashOf(`cs ${number}`) },
        digest: { diff: hashOf(`diff ${number}`), strict: hashOf(`ds ${number}`) },
        bodyHash: hashOf(`body ${number}`),
        keyId: hashOf('cluster key'),
        admissionUid: hashOf(`admission ${number}`).slice(0, 36),
      },
    },
  });
  const signature = Buffer.concat([sha256(utf8Encode(`r ${number}`)), sha256(utf8Encode(`s ${number}`))]);
  return encodeEnvelope({
    payloadType: 'application/vnd.in-toto+json',
    payload: statement,
    signatures: [{ keyid: hashOf(`key ${number % 4}`), sig: new Uint8Array(signature) }],
  });
}

/** Blocks made with the real trees and formats; only what is signed and decided is invented. */
export class RealChain {
  readonly #store: Store;
  readonly #tree: StateTree;
  #height = 0;
  #size = 0;
  #txs = 0;
  #previous: Hash = chainHash;
  #certificate: Certificate | null = null;

  constructor(store: Store) {
    this.#store = store;
    this.#tree = StateTree.load(store, sha256);
  }

  /** Commits a block with `count` mutations; resolves when it is durable. */
  async commit(count: number): Promise<void> {
    const height = (this.#height += 1);
    const timeMs = 1_800_000_000_000 + height;
    const overlay = this.#tree.overlay();
    const txs = Array.from({ length: count }, () => mutationLine(this.#txs++));
    const leaves: (readonly [number, Uint8Array])[] = [];
    const indexes: (readonly [string, string, number])[] = [];
    txs.forEach((tx, i) => {
      const index = this.#size + i;
      const number = this.#txs - count + i;
      const result = {
        decision: 'ADMITTED',
        code: 'OK',
        proposal: null,
        witnesses: [],
        binding: null,
        original: null,
      } as const;
      leaves.push([index, leafBytes({ height, index, result, prev: { object: index, namespace: index } }, tx)]);
      overlay.put(
        `object/shop/apps/deployments/team-${number % 40}/web-${number % 5000}`,
        canonicalJson({ leaf: index }),
      );
      overlay.put(`namespace/shop/team-${number % 40}`, canonicalJson({ leaf: index }));
      for (const [name, key] of [
        ['object', `shop/apps/deployments/team-${number % 40}/web-${number % 5000}`],
        ['namespace', `shop/team-${number % 40}`],
        ['actor', `user-${number % 100}@example.org`],
        ['operation', 'UPDATE'],
        ['decision', 'ADMITTED'],
        ['kind', 'mutation'],
        ['time', String(timeMs).padStart(16, '0')],
      ] as const) {
        indexes.push([name, key, index]);
      }
    });
    const stateRoot = overlay.root();
    const proposer = `org-${height % 4}` as ValidatorId;
    const fixed = { validatorsHash: hashOf('v'), nextValidatorsHash: hashOf('v'), paramsHash: hashOf('p') };
    const last = blockLeafBytes({ height, timeMs, appVersion: 1, stateRoot, ...fixed, previous: this.#previous });
    leaves.push([this.#size + count, last]);
    const hashes = leaves.map(([, bytes]) => leafHash(sha256, bytes));
    const appended = appendLeaves(sha256, this.#size, (level, index) => this.#store.readNode(level, index), hashes);
    const state = { logSize: appended.size, logRoot: toHex(appended.root) as Hash, stateRoot };
    const header: BlockHeader = {
      v: 1,
      appVersion: 1,
      chain: chainHash,
      height: height as Height,
      previous: this.#previous,
      txRoot: ZERO_HASH,
      appHash: appHashOf(state, sha256),
      ...fixed,
      proposer,
      timeMs,
      lastCertificateHash: this.#certificate === null ? ZERO_HASH : certificateHashOf(this.#certificate, sha256),
    };
    const blockId = blockIdOf(header, sha256);
    const block: CommittedBlock = {
      height,
      blockId,
      blockBytes: encodeBlock({ header, lastCertificate: this.#certificate, txs }),
      certificateBytes: encodeCertificate(certificateFor(height, blockId)),
      state,
      writes: { buckets: overlay.bucketWrites(), nodes: appended.nodes, leaves, indexes, archive: [] },
    };
    const committed = this.#store.commitBlock(block);
    this.#tree.apply(overlay);
    this.#size = appended.size;
    this.#previous = blockId;
    this.#certificate = certificateFor(height, blockId);
    await committed;
  }
}

function certificateFor(height: number, blockId: Hash): Certificate {
  const signatures = [0, 1, 2].map((validator) => {
    const half = sha256(utf8Encode(`signature ${validator} of ${height}`));
    return { validator, signature: new Uint8Array(Buffer.concat([half, half])) };
  });
  return { height: height as Height, round: 0 as Round, blockId, signatures };
}

/** What the integrity check needs of the ledger, as a node would give it. */
export const ledgerFunctions: LedgerFunctions = {
  leafHash: (bytes) => leafHash(sha256, bytes),
  nodeHash: (left, right) => nodeHash(sha256, left, right),
  logRootOf: (size, read) => toHex(rootOf(sha256, size, read)) as Hash,
  checkBucket: (bucket, bytes) => void decodeBucket(bucket, bytes),
  stateRootOf: (source) => StateTree.load(source, sha256).root(),
  decodeBlock: (bytes) => {
    const { header } = decodeBlock(bytes);
    const { height, previous, appHash } = header;
    return { id: blockIdOf(header, sha256), height, previous, appHash };
  },
  appHashOf: (state) => appHashOf(state, sha256),
  decodeCertificate,
};
