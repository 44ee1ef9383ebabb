/** Seeded fuzzing: the same inputs in every run, and fast enough for 10^5 a decoder. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** An integer from 0 to bound - 1 (xorshift32). */
  below(bound: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % bound;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(lengthMax: number): Uint8Array {
    return Uint8Array.from({ length: this.below(lengthMax + 1) }, () => this.below(256));
  }
}

/** One to three small changes: a flipped bit, a byte replaced by a telling one, a piece removed, doubled or moved in. */
export function mutate(random: Random, valid: Uint8Array, telling: Uint8Array): Uint8Array {
  let bytes = [...valid];
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(bytes.length + 1);
    const byte = telling[random.below(telling.length)] ?? 0;
    switch (random.below(6)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = byte;
        break;
      case 2:
        bytes.splice(at, 0, byte);
        break;
      case 3:
        bytes.splice(at, 1 + random.below(4));
        break;
      case 4:
        bytes.splice(at, 0, ...bytes.slice(at, at + 1 + random.below(8)));
        break;
      default:
        bytes = bytes.slice(0, at);
    }
  }
  return Uint8Array.from(bytes);
}

/** Bytes drawn from an alphabet: gets much further into a decoder than plain noise. */
export function soup(random: Random, alphabet: readonly string[], partsMax: number): Uint8Array {
  let text = '';
  for (let n = random.below(partsMax + 1); n > 0; n--) text += random.pick(alphabet);
  return new TextEncoder().encode(text);
}
