import type { ConsensusMessage } from '../../src/types/consensus.ts';
import type { Prng } from './prng.ts';
import type { SimBlock, DecidedBlock } from './sim-block.ts';
import type { Timeline } from './timeline.ts';

export type Topic = 'proposal' | 'prevote' | 'precommit' | 'other';

export type Frame =
  | /** `topic` is what the bytes hold; only the weather reads it. */
    { readonly kind: 'consensus'; readonly bytes: Uint8Array; readonly topic: Topic }
  | { readonly kind: 'body'; readonly block: SimBlock }
  | { readonly kind: 'body-request'; readonly blockId: string }
  | { readonly kind: 'sync-request'; readonly above: number }
  | { readonly kind: 'sync-blocks'; readonly blocks: readonly DecidedBlock[] };

export function topicOf(message: ConsensusMessage): Topic {
  if (message.kind === 'vote') return message.type;
  return message.kind === 'proposal' ? 'proposal' : 'other';
}

export interface Endpoint {
  /** Index of the validator; twins share one. */
  readonly validator: number;
  onFrame(from: number, frame: Frame): void;
}

export interface Weather {
  readonly delayMsMax: number;
  readonly dropChance: number;
  readonly duplicateChance: number;
  /** Many of these are lost: locks that few know of, polkas without a decision. */
  readonly lostTopic: Topic | null;
}

export const calm: Weather = { delayMsMax: 20, dropChance: 0, duplicateChance: 0, lostTopic: null };
const lostTopicChance = 0.35;

/** Links between endpoints, each way of its own: delays (and so reorders), drops, duplicates, one-way cuts. */
export class Network {
  weather: Weather = calm;
  readonly #endpoints: Endpoint[] = [];
  /** `from>to` of endpoint numbers. */
  readonly cuts = new Set<string>();
  readonly #timeline: Timeline;
  readonly #prng: Prng;
  readonly #count: (fault: string) => void;

  constructor(timeline: Timeline, prng: Prng, count: (fault: string) => void) {
    this.#timeline = timeline;
    this.#prng = prng;
    this.#count = count;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  join(endpoint: Endpoint): number {
    return this.#endpoints.push(endpoint) - 1;
  }

  /** To every endpoint of that validator. */
  send(fromEndpoint: number, toValidator: number, frame: Frame): void {
    this.#endpoints.forEach((endpoint, to) => {
      if (endpoint.validator === toValidator && to !== fromEndpoint) this.#carry(fromEndpoint, to, frame);
    });
  }

  #carry(from: number, to: number, frame: Frame): void {
    const { dropChance, duplicateChance, delayMsMax, lostTopic } = this.weather;
    if (this.cuts.has(`${from}>${to}`)) return this.#count('cut');
    if (this.#prng.chance(dropChance)) return this.#count('drop');
    if (frame.kind === 'consensus' && frame.topic === lostTopic && this.#prng.chance(lostTopicChance))
      return this.#count('lost-topic');
    const copies = this.#prng.chance(duplicateChance) ? 2 : 1;
    if (copies === 2) this.#count('duplicate');
    for (let i = 0; i < copies; i++) {
      const delayMs = 0.2 + (this.#prng.u32() / 2 ** 32) * delayMsMax;
      if (delayMs > 250) this.#count('delay');
      this.#timeline.after(delayMs, () => this.#deliver(from, to, frame));
    }
  }

  #deliver(from: number, to: number, frame: Frame): void {
    const sender = this.#endpoints[from];
    if (sender !== undefined) this.#endpoints[to]?.onFrame(sender.validator, frame);
  }
}
