import { fromHex } from '../codec/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import {
  blockIdOf,
  decodeHeadJson,
  decodeMerkleProofJson,
  openGenesis,
  verifyConsistency,
  type CertifiedHead,
  type LoadedGenesis,
} from '../ledger/index.ts';
import type { Hash } from '../types/brand.ts';
import type { Json } from '../types/json.ts';
import { listOf, objectOf } from './answer.ts';
import type { Asking } from './asking.ts';
import type { LastSeenStore } from './last-seen.ts';
import { ValidatorTrail, type TrailSet } from './validator-trail.ts';

const { sha256 } = nativeBackend;

interface HeadsOptions {
  readonly genesisHash: Hash;
  /** Bytes that were kept since the genesis was pinned, to save a request; their hash is checked like a node's. */
  readonly genesisBytes?: Uint8Array;
  readonly lastSeen: LastSeenStore;
}

/**
 * From the pinned genesis to the head that an answer is proven against: the validator sets between them, each proven by the one before, and the newest head seen, which
 * every further one must continue.
 */
export class Heads {
  readonly #o: HeadsOptions;
  readonly #asking: Asking;
  #genesis: LoadedGenesis | undefined;
  #sets: ValidatorTrail | undefined;
  #following: Promise<void> = Promise.resolve();

  constructor(options: HeadsOptions, asking: Asking) {
    this.#o = options;
    this.#asking = asking;
  }

  /** Throws CLIENT_GENESIS. */
  async genesis(): Promise<LoadedGenesis> {
    const { genesisBytes } = this.#o;
    if (genesisBytes !== undefined) this.#genesis ??= this.#pinned(genesisBytes);
    this.#genesis ??= await this.#asking.ask('/v1/genesis', async ({ body }) => this.#pinned(body));
    return this.#genesis;
  }

  /** Its rules were checked when it was pinned; checking its keys again would take a fifth of a command. */
  #pinned(bytes: Uint8Array): LoadedGenesis {
    const loaded = openGenesis(bytes, sha256);
    if (loaded.hash !== this.#o.genesisHash)
      throw new ChainError('CLIENT_GENESIS', { expected: this.#o.genesisHash, found: loaded.hash });
    return loaded;
  }

  async trail(): Promise<ValidatorTrail> {
    const genesis = await this.genesis();
    return (this.#sets ??= new ValidatorTrail(genesis));
  }

  /** Against the set that decides its height, which the handovers from the genesis on prove. */
  async verify(head: CertifiedHead, endpoint: string): Promise<void> {
    const trail = await this.trail();
    if (!trail.knows(head)) await this.#follow(trail, head, endpoint);
    trail.verify(head);
  }

  /** One after the other: what one asks for, the next may know already. */
  #follow(trail: ValidatorTrail, head: CertifiedHead, endpoint: string): Promise<void> {
    const next = this.#following.then(async () => {
      let known = -1;
      while (!trail.knows(head) && trail.newest.n > known) {
        known = trail.newest.n;
        const path = `/v1/handovers?from=${trail.wanted}`;
        const items = listOf(objectOf(await this.#asking.get(endpoint, path), path), 'items', path);
        if (items.length === 0) return;
        trail.extend(items);
      }
    });
    this.#following = next.catch(() => undefined);
    return next;
  }

  /** All validator sets that are known to whoever is asked. */
  async validatorSets(): Promise<readonly TrailSet[]> {
    const trail = await this.trail();
    // A set that is again what an earlier one was looks the same in a head: so they are asked for, whatever the head says.
    for (let known = -1; trail.newest.n > known;) {
      known = trail.newest.n;
      const path = `/v1/handovers?from=${trail.wanted}`;
      await this.#asking.ask(path, async (answer) => trail.extend(listOf(objectOf(answer, path), 'items', path)));
    }
    return trail.sets;
  }

  /** Verifies a head and that it continues the newest one seen; remembers it. */
  async verified(json: Json, endpoint: string): Promise<CertifiedHead> {
    const head = decodeHeadJson(json);
    await this.verify(head, endpoint);
    const { height } = head.header;
    const blockId = blockIdOf(head.header, sha256);
    const seen = this.#o.lastSeen.get();
    if (seen !== null) {
      if (height < seen.height) throw new ChainError('CLIENT_BEHIND', { height, seen: seen.height });
      if (height === seen.height && blockId !== seen.blockId) throw new ChainError('CLIENT_ROLLED_BACK', { height });
      if (height > seen.height) await this.requireContinued(endpoint, { size: seen.logSize, root: seen.logRoot }, head);
    }
    if (seen === null || height > seen.height) {
      const { logSize, logRoot } = head.state;
      this.#o.lastSeen.put({ height, blockId, logSize, logRoot });
    }
    return head;
  }

  /** Throws LEDGER_CONSISTENCY unless the head's log begins with the older tree. */
  async requireContinued(
    endpoint: string,
    older: { readonly size: number; readonly root: Hash },
    head: CertifiedHead,
  ): Promise<void> {
    const { logSize, logRoot } = head.state;
    const { height } = head.header;
    if (older.size > logSize) throw new ChainError('CLIENT_BEHIND', { height, seen: height + 1 });
    if (older.size === logSize && older.root === logRoot) return;
    const path = `/v1/consistency?from=${older.size}&to=${logSize}`;
    const { proof } = objectOf(await this.#asking.get(endpoint, path), path);
    verifyConsistency(
      sha256,
      older.size,
      logSize,
      decodeMerkleProofJson(proof ?? null),
      fromHex(older.root),
      fromHex(logRoot),
    );
  }
}
