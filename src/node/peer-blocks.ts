import { setTimeout as sleep } from 'node:timers/promises';
import { createMesh, type Mesh } from '../net/index.ts';
import type { LoadedGenesis } from '../ledger/index.ts';
import type { ExecutedBlock } from '../ports/application.ts';
import type { ValidatorId } from '../types/brand.ts';
import type { Block, Certificate, Validator } from '../types/chain.ts';
import { ChainError } from '../errors/chain-error.ts';
import { isPeersFault } from './blame.ts';
import { hostAndPort, type NodeConfig } from './config.ts';
import { loadIdentity } from './identity.ts';
import { decodeRange, encodeRangeRequest } from './sync.ts';

const connectTimeoutMs = 8_000;
const pollMs = 100;
const requestTimeoutMs = 10_000;

interface Decided {
  readonly block: Block;
  readonly certificate: Certificate;
}

/** Decided blocks of the peers, for a node that does not run. Connects with the node's own identity when first asked. */
export class PeerBlocks {
  readonly #config: NodeConfig;
  readonly #genesis: LoadedGenesis;
  readonly #range = new Map<number, Decided & { readonly peer: ValidatorId }>();
  #mesh: Mesh | undefined;

  constructor(config: NodeConfig, genesis: LoadedGenesis) {
    this.#config = config;
    this.#genesis = genesis;
  }

  /**
   * The first block of that height that `accept` executes; null if no peer has one. What it throws of the block costs the peer its connection; STATE_DIVERGENCE,
   * and what the own store runs into, is thrown on.
   */
  async block(
    height: number,
    accept: (block: Block, certificate: Certificate) => ExecutedBlock,
  ): Promise<{ readonly executed: ExecutedBlock; readonly certificate: Certificate; readonly peer: string } | null> {
    const mesh = await this.#connected();
    const asked = new Set<ValidatorId>();
    for (;;) {
      const kept = this.#range.get(height);
      this.#range.delete(height);
      if (kept !== undefined) {
        try {
          return { executed: accept(kept.block, kept.certificate), certificate: kept.certificate, peer: kept.peer };
        } catch (error) {
          if (!isPeersFault(error)) throw error;
          mesh.drop(kept.peer, error.message);
          this.#range.clear();
        }
      }
      const peer = mesh.connected().find((each) => !asked.has(each));
      if (peer === undefined) return null;
      asked.add(peer);
      await this.#fetch(mesh, peer, height).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#mesh?.stop();
  }

  async #fetch(mesh: Mesh, peer: ValidatorId, from: number): Promise<void> {
    this.#range.clear();
    const answer = decodeRange(await mesh.request(peer, 'blocks', encodeRangeRequest(from), requestTimeoutMs));
    for (const decided of answer) this.#range.set(decided.block.header.height, { ...decided, peer });
  }

  async #connected(): Promise<Mesh> {
    if (this.#mesh !== undefined) return this.#mesh;
    const { genesis, hash } = this.#genesis;
    const self = genesis.validators.find(({ org }) => org === this.#config.org);
    if (self === undefined) throw new ChainError('NODE_NOT_A_VALIDATOR', { org: this.#config.org });
    const mesh = this.#open(self, genesis.validators, hash);
    this.#mesh = mesh;
    await mesh.start();
    const untilMs = Date.now() + connectTimeoutMs;
    while (mesh.connected().length < genesis.validators.length - 1 && Date.now() < untilMs) await sleep(pollMs);
    return mesh;
  }

  #open(self: Validator, validators: readonly Validator[], chain: LoadedGenesis['hash']): Mesh {
    const { peer } = loadIdentity(this.#config);
    const { host, port } = hostAndPort(this.#config.peer.listen);
    const mesh = createMesh({
      self: self.id,
      privateKeyPem: peer.key,
      certificatePem: peer.cert,
      listenHost: host,
      listenPort: port,
      chain,
      handlers: {
        onMessage: () => undefined,
        onRequest: () => Promise.reject(new ChainError('NODE_NOT_READY', { reason: 'it is being repaired' })),
        onPeerUp: () => undefined,
        onPeerDown: () => undefined,
      },
    });
    mesh.setPeers(
      validators.flatMap(({ id, tlsKey, peerAddress }) =>
        id === self.id ? [] : [{ id, tlsKey, address: peerAddress }],
      ),
    );
    return mesh;
  }
}
