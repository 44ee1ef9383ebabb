import type { Equivocation } from '../../../src/consensus/index.ts';
import type { ConsensusMessage, Proposal, Vote } from '../../../src/types/consensus.ts';
import type { SimNode } from '../node.ts';
import type { CheckContext } from './context.ts';

/** Accusations are true, and whoever showed one correct node two conflicting signatures is found. */
export class EvidenceCheck {
  readonly #c: CheckContext;
  readonly #isFaulty: (validator: number) => boolean;
  /** Per process: position and signer to the value seen. */
  readonly #seen = new WeakMap<object, Map<string, string>>();
  /** Signers that a correct node, in time and in its own round, saw signing two values; and who has been reported. */
  readonly #visible = new Map<string, string>();
  readonly reported = new Map<string, { readonly node: SimNode; readonly life: object | null }[]>();

  constructor(context: CheckContext, isFaulty: (validator: number) => boolean) {
    this.#c = context;
    this.#isFaulty = isFaulty;
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
    if (!this.#isFaulty(first.validator)) this.#c.fail(`evidence: node ${node.validator} accuses the correct ${name}`);
    this.#c.cover('evidence');
    this.reported.set(name, [...(this.reported.get(name) ?? []), { node, life: node.life }]);
  }

  finished(): void {
    for (const [name, where] of this.#visible)
      if (!this.reported.has(name))
        this.#c.fail(`evidence: ${name} showed two signatures, ${where}, and nobody reports it`);
  }

  #see(node: SimNode, life: object, message: Proposal | Vote): void {
    const seen = this.#seen.get(life) ?? new Map<string, string>();
    this.#seen.set(life, seen);
    const key = positionOf(message);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, valueOf(message));
    else if (before !== valueOf(message)) this.#visible.set(this.#nameOf(message), `at node ${node.validator}: ${key}`);
  }

  #nameOf(message: Proposal | Vote): string {
    return this.#c.validatorsAt(message.height)[message.validator]?.id ?? `validator ${message.validator}`;
  }
}

function positionOf(message: Proposal | Vote): string {
  const type = message.kind === 'vote' ? message.type : 'proposal';
  return `${message.validator} ${type} ${message.height}/${message.round}`;
}

function valueOf(message: Proposal | Vote): string {
  return `${message.blockId ?? 'nil'}${message.kind === 'proposal' ? `/${message.polRound}` : ''}`;
}
