import { fromHex, toHex } from '../codec/index.ts';
import { verifyBody } from '../change/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { Hash, OrgId, ValidatorId } from '../types/brand.ts';
import type { Proposal } from '../types/proposal.ts';

const requestTimeoutMs = 3_000;
/** A proposal that cannot be completed is looked at again after this long. */
const retryMs = 1_000;

interface BodyInfo {
  readonly orgs: readonly string[];
  /** Epoch milliseconds; null: kept. */
  readonly expiresMs: number | null;
}

interface BodyStore {
  bodyInfo(hash: Hash): BodyInfo | undefined;
  getBody(hash: Hash): Uint8Array | undefined;
  putBody(hash: Hash, bytes: Uint8Array, info: BodyInfo): Promise<void>;
}

interface Deps {
  readonly store: BodyStore;
  readonly network: PeerNetwork;
  readonly sha256: Sha256;
  readonly org: OrgId;
  readonly proposal: (id: number) => Proposal | undefined;
  readonly mayRead: (org: OrgId, hash: Hash) => boolean;
  /** Signs and submits that this node holds the bodies; resolves when that is on the log, or its outcome is unknown. */
  readonly publish: (proposal: number, bodies: readonly Hash[]) => Promise<void>;
  readonly warn: (message: string, details: object) => void;
}

/**
 * Bodies are kept off the chain under the hash of their bytes. When a proposal opens, each elector's node gets the bodies
 * from those that have them, checks that they are what the chain commits to, and only then signs that it holds them: the
 * voting clock waits for that.
 */
export class Bodies {
  readonly #d: Deps;
  /** Proposals that wait for this node, with how often their bodies were looked for. */
  readonly #wanted = new Map<number, number>();
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

  /** Answers another validator. Throws BODY_UNKNOWN or BODY_FORBIDDEN. */
  serve(from: ValidatorId, request: Uint8Array): Uint8Array {
    const hash = toHex(request) as Hash;
    const org = from as string as OrgId;
    const bytes = this.#d.store.getBody(hash);
    if (bytes === undefined) throw new ChainError('BODY_UNKNOWN', { hash });
    if (!this.#d.mayRead(org, hash)) throw new ChainError('BODY_FORBIDDEN', { hash, org });
    return bytes;
  }

  /** The body, from here or from whoever has it, those in `likely` first; undefined if nobody who is connected does. */
  async find(hash: Hash, likely: readonly ValidatorId[] = []): Promise<Uint8Array | undefined> {
    const { store, network, sha256 } = this.#d;
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

  #isWanted(proposal: Proposal | undefined): proposal is Proposal {
    return (
      proposal !== undefined &&
      proposal.kind === 'change' &&
      proposal.state === 'OPEN' &&
      proposal.electors.includes(this.#d.org) &&
      !proposal.bodyHeldBy.includes(this.#d.org)
    );
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
        else if (await this.#hold(proposal)) {
          await this.#d.publish(
            id,
            proposal.changes.map((change) => change.bodyHash),
          );
        }
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

  /** True when every body of the proposal is here, checked and durable. */
  async #hold(proposal: Proposal): Promise<boolean> {
    const { store, sha256, warn } = this.#d;
    for (const change of proposal.changes) {
      if (store.bodyInfo(change.bodyHash)?.expiresMs === null) continue;
      const bytes = await this.find(change.bodyHash);
      if (bytes === undefined) return false;
      try {
        verifyBody(bytes, change, sha256);
      } catch (error) {
        warn('a body is not what the chain commits to', {
          proposal: proposal.id,
          body: change.bodyHash,
          reason: (error as Error).message,
        });
        return false;
      }
      await store.putBody(change.bodyHash, bytes, {
        orgs: [...new Set([...proposal.electors, ...(store.bodyInfo(change.bodyHash)?.orgs ?? [])])],
        expiresMs: null,
      });
    }
    return true;
  }
}

/** Electors are entitled to the bodies of what they vote on. */
export function isElectorOfBody(live: readonly Proposal[], org: OrgId, hash: Hash): boolean {
  return live.some(
    (proposal) => proposal.electors.includes(org) && proposal.changes.some((change) => change.bodyHash === hash),
  );
}
