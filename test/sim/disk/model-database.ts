import type { Database, DatabaseRange } from '../../../src/store/lmdb/database.ts';
import { later, never, type Life } from '../life.ts';
import type { Prng } from '../prng.ts';
import { systemError, type DiskHealth } from './health.ts';

type Change = readonly [name: string, value: Buffer | null];

/** The file of a model database: what was committed, and a transaction under way. Outlives processes. */
export class DatabaseFile {
  content = new Map<string, Buffer>();
  underWay: readonly Change[] | null = null;
  #sorted: readonly string[] | null = null;
  /** Keys of three bytes as numbers: a start asks for 65,536 of them, nearly all absent. */
  #short: Set<number> | null = null;

  /** True for a key of three bytes that is surely not there. */
  lacksShort(key: Buffer): boolean {
    if (key.length !== 3) return false;
    this.#short ??= new Set(
      [...this.content.keys()].flatMap((name) => (name.length === 3 ? shortOf(Buffer.from(name, 'latin1')) : [])),
    );
    return !this.#short.has(shortOf(key));
  }

  /** A crash in the middle of a commit: LMDB's file holds all of the transaction or nothing of it. */
  crash(prng: Prng): void {
    if (this.underWay !== null && prng.chance(0.3)) this.apply(this.underWay);
    this.underWay = null;
  }

  apply(changes: readonly Change[]): void {
    for (const [name, value] of changes) {
      const isNew = !this.content.has(name);
      if (value === null) this.content.delete(name);
      else this.content.set(name, value);
      if (!isNew && value !== null) continue;
      this.#sorted = null;
      if (name.length === 3) this.#short = null;
    }
  }

  /** Names in `[from, to)`; Latin-1 strings compare like the bytes that they stand for. */
  between(from: string, to: string): string[] {
    this.#sorted ??= [...this.content.keys()].sort();
    const sorted = this.#sorted;
    const names: string[] = [];
    for (let at = firstNotBelow(sorted, from); at < sorted.length; at++) {
      const name = sorted[at] as string;
      if (name >= to) break;
      names.push(name);
    }
    return names;
  }

  copy(): DatabaseFile {
    const copy = new DatabaseFile();
    copy.content = new Map(this.content);
    return copy;
  }
}

function shortOf(key: Buffer): number {
  return (key[0] as number) * 65_536 + (key[1] as number) * 256 + (key[2] as number);
}

function firstNotBelow(sorted: readonly string[], name: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Stands for LMDB behind src/store: the same answers (model-database.test.ts compares), one transaction at a time, atomic at a crash. */
export class ModelDatabase implements Database {
  readonly #file: DatabaseFile;
  readonly #life: Life;
  readonly #health: DiskHealth;
  #collecting: Change[] | null = null;

  constructor(file: DatabaseFile, life: Life, health: DiskHealth) {
    this.#file = file;
    this.#life = life;
    this.#health = health;
  }

  get(key: Buffer): Buffer | undefined {
    if (this.#file.lacksShort(key)) return undefined;
    return this.#file.content.get(key.toString('latin1'));
  }

  doesExist(key: Buffer): boolean {
    return this.#file.content.has(key.toString('latin1'));
  }

  *getKeys(range: DatabaseRange): Generator<Buffer> {
    for (const name of this.#names(range)) yield Buffer.from(name, 'latin1');
  }

  *getRange(range: DatabaseRange): Generator<{ readonly key: Buffer; readonly value: Buffer }> {
    for (const name of this.#names(range))
      yield { key: Buffer.from(name, 'latin1'), value: this.#file.content.get(name) as Buffer };
  }

  async batch(action: () => void): Promise<void> {
    const changes: Change[] = [];
    this.#collecting = changes;
    action();
    this.#collecting = null;
    if (!this.#life.acts('store commit')) return never();
    this.#file.underWay = changes;
    await later(this.#life, this.#health.syncMs(this.#life.prng) + this.#life.prng.below(40));
    if (!this.#life.acts('store committed')) return never();
    this.#file.underWay = null;
    if (this.#health.isFull) throw systemError('ENOSPC', 'no space left for the simulated database');
    this.#file.apply(changes);
  }

  put(key: Buffer, value: Buffer): Promise<void> {
    this.#collecting?.push([key.toString('latin1'), Buffer.from(value)]);
    return Promise.resolve();
  }

  remove(key: Buffer): Promise<void> {
    this.#collecting?.push([key.toString('latin1'), null]);
    return Promise.resolve();
  }

  getStats(): object {
    return { pageSize: 4096, lastPageNumber: 0, entryCount: this.#file.content.size };
  }

  async close(): Promise<void> {}

  #names({ start, end, reverse }: DatabaseRange): readonly string[] {
    const [from, to] = reverse === true ? [end, start] : [start, end];
    const names = this.#file.between(from.toString('latin1'), to.toString('latin1'));
    return reverse === true ? names.reverse() : names;
  }
}
