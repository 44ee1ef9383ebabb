import { open } from 'lmdb';

/**
 * All that the table needs of LMDB. The simulator and the tests put a model in its place, which a property test compares with the
 * real one.
 */
export interface Database {
  get(key: Buffer): Buffer | undefined;
  doesExist(key: Buffer): boolean;
  /** `[from, to)` in the order of the keys; `reverse` swaps start and end. */
  getKeys(range: DatabaseRange): Iterable<Buffer>;
  getRange(range: DatabaseRange): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
  /** Puts and removes called inside are one transaction; resolves when it is synced. */
  batch(action: () => void): Promise<unknown>;
  put(key: Buffer, value: Buffer): Promise<unknown>;
  remove(key: Buffer): Promise<unknown>;
  getStats(): object;
  close(): Promise<void>;
}

export interface DatabaseRange {
  readonly start: Buffer;
  readonly end: Buffer;
  readonly exclusiveStart?: boolean;
  readonly inclusiveEnd?: boolean;
  readonly reverse?: boolean;
}

/** A compacted copy of what is synced now to the empty folder `to`; whoever uses `path` goes on. */
export async function copyLmdb(path: string, to: string): Promise<void> {
  const db = open({ path, readOnly: true, keyEncoding: 'binary', encoding: 'binary', noSubdir: false });
  try {
    await db.backup(to, true);
  } finally {
    await db.close();
  }
}

/** LMDB in the folder `path`. "Committed" means synced. */
export function openLmdb(path: string, options: { readonly readOnly: boolean }): Database {
  return open<Buffer, Buffer>({
    path,
    readOnly: options.readOnly,
    keyEncoding: 'binary',
    encoding: 'binary',
    overlappingSync: false,
    cache: false,
    noSubdir: false,
  });
}
