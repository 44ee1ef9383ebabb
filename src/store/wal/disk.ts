/**
 * All that the log needs of a disk. `node-disk.ts` is the real one; a simulated one (lost unsynced tail, torn writes, bit
 * flips, failing sync) stands behind the same code in tests and in the simulator. Failures reject with an error that has
 * the `code` of the operating system (EIO, ENOSPC, ...).
 */
export interface Disk {
  /** Names in a folder, in any order; undefined if there is no such folder. */
  list(dir: string): Promise<readonly string[] | undefined>;
  /** Makes a folder, with its parents, and makes that durable. */
  makeDirectory(dir: string): Promise<void>;
  open(path: string, options: { readonly create: boolean }): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** After it resolved, creations, renames and removals in the folder survive a power failure. */
  syncDirectory(dir: string): Promise<void>;
}

export interface DiskFile {
  size(): Promise<number>;
  /** Fewer bytes than asked for at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** All of the bytes, or it rejects. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** fdatasync: after it resolved, everything written before the call survives a power failure. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
