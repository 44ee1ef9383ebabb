import type { Equivocation } from '../../../src/consensus/index.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import type { ConsensusMessage, Proposal, Vote } from '../../../src/types/consensus.ts';
import type { SimNode } from '../node.ts';
import type { CheckContext } from './context.ts';

interface Report {
  readonly node: SimNode;
  readonly life: object | null;
  /** Under which the proof of it stands in the ledger. */
  readonly stateKey: string;
  readonly what: string;
}

/** In what is signed. */
const typeCode = { proposal: 1, prevote: 2, precommit: 3 } as const;

/**
 * Accusations are true; whoever showed one correct node two conflicting signatures is found; and what a process has found that then lived on is on the chain, of
 * each height, round and type, whether or not the accused still is a validator.
 */
export class EvidenceCheck {
  readonly #c: CheckContext;
  /** Per process: position and signer to the value seen. */
  readonly #seen = new WeakMap<object, Map<string, string>>();
  /** Signers that a correct node, in time and in its own round, saw signing two values; and who has been reported. */
  readonly #visible = new Map<string, string>();
  readonly #reported = new Set<string>();
  readonly #reports: Report[] = [];

  constructor(context: CheckContext) {
    this.#c = context;
  }

  received(node: SimNode, message: ConsensusMessage): void {
    const { host, life } = node;
    if (!node.correct || host === null || life === null || node.isPaused || node.isDamaged) return;
    const all =
      message.kind === 'votes'
        ? message.votes
        : message.kind === 'vote' || message.kind === 'proposal'
          ? [message]
          : [];
    for (const each of all)
      // The present height and round, and not beyond a quorum: what a node need not keep may go unseen.
      if (each.height === node.height + 1 && each.round === host.round && this.#c.isSigned(each))
        this.#see(node, life, each);
  }

  accused(node: SimNode, { first, second }: Equivocation): void {
    const name = this.#nameOf(first);
    if (!node.correct) return;
    if (
      !this.#c.isSigned(first) ||
      !this.#c.isSigned(second) ||
      valueOf(first) === valueOf(second) ||
      positionOf(first) !== positionOf(second)
    )
      return this.#c.fail(`evidence: node ${node.validator} reports what is no double signature of ${name}`);
    if (!this.#c.isFaulty(name)) this.#c.fail(`evidence: node ${node.validator} accuses the correct ${name}`);
    this.#c.cover('evidence');
    this.#reported.add(name);
    const { height, round } = first;
    const type = typeCode[first.kind === 'vote' ? first.type : 'proposal'];
    const stateKey = `evidence/${name}/${height}/${round}/${type}`;
    // Of an organisation that is no validator yet the chain takes nothing, nor does the node itself while its own state says so.
    const isKnown = node.host?.app.info().validators.some(({ id }) => id === node.id) === true;
    if (isKnown && this.#c.isMember(node))
      this.#reports.push({ node, life: node.life, stateKey, what: `${name} at ${positionOf(first)}` });
  }

  /** The faults are over, and all has come to rest. */
  finished(): void {
    for (const [name, where] of this.#visible)
      if (!this.#reported.has(name))
        this.#c.fail(`evidence: ${name} showed two signatures, ${where}, and nobody reports it`);
    for (const { node, life, stateKey, what } of this.#reports) {
      if (this.#c.isInState(stateKey)) this.#c.cover('evidence-on-chain');
      // What only a process knew that is gone, or a node that has left, is lost with it.
      else if (node.life === life && this.#c.isMember(node))
        this.#c.fail(
          `evidence: node ${node.validator} saw two signatures of ${what}, and the chain says nothing of it`,
        );
    }
  }

  #see(node: SimNode, life: object, message: Proposal | Vote): void {
    const seen = this.#seen.get(life) ?? new Map<string, string>();
    this.#seen.set(life, seen);
    const key = positionOf(message);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, valueOf(message));
    else if (before !== valueOf(message)) this.#visible.set(this.#nameOf(message), `at node ${node.validator}: ${key}`);
  }

  #nameOf(message: Proposal | Vote): ValidatorId {
    return (
      this.#c.validatorsAt(message.height)[message.validator]?.id ?? (`validator ${message.validator}` as ValidatorId)
    );
  }
}

function positionOf(message: Proposal | Vote): string {
  const type = message.kind === 'vote' ? message.type : 'proposal';
  return `${message.validator} ${type} ${message.height}/${message.round}`;
}

function valueOf(message: Proposal | Vote): string {
  return `${message.blockId ?? 'nil'}${message.kind === 'proposal' ? `/${message.polRound}` : ''}`;
}
