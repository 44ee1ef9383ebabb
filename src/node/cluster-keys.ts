import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { clusterKeyId } from '../change/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { ClusterId, Hash, OrgId, ValidatorId } from '../types/brand.ts';
import type { ClusterRecord } from '../types/chain.ts';

const keyBytes = 32;
const requestTimeoutMs = 2_000;
const retryMs = 500;

export interface HeldKey {
  readonly keyId: Hash;
  readonly key: Uint8Array;
}

interface Deps {
  readonly dir: string;
  readonly self: ValidatorId;
  readonly org: OrgId;
  readonly sha256: Sha256;
  readonly network: PeerNetwork;
  readonly cluster: (name: ClusterId) => ClusterRecord | undefined;
  /** Id that the chain registers for a cluster, if any. */
  readonly registered: (name: ClusterId) => Hash | undefined;
  readonly clusters: () => readonly ClusterId[];
  /** Publishes the id of a key that this node made. */
  readonly publish: (cluster: ClusterId, keyId: Hash) => Promise<void>;
  readonly info: (message: string, details: object) => void;
  readonly warn: (message: string, details: object) => void;
}

/**
 * K_cluster of each cluster that this organisation answers for or observes. The first node of the record makes it, publishes
 * its id on the chain, and gives it to the other nodes of the record over the mesh; these see the clear text anyway. It lies
 * in a file of its own (0600) and never leaves the mesh.
 */
export class ClusterKeys {
  readonly #d: Deps;
  readonly #held = new Map<ClusterId, HeldKey[]>();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** The registered key of the cluster, if it is here. */
  get(cluster: ClusterId): HeldKey | undefined {
    const keyId = this.#d.registered(cluster);
    return keyId === undefined ? undefined : this.byId(cluster, keyId);
  }

  byId(cluster: ClusterId, keyId: Hash): HeldKey | undefined {
    return this.#held.get(cluster)?.find((held) => held.keyId === keyId);
  }

  /** Clusters may be registered at any time, and whoever has a key may be away: so it looks again and again. */
  async #look(): Promise<void> {
    await this.#ensure().catch((error: unknown) => this.#d.warn('cluster keys could not be completed', { err: error }));
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#look(), retryMs);
  }

  /** Reads, makes or fetches what is missing. */
  async #ensure(): Promise<void> {
    for (const cluster of this.#d.clusters()) {
      const record = this.#d.cluster(cluster);
      if (record === undefined || !entitled(record).has(this.#d.org) || this.get(cluster) !== undefined) continue;
      await this.#load(cluster);
      if (this.get(cluster) !== undefined) continue;
      if (this.#d.registered(cluster) !== undefined) await this.#fetch(cluster, record);
      else if (record.hooks[0]?.orgs[0] === this.#d.org) await this.#make(cluster);
    }
  }

  /** Answers a node of the mesh; only organisations of the cluster's record get the key. */
  serve(from: ValidatorId, request: Uint8Array): Uint8Array {
    const cluster = new TextDecoder().decode(request) as ClusterId;
    const record = this.#d.cluster(cluster);
    const held = this.get(cluster);
    if (record === undefined || held === undefined || !entitled(record).has(from as string as OrgId))
      throw new ChainError('CLUSTER_KEY_MISSING', { cluster });
    return held.key;
  }

  async #load(cluster: ClusterId): Promise<void> {
    const key = await readFile(this.#file(cluster)).catch(() => null);
    if (key?.length === keyBytes) this.#keep(cluster, new Uint8Array(key));
  }

  async #make(cluster: ClusterId): Promise<void> {
    const kept = this.#held.get(cluster)?.at(-1);
    if (kept === undefined) await this.#store(cluster, new Uint8Array(randomBytes(keyBytes)));
    const held = this.#held.get(cluster)?.at(-1);
    if (held === undefined) return;
    await this.#d.publish(cluster, held.keyId);
    this.#d.info('cluster key made', { cluster, keyId: held.keyId });
  }

  async #fetch(cluster: ClusterId, record: ClusterRecord): Promise<void> {
    const { network, registered, sha256, info } = this.#d;
    for (const peer of network.connected().filter((id) => entitled(record).has(id as string as OrgId))) {
      const key = await network
        .request(peer, 'cluster-key', new TextEncoder().encode(cluster), requestTimeoutMs)
        .catch(() => null);
      if (key === null || key.length !== keyBytes || clusterKeyId(key, sha256) !== registered(cluster)) continue;
      await this.#store(cluster, key);
      info('cluster key received', { cluster, from: peer });
      return;
    }
  }

  /** Written aside and renamed, so that a half-written key is never read. */
  async #store(cluster: ClusterId, key: Uint8Array): Promise<void> {
    await mkdir(this.#d.dir, { recursive: true, mode: 0o700 });
    const temporary = `${this.#file(cluster)}.new`;
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(key);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, this.#file(cluster));
    this.#keep(cluster, key);
  }

  #keep(cluster: ClusterId, key: Uint8Array): void {
    const held = this.#held.get(cluster) ?? [];
    const keyId = clusterKeyId(key, this.#d.sha256);
    if (!held.some((other) => other.keyId === keyId)) held.push({ keyId, key });
    this.#held.set(cluster, held);
  }

  #file(cluster: ClusterId): string {
    return join(this.#d.dir, `${cluster}.key`);
  }
}

/** Organisations that may see what a cluster's reviews hold: those of its hooks and its observers; nobody if the chain knows no such cluster. */
export function entitled(record: ClusterRecord | undefined): ReadonlySet<OrgId> {
  return new Set(record === undefined ? [] : [...record.hooks.flatMap((hook) => hook.orgs), ...record.observers]);
}
