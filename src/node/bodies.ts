import { fromHex, toHex } from '../codec/index.ts';
import { verifyBody } from '../change/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { changesOf, decodeDetails, detailsOf, encodeDetails } from '../ledger/details.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { Hash, LeafIndex, OrgId, ValidatorId } from '../types/brand.ts';
import type { ChangeAttestation } from '../types/change.ts';
import type { Proposal, ProposalDetails } from '../types/proposal.ts';

/** A body of a proposal has up to 15 MiB; what nobody has is answered at once. */
const requestTimeoutMs = 10_000;
/** A proposal that cannot be completed is looked at again after this long. */
const retryMs = 1_000;
/** Bodies of one proposal that are fetched at once: each is a request to a peer and a synced write, and many share one sync. */
const fetchedAtOnceMax = 16;
/** In the place of an organisation: everybody may read it. Bodies of proposals hold metadata only, as the chain itself does. */
export const ANYBODY = '*';

interface BodyInfo {
  readonly orgs: readonly string[];
  /** Epoch milliseconds; null: kept. */
  readonly expiresMs: number | null;
}

interface BodyStore {
  bodyInfo(hash: Hash): BodyInfo | undefined;
  getBody(hash: Hash): Uint8Array | undefined;
  putBody(hash: Hash, bytes: Uint8Array, info: BodyInfo): Promise<void>;
  deleteBody(hash: Hash): Promise<boolean>;
  expiredBodies(nowMs: number, limit: number): readonly Hash[];
}

interface Deps {
  readonly store: BodyStore;
  readonly network: PeerNetwork;
  readonly sha256: Sha256;
  readonly org: OrgId;
  readonly proposal: (id: number) => Proposal | undefined;
  readonly live: () => readonly Proposal[];
  /** Throws GOVERNANCE_DETAILS unless it is what the chain says of the proposal. */
  readonly checkDetails: (proposal: Proposal, details: ProposalDetails) => void;
  /** What was refused when the proposal opened by itself. */
  readonly refusedAt: (leaf: LeafIndex) => ChangeAttestation | undefined;
  readonly isErased: (hash: Hash) => boolean;
  /** How long a body is kept from when it was last needed. */
  readonly retentionMs: () => number;
  readonly nowMs: () => number;
  /** Signs and submits that this node holds the bodies; resolves when that is on the log, or its outcome is unknown. */
  readonly publish: (proposal: number, details: Hash) => Promise<void>;
  readonly warn: (message: string, details: object) => void;
}

/**
 * Bodies are kept off the chain under the hash of their bytes. When a proposal opens, each elector's node gets its body and those of its changes from
 * whoever has them, checks that they are what the chain commits to, and only then signs that it holds them: the voting clock waits for that. They
 * expire by policy, never while a proposal goes on that names them; one that was erased by vote is taken from nobody again.
 */
export class Bodies {
  readonly #d: Deps;
  /** Proposals that wait for this node, with how often their bodies were looked for. */
  readonly #wanted = new Map<number, number>();
  /** Bodies of the changes that a proposal's body lists, by its hash, for proposals that go on. */
  readonly #named = new Map<Hash, ReadonlySet<Hash>>();
  #working = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** Proposals that changed in a block, or are live at the start. */
  consider(proposals: Iterable<number>): void {
    for (const id of proposals)
      if (!this.#wanted.has(id) && this.#isWanted(this.#d.proposal(id))) this.#wanted.set(id, 0);
    void this.#work();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Keeps a body for these organisations and all that were entitled before. One that is erased is not taken. */
  async keep(hash: Hash, bytes: Uint8Array, orgs: readonly string[], lifeMs = this.#d.retentionMs()): Promise<void> {
    const { store, isErased, nowMs } = this.#d;
    if (isErased(hash)) return;
    const before = store.bodyInfo(hash);
    const known = before?.orgs ?? [];
    const expiresMs = nowMs() + lifeMs;
    const isLonger = before !== undefined && (before.expiresMs === null || before.expiresMs >= expiresMs);
    await store.putBody(hash, bytes, {
      orgs: [...new Set([...known, ...orgs])],
      expiresMs: isLonger ? before.expiresMs : expiresMs,
    });
  }

  async erase(hashes: Iterable<Hash>): Promise<void> {
    for (const hash of hashes) await this.#d.store.deleteBody(hash);
  }

  /** Deletes what has expired, at most so many; what a proposal that goes on names is kept for as long again. */
  async dropExpired(max: number): Promise<void> {
    const { store, nowMs, retentionMs, live } = this.#d;
    for (const hash of store.expiredBodies(nowMs(), max)) {
      const bytes = store.getBody(hash);
      const isNeeded = live().some((proposal) => proposal.details === hash || this.#names(proposal, hash));
      if (bytes === undefined || !isNeeded) await store.deleteBody(hash);
      else await this.keep(hash, bytes, [], retentionMs());
    }
  }

  /** Entitled are those whom the store names, and electors to what they vote on. */
  mayRead(org: string, hash: Hash): boolean {
    const { store, live, isErased } = this.#d;
    if (isErased(hash)) return false;
    const orgs = store.bodyInfo(hash)?.orgs ?? [];
    if (orgs.includes(org) || orgs.includes(ANYBODY)) return true;
    return live().some(
      (proposal) =>
        proposal.electors.some((elector) => elector === org) &&
        (proposal.details === hash || this.#names(proposal, hash)),
    );
  }

  /** Answers another validator. Throws BODY_UNKNOWN or BODY_FORBIDDEN. */
  serve(from: ValidatorId, request: Uint8Array): Uint8Array {
    const hash = toHex(request) as Hash;
    const bytes = this.#d.isErased(hash) ? undefined : this.#d.store.getBody(hash);
    if (bytes === undefined) throw new ChainError('BODY_UNKNOWN', { hash });
    if (!this.mayRead(from, hash)) throw new ChainError('BODY_FORBIDDEN', { hash, org: from });
    return bytes;
  }

  /** The body, from here or from whoever has it, those in `likely` first; undefined if nobody who is connected does. */
  async find(hash: Hash, likely: readonly ValidatorId[] = []): Promise<Uint8Array | undefined> {
    const { store, network, sha256, isErased } = this.#d;
    if (isErased(hash)) return undefined;
    const here = store.getBody(hash);
    if (here !== undefined) return here;
    const connected = network.connected();
    const isLikely = (peer: ValidatorId): boolean => likely.includes(peer);
    for (const peer of [...connected.filter(isLikely), ...connected.filter((other) => !isLikely(other))]) {
      const bytes = await network.request(peer, 'body', fromHex(hash), requestTimeoutMs).catch(() => null);
      if (bytes !== null && toHex(sha256(bytes)) === hash) return bytes;
    }
    return undefined;
  }

  /** The body of a proposal, which anybody may read; undefined for any other body. */
  async details(hash: Hash): Promise<Uint8Array | undefined> {
    const isNamed = this.#d.live().some((proposal) => proposal.details === hash);
    const isPublic = this.#d.store.bodyInfo(hash)?.orgs.includes(ANYBODY) === true;
    return isNamed || isPublic ? this.find(hash) : undefined;
  }

  #isWanted(proposal: Proposal | undefined): proposal is Proposal {
    return (
      proposal !== undefined &&
      proposal.kind === 'change' &&
      proposal.state === 'OPEN' &&
      proposal.electors.includes(this.#d.org) &&
      !proposal.bodyHeldBy.includes(this.#d.org)
    );
  }

  #names({ details }: Proposal, hash: Hash): boolean {
    if (details === '') return false;
    let named = this.#named.get(details);
    if (named === undefined) {
      const bytes = this.#d.store.getBody(details);
      if (bytes === undefined) return false;
      named = new Set(decodeDetails(bytes).changes.map((change) => change.bodyHash));
      const goOn = new Set(this.#d.live().map((proposal) => proposal.details));
      for (const known of this.#named.keys()) if (!goOn.has(known)) this.#named.delete(known);
      this.#named.set(details, named);
    }
    return named.has(hash);
  }

  async #work(): Promise<void> {
    if (this.#working || this.#stopped) return;
    this.#working = true;
    try {
      const tried = new Set<number>();
      for (let id = this.#next(tried); id !== undefined && !this.#stopped; id = this.#next(tried)) {
        tried.add(id);
        this.#wanted.set(id, (this.#wanted.get(id) ?? 0) + 1);
        const proposal = this.#d.proposal(id);
        if (!this.#isWanted(proposal)) this.#wanted.delete(id);
        else if (await this.#hold(proposal)) await this.#d.publish(id, proposal.details as Hash);
      }
    } catch (error) {
      this.#d.warn('bodies could not be completed', { reason: (error as Error).message });
    } finally {
      this.#working = false;
    }
    clearTimeout(this.#timer);
    if (this.#wanted.size > 0 && !this.#stopped) this.#timer = setTimeout(() => void this.#work(), retryMs);
  }

  /**
   * The one that was looked for least often, of these the newest. Somebody may propose a hundred bodies that nobody has, each of which takes seconds to be not found:
   * what comes after them must not wait for that.
   */
  #next(tried: ReadonlySet<number>): number | undefined {
    let next: number | undefined;
    let least = Infinity;
    for (const [id, attempts] of this.#wanted) {
      if (tried.has(id) || attempts > least) continue;
      next = id;
      least = attempts;
    }
    return next;
  }

  /** True when the proposal's body and every body that it names are here, checked and durable. */
  async #hold(proposal: Proposal): Promise<boolean> {
    const { sha256, warn, checkDetails } = this.#d;
    const bytes = await this.#detailsOf(proposal);
    if (bytes === undefined) return false;
    try {
      const details = decodeDetails(bytes);
      checkDetails(proposal, details);
      await this.keep(proposal.details as Hash, bytes, [ANYBODY]);
      const left = [...changesOf(details, sha256)];
      const worker = async (): Promise<boolean> => {
        for (let change = left.pop(); change !== undefined; change = left.pop()) {
          const body = await this.find(change.bodyHash);
          if (body === undefined) return false;
          verifyBody(body, change, sha256);
          await this.keep(change.bodyHash, body, proposal.electors);
        }
        return true;
      };
      const done = await Promise.all(Array.from({ length: fetchedAtOnceMax }, worker));
      return done.every(Boolean);
    } catch (error) {
      warn('a body is not what the chain commits to', { proposal: proposal.id, reason: (error as Error).message });
      return false;
    }
  }

  /** Of a refusal it follows from the record; a person's lies with the node of its proposer first. */
  async #detailsOf(proposal: Proposal): Promise<Uint8Array | undefined> {
    const refused = proposal.origin === 'refusal' ? this.#d.refusedAt(proposal.openedLeaf) : undefined;
    if (refused === undefined) return proposal.details === '' ? undefined : this.find(proposal.details);
    for (const binding of ['diff', 'strict'] as const) {
      const details = detailsOf([{ ...refused, binding }]);
      const bytes = details === undefined ? undefined : encodeDetails(details);
      if (bytes !== undefined && toHex(this.#d.sha256(bytes)) === proposal.details) return bytes;
    }
    return undefined;
  }
}
