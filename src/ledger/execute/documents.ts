import type { StateWriter } from '../../ports/state.ts';
import { canonicalJson, utf8Decode } from '../../codec/index.ts';

/** Room for a transaction that fails half way. */
export interface Undo {
  mark(): number;
  rollback(mark: number): void;
}

/**
 * State values as documents: canonical JSON in the tree, parsed once a block. A document that was read is never changed in place;
 * `put` replaces it. The bytes are this program's own, so they are parsed without the checks that foreign bytes need.
 */
export class Documents {
  readonly #state: StateWriter;
  readonly #undo: Undo;
  readonly #parsed = new Map<string, unknown>();

  constructor(state: StateWriter, undo: Undo) {
    this.#state = state;
    this.#undo = undo;
  }

  get<T>(key: string): T | undefined {
    const known = this.#parsed.get(key);
    if (known !== undefined) return known as T;
    const bytes = this.#state.get(key);
    if (bytes === undefined) return undefined;
    const value = parseDocument<T>(bytes);
    this.#parsed.set(key, value);
    return value;
  }

  put(key: string, value: object): void {
    this.#state.put(key, canonicalJson(value));
    this.#parsed.set(key, value);
  }

  delete(key: string): void {
    this.#state.delete(key);
    this.#parsed.delete(key);
  }

  /** Runs `body`; if it throws, nothing that it wrote is left. */
  atomically<T>(body: () => T): T {
    const mark = this.#undo.mark();
    try {
      return body();
    } catch (error) {
      this.#undo.rollback(mark);
      this.#parsed.clear();
      throw error;
    }
  }
}

export function parseDocument<T>(bytes: Uint8Array): T {
  return JSON.parse(utf8Decode(bytes)) as T;
}
