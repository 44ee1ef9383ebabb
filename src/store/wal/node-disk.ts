import { constants, fdatasyncSync, writeSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Disk, DiskFile } from './disk.ts';
import { SyncPace } from './sync-pace.ts';

/** What is written in this thread, together with its sync; more takes its time on any disk. */
const hereBytesMax = 256 * 1024;
const pace = new SyncPace(() => performance.now());

/** The disk of the operating system. Small appends and their syncs happen in this thread as long as the disk is quick (sync-pace.ts). */
export const nodeDisk: Disk = {
  async list(dir) {
    try {
      return await readdir(dir);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },
  async makeDirectory(dir) {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await syncDirectory(dirname(dir));
  },
  async open(path, options) {
    const flags = constants.O_RDWR | (options.create ? constants.O_CREAT : 0);
    return new NodeFile(await open(path, flags, 0o600));
  },
  rename,
  remove: (path) => rm(path),
  syncDirectory,
};

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

class NodeFile implements DiskFile {
  readonly #handle: FileHandle;
  /** Written since the last sync. */
  #unsyncedBytes = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#unsyncedBytes += bytes.length;
    let done = 0;
    while (done < bytes.length && this.#isHere)
      done += writeSync(this.#handle.fd, bytes, done, bytes.length - done, offset + done);
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, offset + done);
      done += bytesWritten;
    }
  }

  async sync(): Promise<void> {
    const isHere = this.#isHere;
    this.#unsyncedBytes = 0;
    if (isHere) pace.timed(() => fdatasyncSync(this.#handle.fd));
    else await this.#handle.datasync();
  }

  get #isHere(): boolean {
    return this.#unsyncedBytes <= hereBytesMax && pace.isQuick;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
