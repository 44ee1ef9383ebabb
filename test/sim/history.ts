import type { ConsensusMessage } from '../../src/types/consensus.ts';
import type { SimNode } from './node.ts';

interface Entry {
  readonly ms: number;
  readonly who: string;
  readonly height: number | null;
  readonly text: string | ConsensusMessage;
  readonly to: number[];
}

const entriesMax = 20_000;
const linesMax = 120;

/** Who said what in which round: kept for the case that a run fails, and written only then. */
export class History {
  #entries: Entry[] = [];

  note(ms: number, node: SimNode, text: string): void {
    this.#add({ ms, who: nameOf(node), height: null, text, to: [] });
  }

  message(ms: number, node: SimNode, to: number, message: ConsensusMessage): void {
    const last = this.#entries.at(-1);
    const who = nameOf(node);
    if (last !== undefined && last.text === message && last.who === who) return void last.to.push(to);
    if (message.kind === 'round-state') return;
    const height = message.kind === 'commit' ? message.certificate.height : message.height;
    this.#add({ ms, who, height, text: message, to: [to] });
  }

  /** The last `heights` heights, shortest form: who voted for what, who decided, who started and ended. */
  lines(fromHeight: number): readonly string[] {
    return this.#entries
      .filter(({ height }) => height === null || height >= fromHeight)
      .slice(-linesMax)
      .map(
        ({ ms, who, text, to }) =>
          `${ms.toFixed(1).padStart(10)} ms  ${who.padEnd(5)} ${typeof text === 'string' ? text : describe(text)}${to.length === 0 ? '' : ` -> ${to.join(',')}`}`,
      );
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length > 2 * entriesMax) this.#entries = this.#entries.slice(-entriesMax);
  }
}

function nameOf(node: SimNode): string {
  return `${node.validator}${node.correct ? '' : '!'}`;
}

function describe(message: ConsensusMessage): string {
  switch (message.kind) {
    case 'proposal': {
      const pol = message.polRound < 0 ? '' : `, polka of round ${message.polRound}`;
      return `proposes ${message.height}/${message.round} ${message.blockId.slice(0, 8)}${pol}`;
    }
    case 'vote':
      return `${message.type}s ${message.height}/${message.round} ${message.blockId?.slice(0, 8) ?? 'nil'} of ${message.validator}`;
    case 'votes': {
      const polka =
        message.polka === null
          ? ''
          : `, polka of round ${message.polka.round} for ${message.polka.blockId.slice(0, 8)}`;
      return `passes on ${message.height}: ${message.votes.length} votes${polka}`;
    }
    case 'commit':
      return `shows that ${message.certificate.height} is ${message.certificate.blockId.slice(0, 8)} by round ${message.certificate.round}`;
    case 'round-state':
      return `stands at ${message.height}/${message.round}`;
  }
}
