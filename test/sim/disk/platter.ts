import type { Prng } from '../prng.ts';

export const sectorBytes = 512;

interface Write {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** One file: what the page cache shows, what is on the platter, and the writes in between that no sync has covered yet. */
export class Inode {
  cache: Buffer = Buffer.alloc(0);
  durable: Buffer = Buffer.alloc(0);
  unsynced: Write[] = [];

  write(offset: number, bytes: Uint8Array): void {
    const write = { offset, bytes: Buffer.from(bytes) };
    this.cache = written(this.cache, write);
    this.unsynced.push(write);
  }

  /** Content changes under everybody's feet. */
  replace(content: Uint8Array): void {
    this.cache = Buffer.from(content);
    this.durable = Buffer.from(content);
    this.unsynced = [];
  }

  /** The writes made before the sync began are on the platter. */
  sync(writes: readonly Write[]): void {
    for (const write of writes) this.durable = written(this.durable, write);
    this.unsynced = this.unsynced.filter((write) => !writes.includes(write));
  }

  /** A sync failed: the cache keeps what it could not write and takes it for clean, so that no later sync writes it. */
  failSync(writes: readonly Write[]): void {
    this.unsynced = this.unsynced.filter((write) => !writes.includes(write));
  }

  /** The power fails: of what was not synced any part of the sectors may have arrived, in any order. */
  losePower(prng: Prng): number {
    let lost = 0;
    const mood = prng.below(3);
    for (const { offset, bytes } of this.unsynced) {
      for (let at = 0; at < bytes.length; at += sectorBytes) {
        const arrives = mood === 0 ? false : mood === 1 ? prng.chance(0.5) : prng.chance(0.95);
        if (arrives)
          this.durable = written(this.durable, { offset: offset + at, bytes: bytes.subarray(at, at + sectorBytes) });
        else lost += 1;
      }
    }
    this.unsynced = [];
    this.cache = Buffer.from(this.durable);
    return lost;
  }
}

function written(content: Buffer, { offset, bytes }: Write): Buffer {
  const end = offset + bytes.length;
  let target = content;
  if (end > content.length) {
    target = Buffer.alloc(end);
    content.copy(target);
  }
  bytes.copy(target, offset);
  return target;
}

/** Names of one folder; like data, a change of them survives a power failure only after the folder was synced. */
export class Folder {
  names = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  #changes: ((names: Map<string, Inode>) => void)[] = [];

  change(apply: (names: Map<string, Inode>) => void): void {
    apply(this.names);
    this.#changes.push(apply);
  }

  sync(): void {
    this.#durable = new Map(this.names);
    this.#changes = [];
  }

  /** A journal: some of the last changes are lost, never one without those after it. Returns sectors and changes that were lost. */
  losePower(prng: Prng): number {
    const kept = prng.below(this.#changes.length + 1);
    const lost = this.#changes.length - kept;
    for (const apply of this.#changes.slice(0, kept)) apply(this.#durable);
    this.#changes = [];
    this.names = new Map(this.#durable);
    let sectors = 0;
    for (const inode of this.names.values()) sectors += inode.losePower(prng);
    return sectors + lost;
  }

  /** As a backup holds it. */
  copy(): Folder {
    const copy = new Folder();
    for (const [name, inode] of this.names) {
      const other = new Inode();
      other.cache = Buffer.from(inode.cache);
      other.durable = Buffer.from(inode.cache);
      copy.names.set(name, other);
    }
    copy.sync();
    return copy;
  }
}
