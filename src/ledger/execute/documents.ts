import type { StateReader, StateWriter } from '../../ports/state.ts';
import { canonicalJson, utf8Decode } from '../../codec/index.ts';

/** Room for a transaction that fails half way. */
export interface Undo {
  mark(): number;
  rollback(mark: number): void;
}

/** Parsed documents that are kept from block to block; what every transaction needs is some dozen. */
const KEPT_MAX = 4_096;

/** State values as documents: canonical JSON in the tree, parsed once. A document that was read is never changed in place. */
export class DocumentReader {
  #state: StateReader;
  protected readonly parsed = new Map<string, unknown>();

  constructor(state: StateReader) {
    this.#state = state;
  }

  /** From here on over the state after a block, which changed these keys; what it did not change is not parsed again. */
  advance(state: StateReader, changed: Iterable<string>): void {
    this.#state = state;
    if (this.parsed.size > KEPT_MAX) this.parsed.clear();
    for (const key of changed) this.parsed.delete(key);
  }

  get<T>(key: string): T | undefined {
    const known = this.parsed.get(key);
    if (known !== undefined) return known as T;
    const bytes = this.#state.get(key);
    if (bytes === undefined) return undefined;
    const value = parseDocument<T>(bytes);
    this.parsed.set(key, value);
    return value;
  }
}

/** The documents of a block in execution. */
export class Documents extends DocumentReader {
  readonly #writer: StateWriter;
  readonly #undo: Undo;
  readonly #below: DocumentReader | undefined;
  /** Keys that were written at some time, also by what was taken back: only others may be read from below. */
  readonly #written = new Set<string>();

  /** `below`: documents of the very state that `state` starts from. */
  constructor(state: StateWriter, undo: Undo, below?: DocumentReader) {
    super(state);
    this.#writer = state;
    this.#undo = undo;
    this.#below = below;
  }

  override get<T>(key: string): T | undefined {
    if (this.#below !== undefined && !this.#written.has(key)) return this.#below.get<T>(key);
    return super.get<T>(key);
  }

  put(key: string, value: object): void {
    this.#written.add(key);
    this.#writer.put(key, canonicalJson(value));
    this.parsed.set(key, value);
  }

  delete(key: string): void {
    this.#written.add(key);
    this.#writer.delete(key);
    this.parsed.delete(key);
  }

  /** Runs `body`; if it throws, nothing that it wrote is left. */
  atomically<T>(body: () => T): T {
    const mark = this.#undo.mark();
    try {
      return body();
    } catch (error) {
      this.#undo.rollback(mark);
      this.parsed.clear();
      throw error;
    }
  }
}

/** The bytes are this program's own, so they are parsed without the checks that foreign bytes need. */
export function parseDocument<T>(bytes: Uint8Array): T {
  return JSON.parse(utf8Decode(bytes)) as T;
}
