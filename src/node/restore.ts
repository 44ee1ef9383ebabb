import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { ChainError } from '../errors/chain-error.ts';
import { copyStore, openStore, openStoreForReading } from '../store/index.ts';
import { syncDirectory } from '../store/sync-directory.ts';
import { readNodeConfig } from './config.ts';
import { walCreatedKey } from './consensus-log.ts';
import { readGenesis } from './genesis-command.ts';
import { knownPast, observeKey, unknownPast } from './observing-until.ts';

export interface RestoreOptions {
  readonly config: string;
  /** The operator's word that this node signed nothing above this height; otherwise the peers are asked. */
  readonly through?: number;
}

/**
 * Tells a stopped node that its data folder comes from a backup, or that its log is lost: what it signed since, it does not know. It will
 * observe as `ObservingUntil` says, and begin a new log; the old one is kept beside. Throws STORE_NOT_FOUND, STORE_IN_USE.
 */
export async function runRestore({ config: file, through }: RestoreOptions): Promise<void> {
  const config = readNodeConfig(file);
  const genesis = await readGenesis(config.genesisFile);
  if (!existsSync(join(config.dataDir, 'db', 'data.mdb')))
    throw new ChainError('STORE_NOT_FOUND', { dir: config.dataDir });
  const store = await openStore(config.dataDir, { chain: genesis.hash });
  try {
    // In this order: whatever is interrupted, the node observes, and this command may be given again.
    await store.local.put(observeKey, through === undefined ? unknownPast('restored') : knownPast('restored', through));
    const wal = join(config.dataDir, 'wal');
    if (existsSync(wal)) {
      const kept = `${wal}-${Date.now()}`;
      renameSync(wal, kept);
      syncDirectory(config.dataDir);
      console.log(`the old log is kept in ${kept}`);
    }
    await store.local.delete(walCreatedKey);
    console.log(
      `height ${Math.max(0, store.lastHeight())} is on disk; ` +
        (through === undefined
          ? 'the node will sign nothing until it is one above the highest height in progress that its peers report'
          : `the node will sign nothing through height ${through}`),
    );
  } finally {
    await store.close();
  }
}

/**
 * Copies the store of a node, running or not, to a folder that must not exist: compacted, without log and keys. To go back to it, put it in
 * the place of the data folder and run `chain-node restore`. Throws NODE_FILE_EXISTS, STORE_NOT_FOUND.
 */
export async function runBackup(options: { readonly config: string; readonly out: string }): Promise<void> {
  const config = readNodeConfig(options.config);
  const genesis = await readGenesis(config.genesisFile);
  if (existsSync(options.out)) throw new ChainError('NODE_FILE_EXISTS', { file: options.out });
  await copyStore(config.dataDir, options.out);
  const copy = await openStoreForReading(options.out, { chain: genesis.hash });
  try {
    console.log(`height ${Math.max(0, copy.lastHeight())} copied to ${options.out}`);
  } finally {
    await copy.close();
  }
}
