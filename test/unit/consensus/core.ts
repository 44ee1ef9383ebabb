import {
  initialState,
  step,
  type ConsensusEvent,
  type ConsensusState,
  type Effect,
} from '../../../src/consensus/index.ts';
import type { Hash } from '../../../src/types/brand.ts';
import type { ConsensusMessage } from '../../../src/types/consensus.ts';
import { heightConfig } from './height-config.ts';
import { chain, height, sign, vote } from './messages.ts';

type WithoutClock<E> = E extends unknown ? Omit<E, 'nowMs'> : never;

/** One core at height 4 with work to do, validator 1 of four unless told, and all that it did. */
export class Core {
  readonly state: ConsensusState;
  readonly effects: Effect[] = [];
  nowMs = 1_000;

  constructor(config = heightConfig, state = initialState({ chain, sign: (bytes) => sign(config.self ?? 0, bytes) })) {
    this.state = state;
    this.feed({ type: 'start', config, txsAvailable: true, down: [] });
  }

  feed(event: WithoutClock<ConsensusEvent>): readonly Effect[] {
    const effects = step(this.state, { ...event, nowMs: this.nowMs } as ConsensusEvent);
    this.effects.push(...effects);
    return effects;
  }

  hear(message: ConsensusMessage, from: number | null = 2): readonly Effect[] {
    return this.feed({ type: 'message', from, message });
  }

  /** The block was executed here; `proposer` is the one of its header. */
  validated(blockId: Hash, proposer: number): readonly Effect[] {
    const verdict = { ok: true as const, proposer, timeMs: this.nowMs, appHash: chain };
    return this.feed({ type: 'block-validated', height, blockId, verdict });
  }

  /** The others precommit nil, until this node stands in `round`. */
  walkTo(round: number): void {
    for (let at = this.round; at < round; at++)
      for (const validator of [0, 2, 3]) this.hear(vote('precommit', validator, at, null));
  }

  get round(): number {
    return this.state.current?.round ?? -1;
  }

  broadcasts(kind: ConsensusMessage['kind']): readonly ConsensusMessage[] {
    return this.effects.flatMap((each) =>
      each.type === 'broadcast' && each.message.kind === kind ? [each.message] : [],
    );
  }
}
