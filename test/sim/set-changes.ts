import { faultyMax } from '../../src/consensus/index.ts';
import { utf8Decode } from '../../src/codec/index.ts';
import { signDescriptor } from '../../src/ledger/descriptor.ts';
import { versionHash } from '../../src/ledger/version-hash.ts';
import type { LedgerReader } from '../../src/ports/ledger-reader.ts';
import type { Proposal } from '../../src/types/proposal.ts';
import type { ConfigChange } from '../../src/types/transaction.ts';
import { memberOf, orgOf, setChangesFrom, validatorOf } from './genesis.ts';
import type { SimNode } from './node.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

/** Organisations that are no validators at genesis and may become some. */
export const sparesMax = 2;
const lookMs = 150;
/** A client that sees nothing of its proposal or ballot gives it again. */
const againMs = 900;

interface Change {
  readonly kind: 'join' | 'remove' | 'replace';
  readonly node: SimNode;
  readonly nonce: string;
  readonly tx: Uint8Array;
  /** Of the proposal, once it is on the chain. */
  id: number | null;
  submittedMs: number;
  isExecuted: boolean;
  /** The node signs with the key that is in force: what is proposed next names it. */
  hasItsKey: boolean;
}

/**
 * The committee votes on who belongs to it, in the storm: organisations join, leave and come back, keys to vote with are replaced; one change after the
 * other, as proposals with ballots in the ledger itself. Never such that more than f of the validators are faulty, nor fewer than four are left.
 */
export class SetChanges {
  readonly #world: World;
  readonly #prng: Prng;
  #change: Change | null = null;
  readonly #wanted: number;
  #made = 0;
  #serial = 0;
  #nextMs = 0;

  constructor(world: World, prng: Prng) {
    this.#world = world;
    this.#prng = prng;
    this.#wanted = prng.pick([1, 1, 2]);
  }

  /** What has not come to its end; null when nothing is under way and enough was changed. */
  get pending(): string | null {
    if (this.#change !== null) {
      const { kind, node, id, isExecuted } = this.#change;
      return `${kind} of ${node.id}, ${id === null ? 'not proposed' : isExecuted ? 'executed' : this.#ledger.proposal(id)?.state}`;
    }
    return this.#made < this.#wanted ? `${this.#made} of ${this.#wanted} were made` : null;
  }

  begin(): void {
    this.#world.timeline.after(this.#prng.between(300, 1_500), () => this.#look());
  }

  get #ledger(): LedgerReader {
    return this.#world.checker.chain.reference;
  }

  #look(): void {
    const { timeline, stormy } = this.#world;
    if (!stormy && this.pending === null) return;
    timeline.after(lookMs, () => this.#look());
    if (this.#change !== null) return this.#advance(this.#change);
    if (timeline.nowMs >= this.#nextMs) this.#change = this.#choose();
  }

  #advance(change: Change): void {
    change.id ??= this.#find(change)?.id ?? null;
    const proposal = change.id === null ? undefined : this.#ledger.proposal(change.id);
    if (proposal === undefined) return this.#submit(change);
    if (proposal.state === 'OPEN') return this.#vote(change, proposal);
    if (proposal.state === 'APPROVED') return;
    if (proposal.state !== 'EXECUTED') {
      this.#world.cover('set-change-refused');
      return this.#end();
    }
    if (!change.isExecuted) this.#executed(change);
    const isMember = this.#world.isMember(change.node);
    const { n, handover } = this.#ledger.validatorSet();
    if (isMember !== (change.kind !== 'remove') || (n > 0 && handover === null) || !change.hasItsKey) return;
    this.#world.cover(`set-${change.kind}`);
    this.#made += 1;
    if (change.kind === 'remove') this.#left(change.node);
    this.#end();
  }

  #end(): void {
    this.#change = null;
    this.#nextMs = this.#world.timeline.nowMs + this.#prng.between(100, 1_500);
  }

  #find({ nonce }: Change): Proposal | undefined {
    return this.#ledger.liveProposals().find((proposal) => proposal.nonce === nonce);
  }

  #submit(change: Change): void {
    const { nowMs } = this.#world.timeline;
    if (nowMs < change.submittedMs + againMs) return;
    change.submittedMs = nowMs;
    this.#world.workload.submit(change.tx, 'set-change');
  }

  #vote(change: Change, proposal: Proposal): void {
    const { timeline, workload } = this.#world;
    if (timeline.nowMs < change.submittedMs + againMs / 3) return;
    change.submittedMs = timeline.nowMs;
    for (const { id } of this.#ledger.validators())
      if (this.#prng.chance(0.8))
        workload.submit(workload.signBallot(this.#world.indexOf(id), proposal, 'approve'), 'ballot');
  }

  /** What the organisation does itself now. */
  #executed(change: Change): void {
    const { node, kind } = change;
    change.isExecuted = true;
    if (kind === 'join') {
      node.isAway = false;
      node.start();
    }
    if (kind !== 'replace') return;
    this.#world.timeline.after(this.#prng.between(0, 1_500), () => {
      this.#takeNextKey(node);
      change.hasItsKey = true;
    });
  }

  /** The process ends, and starts with the next key on the same disk. */
  #takeNextKey(node: SimNode): void {
    const wasRunning = node.isRunning;
    node.crash('kill');
    node.voteKeyName = nextKeyName(node);
    if (wasRunning) node.start();
  }

  /** Its machine is switched off, or goes on as if nothing had been. */
  #left(node: SimNode): void {
    if (this.#prng.chance(0.5)) return;
    node.crash('kill');
    node.isAway = true;
  }

  #choose(): Change | null {
    const { nodes, validators, kinds } = this.#world;
    const members = new Set(this.#ledger.validators().map(({ id }) => this.#world.indexOf(id)));
    const faulty = [...members].filter((seat) => kinds.has(seat)).length;
    const isFit = (node: SimNode): boolean => node.correct && !node.mayBeDamaged;
    const options = nodes.flatMap((node): Pick<Change, 'kind' | 'node'>[] => {
      const { validator } = node;
      if (!members.has(validator)) return isFit(node) ? [{ kind: 'join', node }] : [];
      const left = members.size - 1;
      const mayLeave = validator >= validators - 1 && left >= setChangesFrom;
      const isSafe = faulty - (kinds.has(validator) ? 1 : 0) <= faultyMax(left);
      const leave: Pick<Change, 'kind' | 'node'>[] = mayLeave && isSafe ? [{ kind: 'remove', node }] : [];
      return isFit(node) ? [...leave, { kind: 'replace', node }] : leave;
    });
    if (options.length === 0) return null;
    const kind = this.#prng.pick([...new Set(options.map((option) => option.kind))]);
    const { node } = this.#prng.pick(options.filter((option) => option.kind === kind));
    const nonce = `set-${this.#serial++}`;
    const tx = this.#world.workload.signProposal(0, nonce, this.#configOf(kind, node));
    return { kind, node, nonce, tx, id: null, submittedMs: -againMs, isExecuted: false, hasItsKey: kind !== 'replace' };
  }

  #configOf(kind: Change['kind'], node: SimNode): ConfigChange {
    const { keys } = this.#world;
    const { sha256 } = keys.backend;
    const org = orgOf(node.validator);
    const present = validatorOf(keys, org, node.voteKeyName);
    const replaces = versionHash(sha256, present);
    if (kind === 'remove') return { type: 'validator-remove', org, replaces };
    const keyName = kind === 'join' ? node.voteKeyName : nextKeyName(node);
    const validator = validatorOf(keys, org, keyName);
    const content = { org, validator, votesRequired: 1, members: [memberOf(keys, org)], apiCa: '', webhookCa: '' };
    const signers = [keyName, `${org} tx`, `${org} tls`, `${org} checkpoint`].map((name) => keys.signer(name));
    const descriptor = utf8Decode(signDescriptor(content, signers, sha256));
    if (kind === 'join') return { type: 'validator-join', descriptor, replaces: null };
    return { type: 'validator-replace', descriptor, replaces };
  }
}

function nextKeyName({ voteKeyName }: SimNode): string {
  return `${voteKeyName} again`;
}
