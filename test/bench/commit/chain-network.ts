import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { attestReview, deriveClusterKeys } from '../../../src/change/index.ts';
import { changeDigests } from '../../../src/codec/change-digest.ts';
import { decodePrivateKeyPem, nativeBackend } from '../../../src/crypto/index.ts';
import { signTransaction } from '../../../src/ledger/transaction.ts';
import type { Signer } from '../../../src/ports/crypto.ts';
import type { ClusterId, Hash, ValidatorId } from '../../../src/types/brand.ts';
import type { ChangeAttestation } from '../../../src/types/change.ts';
import { Committee } from '../../fault/committee.ts';
import type { Patch } from '../../fault/patched-sources.ts';
import { configMapReview } from '../../fault/review.ts';
import { CLUSTER_NAME } from '../../playground/paths.ts';
import { DelayProxies } from './delay-proxy.ts';
import { NODES, TRANSACTION_BYTES, type Network, type Transaction } from './network.ts';
import { Poster } from './post.ts';

const { sha256, hmacSha256 } = nativeBackend;
/** A node takes mutations only from its own webhook. Here they come ready-made, as the peer's do; the way through the webhook is what `admission` measures. */
const TAKES_MUTATIONS: Patch = {
  file: 'src/node/api-backend.ts',
  find: "if (reader.kindOf(envelope) === 'mutation')",
  replace: "if (reader.kindOf(envelope) === 'tick')",
};
/** Below the minute that a mutation may live. */
const LIFE_MS = 55_000;

/**
 * Four chain-nodes with TLS, fsync, indexes and state tree, in the profile in which one attestation decides. A transaction is what a node makes of
 * the review of a new ConfigMap, signed with that node's key and submitted to it over its API.
 */
export class ChainNetwork implements Network {
  readonly name = 'kubectl-chain';
  readonly #committee: Committee;
  readonly #proxies: DelayProxies;
  readonly #template: ChangeAttestation;
  readonly #signers: readonly Signer[];
  readonly #posters: readonly Poster[];
  readonly #running: number[];
  #made = 0;

  /** `profileDir`: each node writes a CPU profile there when it is stopped. */
  static async start(delayMs: number, profileDir?: string): Promise<ChainNetwork> {
    if (profileDir !== undefined) process.env['NODE_OPTIONS'] = `--cpu-prof --cpu-prof-dir=${resolve(profileDir)}`;
    const proxies = await DelayProxies.start(NODES, delayMs);
    const committee = await Committee.found(NODES, {
      profile: 'single',
      ...(delayMs === 0 ? {} : { dialledPorts: proxies.ports }),
    });
    proxies.connect(committee.founded.members.map(({ ports }) => ports.peer));
    const root = committee.patched(TAKES_MUTATIONS);
    await committee.start(Object.fromEntries(committee.nodes.map(({ org }) => [org, { root }])));
    return new ChainNetwork(committee, proxies);
  }

  private constructor(committee: Committee, proxies: DelayProxies) {
    this.#committee = committee;
    this.#proxies = proxies;
    const { members, layout, apiCa } = committee.founded;
    this.#running = members.map((_, i) => i);
    this.#posters = members.map(({ org, ports }) => new Poster(ports.api, 'application/json', apiCa(org)));
    this.#signers = members.map(({ org }) =>
      decodePrivateKeyPem(readFileSync(`${layout.org(org).nodeDir}/keys/tx.pem`, 'utf8'), null),
    );
    const first = layout.org(members[0]?.org ?? '');
    const key = readFileSync(join(first.dataDir, 'cluster-keys', `${CLUSTER_NAME}.key`));
    const review = new TextEncoder().encode(configMapReview('name', randomUUID()));
    this.#template = attestReview(review, {
      cluster: CLUSTER_NAME as ClusterId,
      keys: deriveClusterKeys(key, sha256, hmacSha256),
      sha256,
      hmacSha256,
    }).attestation;
  }

  pids = (): readonly number[] => this.#running.map((i) => this.#committee.nodes[i]?.run.pid ?? 0);

  prepare(count: number): readonly Transaction[] {
    return Array.from({ length: count }, (_, i) => {
      const node = this.#running[i % this.#running.length] ?? 0;
      return { node, bytes: this.#mutation(node) };
    });
  }

  async submit({ node, bytes }: Transaction): ReturnType<Network['submit']> {
    const { status, text } = (await this.#posters[node]?.post('/v1/transactions', bytes)) ?? { status: 0, text: '' };
    return status === 200 && text.includes('"ADMITTED"') ? 'committed' : { refusal: `${status} ${text}` };
  }

  async killOne(): Promise<void> {
    const last = this.#running.pop();
    if (last !== undefined) await this.#committee.nodes[last]?.kill();
  }

  async close(): Promise<void> {
    for (const poster of this.#posters) poster.close();
    // A killed process writes no profile.
    if (process.env['NODE_OPTIONS'] !== undefined)
      await Promise.all(this.#running.map(async (i) => this.#committee.nodes[i]?.stop()));
    await this.#committee.close();
    this.#proxies.close();
  }

  /** Of an object of its own each; about twice as long as the peer's transactions. */
  #mutation(node: number): Uint8Array {
    this.#made += 1;
    const commitment = sha256(new TextEncoder().encode(`${this.#made}`));
    const hash = Buffer.from(commitment).toString('hex') as Hash;
    const attributes = { ...this.#template.attributes, name: `bench-${this.#made}`, uid: randomUUID() };
    const both = { diff: hash, strict: hash };
    const attestation: ChangeAttestation = {
      ...this.#template,
      attributes,
      commitment: both,
      digest: changeDigests(sha256, attributes, both),
      bodyHash: hash,
      admissionUid: randomUUID(),
    };
    const line = signTransaction(
      {
        v: 1,
        alg: 'ed25519',
        kind: 'mutation',
        chain: this.#committee.founded.genesisHash as Hash,
        notAfterMs: Date.now() + LIFE_MS,
        node: this.#committee.founded.members[node]?.org as string as ValidatorId,
        attestation,
      },
      this.#signers[node] as Signer,
      sha256,
    );
    if (line.length < TRANSACTION_BYTES) throw new Error(`a transaction of only ${line.length} bytes`);
    return line;
  }
}
