import { ChainError } from '../errors/chain-error.ts';

/** What answering costs, in milliseconds of a slow core, roughly: the rest of its time belongs to the validator in the same process. */
export interface DoorLimits {
  /** Cost that one address may cause each second, and at once after a pause. */
  readonly costPerSecond: number;
  readonly costAtOnce: number;
  /** Addresses that are remembered; the longest unheard goes. */
  readonly addressesMax: number;
  readonly requestsMax: number;
  readonly requestsPerAddressMax: number;
  /** Answers of some megabytes that are made or wait for a slow reader. */
  readonly heavyMax: number;
}

export const doorLimits: DoorLimits = {
  costPerSecond: 500,
  costAtOnce: 5_000,
  addressesMax: 10_000,
  requestsMax: 256,
  requestsPerAddressMax: 128,
  heavyMax: 16,
};

/** From this cost on a request counts as heavy: an answer of a hundred items. */
const HEAVY_COST = 20;
/** An item is a leaf with its path, a block with its certificate, or a state value with its proof. */
const ITEMS_PER_COST = 5;

/** Cost of a request by how many items it asks for. */
export function costOf(items: number): number {
  return 1 + items / ITEMS_PER_COST;
}

export function isHeavy(cost: number): boolean {
  return cost >= HEAVY_COST;
}

interface Caller {
  cost: number;
  atMs: number;
  open: number;
}

export type Turned = 'busy' | 'address-busy' | 'heavy-busy' | 'too-fast';

/** Who may ask how much: so that no reader, and no number of them behind one address, takes the node's time from consensus. */
export class Door {
  readonly #limits: DoorLimits;
  readonly #nowMs: () => number;
  readonly #onTurned: (reason: Turned) => void;
  /** Last heard, last in the map. */
  readonly #callers = new Map<string, Caller>();
  #open = 0;
  #heavy = 0;

  constructor(limits: DoorLimits, nowMs: () => number, onTurned: (reason: Turned) => void) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#onTurned = onTurned;
  }

  /** Lets a request in; what it returns ends it, once. Throws API_OVERLOADED or API_TOO_FAST. */
  enter(address: string, cost: number): () => void {
    const { requestsMax, requestsPerAddressMax, heavyMax } = this.#limits;
    const takesLong = isHeavy(cost);
    const caller = this.#callerOf(address);
    if (this.#open >= requestsMax) throw this.#overloaded('busy', requestsMax);
    if (caller.open >= requestsPerAddressMax) throw this.#overloaded('address-busy', requestsPerAddressMax);
    if (takesLong && this.#heavy >= heavyMax) throw this.#overloaded('heavy-busy', heavyMax);
    if (caller.cost < cost) {
      this.#onTurned('too-fast');
      throw new ChainError('API_TOO_FAST', { costPerSecond: this.#limits.costPerSecond });
    }
    caller.cost -= cost;
    caller.open += 1;
    this.#open += 1;
    if (takesLong) this.#heavy += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      caller.open -= 1;
      this.#open -= 1;
      if (takesLong) this.#heavy -= 1;
    };
  }

  #overloaded(reason: Turned, requests: number): ChainError {
    this.#onTurned(reason);
    return new ChainError('API_OVERLOADED', { requests });
  }

  #callerOf(address: string): Caller {
    const { costPerSecond, costAtOnce, addressesMax } = this.#limits;
    const nowMs = this.#nowMs();
    const caller = this.#callers.get(address) ?? { cost: costAtOnce, atMs: nowMs, open: 0 };
    caller.cost = Math.min(costAtOnce, caller.cost + ((nowMs - caller.atMs) / 1_000) * costPerSecond);
    caller.atMs = nowMs;
    this.#callers.delete(address);
    this.#callers.set(address, caller);
    const oldest = this.#callers.keys().next().value;
    if (this.#callers.size > addressesMax && oldest !== undefined) this.#callers.delete(oldest);
    return caller;
  }
}
