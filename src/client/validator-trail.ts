import { signBytes } from '../consensus/sign-bytes.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import {
  decodeHeadJson,
  originOf,
  validatorsHashOf,
  verifyCheckpoint,
  verifyHead,
  type CertifiedHead,
  type LoadedGenesis,
} from '../ledger/index.ts';
import type { Hash } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';
import type { JsonObject } from '../types/json.ts';
import { verifiedLeaf } from './answer.ts';

const { sha256, verifyEd25519 } = nativeBackend;
const crypto = { sha256, verifyEd25519, precommitBytes: signBytes };

export interface TrailSet {
  readonly n: number;
  readonly fromHeight: number;
  /** The log after the block before: trees from this size on are cosigned by this set. */
  readonly fromSize: number;
  readonly validators: readonly Validator[];
  readonly hash: Hash;
  /** False while the quorums' notes are not on the chain yet. */
  readonly isHandedOver: boolean;
}

/**
 * The validator sets from the pinned genesis on, each proven by the one before: a quorum of it certified the block that made the change, whose own leaf holds the
 * next set; and a quorum before and one after have cosigned the log that ends there. The notes may be missing for the newest change alone.
 */
export class ValidatorTrail {
  readonly #genesis: LoadedGenesis;
  #sets: readonly TrailSet[];

  constructor(genesis: LoadedGenesis) {
    this.#genesis = genesis;
    const { validators } = genesis.genesis;
    const hash = validatorsHashOf(validators, sha256);
    this.#sets = [{ n: 0, fromHeight: 1, fromSize: 0, validators, hash, isHandedOver: true }];
  }

  get sets(): readonly TrailSet[] {
    return this.#sets;
  }

  get newest(): TrailSet {
    return this.#sets.at(-1) as TrailSet;
  }

  /** Number of the first set to ask for. */
  get wanted(): number {
    return this.newest.isHandedOver ? this.newest.n + 1 : this.newest.n;
  }

  at(height: number): TrailSet {
    return this.#last(({ fromHeight }) => fromHeight <= height);
  }

  /** Who cosigns a tree of this size. */
  forSize(size: number): TrailSet {
    return this.#last(({ fromSize }) => fromSize <= size);
  }

  /** True if nothing is to be learned before this head can be judged. */
  knows({ header }: CertifiedHead): boolean {
    const { height, validatorsHash, nextValidatorsHash } = header;
    return this.at(height).hash === validatorsHash && this.at(height + 1).hash === nextValidatorsHash;
  }

  /** Throws CLIENT_HANDOVER, and what a head, a leaf or a checkpoint is refused for. */
  extend(items: readonly JsonObject[]): void {
    if (items.length === 0) return;
    // The notes of the newest change may have come since.
    if (!this.newest.isHandedOver) this.#sets = this.#sets.slice(0, -1);
    for (const [i, item] of items.entries()) this.#add(item, i === items.length - 1);
  }

  verify(head: CertifiedHead): void {
    const { validators } = this.at(head.header.height);
    verifyHead(head, { genesisHash: this.#genesis.hash, validators }, crypto);
  }

  #add(item: JsonObject, mayLackNotes: boolean): void {
    const before = this.newest;
    const n = before.n + 1;
    const refuse = (reason: string): ChainError => new ChainError('CLIENT_HANDOVER', { set: n, reason });
    if (item['n'] !== n) throw refuse('the next one shown is another');
    const head = decodeHeadJson(item['head'] ?? null);
    if (head.header.height < before.fromHeight) throw refuse('it comes before the change that it follows');
    verifyHead(head, { genesisHash: this.#genesis.hash, validators: before.validators }, crypto);
    const { logSize: size, logRoot: root } = head.state;
    const leaf = verifiedLeaf(head, (item['leaf'] ?? {}) as JsonObject);
    if (leaf.index !== size - 1 || leaf.decoded.kind !== 'block')
      throw refuse('the leaf shown is not the one of its block');
    const { nextValidators } = leaf.decoded.leaf.block;
    if (nextValidators === undefined || validatorsHashOf(nextValidators, sha256) !== head.header.nextValidatorsHash)
      throw refuse('its block does not make this change');
    const notes = [item['before'] ?? null, item['after'] ?? null];
    const isHandedOver = notes.every((note) => typeof note === 'string');
    if (!isHandedOver && !mayLackNotes) throw refuse('a quorum has not signed it');
    if (isHandedOver) {
      const origin = originOf(this.#genesis.genesis.chainName, this.#genesis.hash);
      for (const [note, validators] of [
        [notes[0], before.validators],
        [notes[1], nextValidators],
      ] as const) {
        const { checkpoint } = verifyCheckpoint(note as string, origin, validators, crypto);
        if (checkpoint.size !== size || checkpoint.root !== root) throw refuse('a note is of another tree');
      }
    }
    const { height, nextValidatorsHash: hash } = head.header;
    const set = { n, fromHeight: height + 1, fromSize: size, validators: nextValidators, hash, isHandedOver };
    this.#sets = [...this.#sets, set];
  }

  #last(holds: (set: TrailSet) => boolean): TrailSet {
    return this.#sets.findLast(holds) ?? (this.#sets[0] as TrailSet);
  }
}
