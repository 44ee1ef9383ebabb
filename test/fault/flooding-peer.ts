import { readFileSync } from 'node:fs';
import { changeDigests } from '../../src/codec/change-digest.ts';
import { decodePrivateKeyPem, nativeBackend } from '../../src/crypto/index.ts';
import { signTransaction } from '../../src/ledger/index.ts';
import { createMesh, type Mesh } from '../../src/net/index.ts';
import type { Hash, ValidatorId } from '../../src/types/brand.ts';
import type { ChangeAttestation } from '../../src/types/change.ts';
import type { Committee, FaultNode } from './committee.ts';

const { sha256 } = nativeBackend;
const LIFE_MS = 8_000;
/** First byte of a frame of the transaction channel that pushes a transaction. */
const PUSH = 1;
const BATCH = 50;

/**
 * An organisation that turns on the others: in the place of its node a peer with its keys, which pushes well signed attestations of changes that nobody asked for to every other
 * node, as many as the processor allows.
 */
export class FloodingPeer {
  readonly #mesh: Mesh;
  readonly #make: (index: number) => Uint8Array;
  #timer: NodeJS.Timeout | undefined;
  pushed = 0;

  /** `like`: a real attestation of its hook. The node itself must not run. */
  static async start(committee: Committee, node: FaultNode, like: ChangeAttestation): Promise<FloodingPeer> {
    const { founded } = committee;
    const read = (path: string): string => readFileSync(`${node.files.nodeDir}/${path}`, 'utf8');
    const genesis = JSON.parse(readFileSync(node.files.genesis, 'utf8')) as {
      validators: { id: ValidatorId; tlsKey: string; peerAddress: string }[];
    };
    const self = node.org as ValidatorId;
    const mesh = createMesh({
      self,
      privateKeyPem: read('tls/peer.key'),
      certificatePem: read('tls/peer.crt'),
      listenHost: '127.0.0.1',
      listenPort: node.member.ports.peer,
      chain: founded.genesisHash as Hash,
      handlers: {
        onMessage: () => undefined,
        onRequest: () => Promise.reject(new Error('it answers nothing')),
        onPeerUp: () => undefined,
        onPeerDown: () => undefined,
      },
    });
    mesh.setPeers(
      genesis.validators.flatMap(({ id, tlsKey, peerAddress }) =>
        id === self ? [] : [{ id, tlsKey, address: peerAddress }],
      ),
    );
    await mesh.start();
    const signer = decodePrivateKeyPem(read('keys/tx.pem'), null);
    return new FloodingPeer(mesh, (index) => {
      const attributes = { ...like.attributes, name: `flood-${index}` };
      const attestation = { ...like, attributes, digest: changeDigests(sha256, attributes, like.commitment) };
      const payload = {
        v: 1,
        alg: 'ed25519',
        kind: 'mutation',
        chain: founded.genesisHash as Hash,
        notAfterMs: Date.now() + LIFE_MS,
        node: self,
        attestation: { ...attestation, admissionUid: `flood-${index}` },
      } as const;
      return signTransaction(payload, signer, sha256);
    });
  }

  private constructor(mesh: Mesh, make: (index: number) => Uint8Array) {
    this.#mesh = mesh;
    this.#make = make;
  }

  /** So many a second, if the processor allows. */
  begin(perSecond: number): void {
    this.#timer = setInterval(
      () => {
        for (let i = 0; i < BATCH; i += 1) {
          const bytes = this.#make(this.pushed);
          const frame = new Uint8Array(1 + bytes.length);
          frame[0] = PUSH;
          frame.set(bytes, 1);
          this.#mesh.broadcast('transaction', frame);
          this.pushed += 1;
        }
      },
      (1_000 * BATCH) / perSecond,
    );
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#mesh.stop();
  }
}
