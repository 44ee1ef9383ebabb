import { localKey } from './key.ts';
import type { Table } from './table.ts';

/** What belongs to this node alone: last signed checkpoint, observer positions, mesh secrets. Never part of the chain's state. */
export class LocalValues {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  get(name: string): Uint8Array | undefined {
    return this.#table.get(localKey(name));
  }

  /** Visible at once, durable when resolved. */
  put(name: string, value: Uint8Array): Promise<void> {
    return this.#table.write([[localKey(name), value]]);
  }

  delete(name: string): Promise<void> {
    return this.#table.write([[localKey(name), null]]);
  }

  /** Names (of at most 512 bytes; longer ones are stored by hash) that start with `prefix`, sorted by their bytes. */
  names(prefix: string): string[] {
    const from = localKey(prefix);
    const keys = this.#table.keys({ from, to: Buffer.concat([from, Buffer.from([0xff])]) });
    return keys.map((key) => key.subarray(2).toString('utf8'));
  }
}
