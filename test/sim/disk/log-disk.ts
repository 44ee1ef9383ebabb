import { basename } from 'node:path';
import type { Disk, DiskFile } from '../../../src/store/wal/disk.ts';
import { later, never, type Life } from '../life.ts';
import { systemError, type DiskHealth } from './health.ts';
import { Inode, type Folder } from './platter.ts';

/**
 * The disk port of the write-ahead log on simulated bytes, as one life of a node sees it. `onDurable` hears of every write that a sync
 * made durable.
 */
export class LogDisk implements Disk {
  readonly #life: Life;
  readonly #folder: Folder;
  readonly #health: DiskHealth;
  readonly #onDurable: (bytes: Buffer) => void;

  constructor(life: Life, folder: Folder, health: DiskHealth, onDurable: (bytes: Buffer) => void) {
    this.#life = life;
    this.#folder = folder;
    this.#health = health;
    this.#onDurable = onDurable;
  }

  async list(): Promise<readonly string[]> {
    return [...this.#folder.names.keys()];
  }

  makeDirectory(): Promise<void> {
    return this.#act('mkdir', () => undefined);
  }

  open(path: string, { create }: { readonly create: boolean }): Promise<DiskFile> {
    const name = basename(path);
    return this.#act(`open ${name}`, () => {
      let inode = this.#folder.names.get(name);
      if (inode === undefined) {
        if (!create) throw systemError('ENOENT', path);
        const made = new Inode();
        inode = made;
        this.#folder.change((names) => names.set(name, made));
      }
      return this.#file(inode);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#act(`rename ${basename(from)}`, () => {
      const inode = this.#folder.names.get(basename(from));
      if (inode === undefined) throw systemError('ENOENT', from);
      this.#folder.change((names) => {
        names.delete(basename(from));
        names.set(basename(to), inode);
      });
    });
  }

  remove(path: string): Promise<void> {
    return this.#act(`remove ${basename(path)}`, () => {
      if (!this.#folder.names.has(basename(path))) throw systemError('ENOENT', path);
      this.#folder.change((names) => names.delete(basename(path)));
    });
  }

  async syncDirectory(): Promise<void> {
    await this.#act('sync folder', () => undefined);
    await later(this.#life, this.#health.syncMs(this.#life.prng));
    await this.#act('folder synced', () => this.#folder.sync());
  }

  #file(inode: Inode): DiskFile {
    return {
      size: async () => inode.cache.length,
      read: async (offset, length) => new Uint8Array(inode.cache.subarray(offset, offset + length)),
      write: (offset, bytes) =>
        this.#act('write', () => {
          if (this.#health.isFull && offset + bytes.length > inode.cache.length)
            throw systemError('ENOSPC', 'no space left on the simulated disk');
          inode.write(offset, bytes);
        }),
      sync: () => this.#sync(inode),
      close: async () => undefined,
    };
  }

  async #sync(inode: Inode): Promise<void> {
    const covered = await this.#act('sync', () => [...inode.unsynced]);
    await later(this.#life, this.#health.syncMs(this.#life.prng));
    await this.#act('synced', () => {
      if (this.#health.failingSyncs > 0) {
        this.#health.failingSyncs -= 1;
        inode.failSync(covered);
        throw systemError('EIO', 'the simulated disk could not write');
      }
      inode.sync(covered);
      for (const { bytes } of covered) this.#onDurable(bytes);
    });
  }

  /** The process may die before any of this, and then nothing happens and nothing resolves. */
  #act<T>(what: string, run: () => T): Promise<T> {
    if (!this.#life.acts(what)) return never();
    try {
      return Promise.resolve(run());
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
