import type { Channel } from '../../../src/ports/network.ts';
import type { Prng } from '../prng.ts';
import type { Timeline } from '../timeline.ts';

/** What a frame holds, as far as the weather reads it. */
export type Topic = 'proposal' | 'prevote' | 'precommit' | 'other';

export interface Frame {
  readonly channel: Channel | 'request' | 'answer';
  readonly bytes: Uint8Array;
  readonly topic: Topic;
  /** Of a request and its answer. */
  readonly call: { readonly id: number; readonly method: string; readonly failure: string | null } | null;
}

export interface Endpoint {
  /** Index of the validator at genesis; twins share one. */
  readonly validator: number;
  /** Its process runs and its mesh has started. */
  readonly isListening: boolean;
  /** Whether its mesh wants a connection to that validator. */
  wants(validator: number): boolean;
  linkUp(endpoint: number): void;
  linkDown(endpoint: number): void;
  receive(from: number, frame: Frame): void;
}

export interface Weather {
  readonly delayMsMax: number;
  readonly dropChance: number;
  readonly duplicateChance: number;
  /** Many of these are lost: locks that few know of, polkas without a decision. */
  readonly lostTopic: Topic | null;
  /** An endpoint that gets them all the same, so that it knows and locks what the others do not. */
  readonly favoured: number | null;
  /** True: frames of one link stay in order, as over TCP. */
  readonly inOrder: boolean;
}

export const calm: Weather = {
  delayMsMax: 20,
  dropChance: 0,
  duplicateChance: 0,
  lostTopic: null,
  favoured: null,
  inOrder: true,
};
const lostTopicChance = 0.35;
const lostToOthersChance = 0.65;

interface Deps {
  readonly timeline: Timeline;
  readonly prng: Prng;
  readonly count: (fault: string) => void;
  readonly trace: (what: string) => void;
}

/** Links between endpoints, each way of its own: connections that come and go, delays, drops, duplicates, cuts that nobody is told of. */
export class Network {
  weather: Weather = calm;
  /** `from>to`: frames vanish, and neither end notices. */
  readonly cuts = new Set<string>();
  /** `a|b` with a < b: the connection is down, and both ends know. */
  readonly severed = new Set<string>();
  /** `from>to`: so many milliseconds more. */
  readonly slow = new Map<string, number>();
  /** Who holds back single frames; asked last. */
  holds: ((to: number, frame: Frame, from: number) => boolean) | null = null;
  /** True: whatever the weather is, it is calm now. */
  isFair: () => boolean = () => false;
  readonly endpoints: Endpoint[] = [];
  readonly #links = new Set<string>();
  readonly #dialling = new Set<string>();
  readonly #lastMs = new Map<string, number>();
  #calls = 0;
  readonly #d: Deps;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** Number of a request, of which there is one in a run: its answer belongs to the connection that it went over, and means nothing to a later life of whoever asked. */
  newCall(): number {
    this.#calls += 1;
    return this.#calls;
  }

  join(endpoint: Endpoint): number {
    return this.endpoints.push(endpoint) - 1;
  }

  /** Connects or disconnects whom the state of both ends says. */
  refresh(endpoint: number): void {
    this.endpoints.forEach((_, other) => {
      if (other !== endpoint) this.#refreshPair(endpoint, other);
    });
  }

  refreshAll(): void {
    this.endpoints.forEach((_, endpoint) => this.refresh(endpoint));
  }

  /** One end closes the connection; it is dialled again later. */
  close(a: number, b: number, redialMs: number): void {
    const pair = pairOf(a, b);
    if (!this.#links.delete(pair)) return;
    this.#tellDown(a, b);
    this.#dialling.add(pair);
    this.#d.timeline.after(redialMs, () => {
      this.#dialling.delete(pair);
      this.#refreshPair(a, b);
    });
  }

  isLinked(a: number, b: number): boolean {
    return this.#links.has(pairOf(a, b));
  }

  /** To every endpoint of that validator which is connected. */
  send(from: number, validator: number, frame: Frame): void {
    this.endpoints.forEach((endpoint, to) => {
      if (endpoint.validator === validator && to !== from) this.sendTo(from, to, frame);
    });
  }

  sendTo(from: number, to: number, frame: Frame): void {
    const { prng, count } = this.#d;
    const { dropChance, duplicateChance, lostTopic, favoured } = this.#weatherNow;
    const link = `${from}>${to}`;
    if (!this.isLinked(from, to)) return count('unconnected');
    if (!this.isFair() && this.cuts.has(link)) return count('cut');
    if (prng.chance(dropChance)) return count('drop');
    const lostChance = favoured === null ? lostTopicChance : to === favoured ? 0 : lostToOthersChance;
    if (frame.topic === lostTopic && prng.chance(lostChance)) return count('lost-topic');
    if (this.holds?.(to, frame, from) === true) return count('held-back');
    const copies = prng.chance(duplicateChance) ? 2 : 1;
    if (copies === 2) count('duplicate');
    for (let i = 0; i < copies; i++) this.#carry(from, to, link, frame);
  }

  get #weatherNow(): Weather {
    return this.isFair() ? calm : this.weather;
  }

  #carry(from: number, to: number, link: string, frame: Frame): void {
    const { prng, count, timeline, trace } = this.#d;
    const { delayMsMax, inOrder } = this.#weatherNow;
    const slowMs = this.slow.get(link) ?? 0;
    const delayMs = 0.2 + (prng.u32() / 2 ** 32) * delayMsMax + slowMs;
    if (delayMs > 250) count('delay');
    let atMs = timeline.nowMs + delayMs;
    const last = this.#lastMs.get(link) ?? 0;
    if (inOrder) atMs = Math.max(atMs, last);
    else if (atMs < last) count('reorder');
    this.#lastMs.set(link, Math.max(last, atMs));
    timeline.after(atMs - timeline.nowMs, () => {
      // What was under way when a connection broke is lost with it.
      if (!this.isLinked(from, to)) return;
      trace(`${from}>${to} ${frame.channel} ${Buffer.from(frame.bytes).toString('latin1')}`);
      this.endpoints[to]?.receive(from, frame);
    });
  }

  #refreshPair(a: number, b: number): void {
    const pair = pairOf(a, b);
    const wanted = this.#isWanted(a, b);
    if (wanted === this.#links.has(pair)) return;
    if (!wanted) {
      this.#links.delete(pair);
      return this.#tellDown(a, b);
    }
    if (this.#dialling.has(pair)) return;
    this.#dialling.add(pair);
    this.#d.timeline.after(this.#d.prng.between(2, 40), () => {
      this.#dialling.delete(pair);
      if (this.#links.has(pair) || !this.#isWanted(a, b)) return;
      this.#links.add(pair);
      this.#d.trace(`link ${pair}`);
      this.endpoints[a]?.linkUp(b);
      this.endpoints[b]?.linkUp(a);
    });
  }

  #isWanted(a: number, b: number): boolean {
    const [first, second] = [this.endpoints[a], this.endpoints[b]];
    if (first === undefined || second === undefined || first.validator === second.validator) return false;
    if (!first.isListening || !second.isListening || this.severed.has(pairOf(a, b))) return false;
    return first.wants(second.validator) && second.wants(first.validator);
  }

  #tellDown(a: number, b: number): void {
    this.#d.trace(`unlink ${pairOf(a, b)}`);
    this.endpoints[a]?.linkDown(b);
    this.endpoints[b]?.linkDown(a);
  }
}

export function pairOf(a: number, b: number): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}
