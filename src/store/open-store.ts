import { accessSync, constants, existsSync, mkdirSync, rmSync, statSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ChainError } from '../errors/chain-error.ts';
import { schemaVersion } from './lmdb/bucket-registry.ts';
import { copyLmdb } from './lmdb/database.ts';
import { storeFailure } from './lmdb/failure.ts';
import { localKey, nameKey } from './lmdb/key.ts';
import { migrate, schemaOf, schemaWrite } from './lmdb/migration.ts';
import { ProcessLock } from './lmdb/process-lock.ts';
import { looksCut, requireReadable } from './lmdb/readable.ts';
import { syncDirectory } from './sync-directory.ts';
import { Table, type Write } from './lmdb/table.ts';
import { databaseFolder, Store } from './store.ts';
import type { Hash } from '../types/brand.ts';

/** Where a store is rebuilt, inside a data folder; with the marker in it, it only has to take its place. */
export const repairFolder = 'repairing';
export const repairCompleteMarker = 'complete';
/** In a data folder while its store is opened: one that is left is of a process which that has ended. */
const openingMarker = 'opening';
/** LMDB crashes the process where not even its first pages can be written. */
const freeBytesMin = 256 * 1024;
const chainKey = nameKey('meta', 'chain');

export interface NewStore {
  readonly chain: Hash;
  /** Node-local values that a store has from its first transaction on, if this call makes it. */
  readonly local?: readonly (readonly [name: string, value: Uint8Array])[];
}

/**
 * Opens the store of `<dataDir>/db` for this process alone, making the folder if need be. Throws STORE_OTHER_CHAIN, STORE_IN_USE,
 * STORE_SCHEMA_NEWER, STORE_PERMISSION, STORE_NOT_A_FOLDER, STORE_FULL, STORE_DAMAGED or STORE_IO; nothing stays locked then. Whoever has read what it
 * needs calls `opened()` of the store: a process that ends before lets the next one look through the store first.
 */
export async function openStore(dataDir: string, options: NewStore): Promise<Store> {
  prepareFolder(dataDir);
  const lock = ProcessLock.take(dataDir);
  const path = join(dataDir, databaseFolder);
  const marker = join(dataDir, openingMarker);
  let table: Table | undefined;
  let onOpened = (): void => undefined;
  try {
    if (existsSync(marker) || looksCut(path)) await requireReadable(path);
    onOpened = (): void => rmSync(marker, { force: true });
    writeFileSync(marker, '');
    table = Table.open(path, { readOnly: false });
    const onClose = (): void => {
      onOpened();
      lock.release();
    };
    const store = await openStoreOver(table, { dir: dataDir, ...options, onOpened, onClose });
    syncDirectory(dataDir);
    syncDirectory(join(dataDir, databaseFolder));
    return store;
  } catch (error) {
    await table?.close();
    onOpened();
    lock.release();
    throw storeFailure(dataDir, 'open', error);
  }
}

/** A store over a table that is open already, of this chain or empty. Throws as `openStore` does; the table stays open then. */
export async function openStoreOver(
  table: Table,
  options: NewStore & { readonly dir: string; readonly onOpened?: () => void; readonly onClose: () => void },
): Promise<Store> {
  const created = await prepareTable(table, options.dir, options);
  return new Store({ ...options, created, table });
}

/**
 * Opens an existing store for reading, also while a node uses it; takes no lock and writes nothing. Without `chain` that of
 * the folder is taken. `whole` reads all of it first, in a process of its own. Throws STORE_NOT_FOUND if there is none, STORE_DAMAGED.
 */
export async function openStoreForReading(
  dataDir: string,
  options: { readonly chain?: Hash; readonly whole?: boolean } = {},
): Promise<Store> {
  const path = join(dataDir, databaseFolder);
  if (existsSync(dataDir) && !statSync(dataDir).isDirectory())
    throw new ChainError('STORE_NOT_A_FOLDER', { path: dataDir });
  if (!existsSync(join(path, 'data.mdb'))) throw new ChainError('STORE_NOT_FOUND', { dir: dataDir });
  if (options.whole === true || looksCut(path)) await requireReadable(path);
  const table = Table.open(path, { readOnly: true });
  try {
    const chain = chainOf(table);
    if (chain === undefined) throw new ChainError('STORE_NOT_FOUND', { dir: dataDir });
    await migrate(table, { readOnly: true });
    assertChain(dataDir, options.chain ?? chain, chain);
    return new Store({ dir: dataDir, chain, created: false, table, onClose: () => {} });
  } catch (error) {
    await table.close();
    throw storeFailure(dataDir, 'open', error);
  }
}

/**
 * Copies everything that is synced in `dataDir`, used or not, to the data folder `to`, which must not exist. Throws STORE_NOT_FOUND, STORE_FULL,
 * STORE_DAMAGED or STORE_IO.
 */
export async function copyStore(dataDir: string, to: string): Promise<void> {
  const from = join(dataDir, databaseFolder);
  if (!existsSync(join(from, 'data.mdb'))) throw new ChainError('STORE_NOT_FOUND', { dir: dataDir });
  const folder = join(to, databaseFolder);
  if (looksCut(from)) await requireReadable(from);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await copyLmdb(from, folder);
    for (const each of [folder, to, dirname(to)]) syncDirectory(each);
  } catch (error) {
    throw storeFailure(to, 'write', error);
  }
}

function prepareFolder(dataDir: string): void {
  try {
    if (!existsSync(dataDir)) {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      syncDirectory(dirname(dataDir));
    }
    if (!statSync(dataDir).isDirectory()) throw new ChainError('STORE_NOT_A_FOLDER', { path: dataDir });
    if (existsSync(join(dataDir, repairFolder, repairCompleteMarker)))
      throw new ChainError('STORE_REPAIR_UNFINISHED', { dir: dataDir });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    // LMDB's own message for a file that it may not write does not say which one.
    for (const name of ['data.mdb', 'lock.mdb']) {
      const file = join(dataDir, databaseFolder, name);
      if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK);
    }
    const { bavail, bsize } = statfsSync(dataDir);
    if (bavail * bsize < freeBytesMin) throw new ChainError('STORE_FULL', { path: dataDir });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new ChainError('STORE_NOT_A_FOLDER', { path: dataDir });
    throw storeFailure(dataDir, 'read and write', error);
  }
}

/** True if it was empty: then it gets the schema and the chain in one transaction. */
async function prepareTable(table: Table, dataDir: string, { chain, local = [] }: NewStore): Promise<boolean> {
  if (schemaOf(table) === undefined) {
    const first: Write[] = local.map(([name, value]) => [localKey(name), value]);
    await table.write([schemaWrite(schemaVersion), [chainKey, Buffer.from(chain, 'ascii')], ...first]);
    return true;
  }
  await migrate(table, { readOnly: false });
  assertChain(dataDir, chain, chainOf(table) ?? ('' as Hash));
  return false;
}

function chainOf(table: Table): Hash | undefined {
  const bytes = table.get(chainKey);
  return bytes === undefined ? undefined : (Buffer.from(bytes).toString('ascii') as Hash);
}

function assertChain(dir: string, expected: Hash, found: Hash): void {
  if (expected !== found) throw new ChainError('STORE_OTHER_CHAIN', { dir, expected, found });
}
